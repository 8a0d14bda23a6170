//! Hands on the database and on the files: what the database refuses, and what `verify` finds.

use std::path::Path;

use super::{assert_says, files, import_month};
use crate::support::{Database, Desk, block_on};

/// The tables whose rows are only ever added, and a column of each.
const ONLY_GROW: [(&str, &str); 8] = [
    ("account", "code"),
    ("posting", "posted_by"),
    ("transfer", "amount"),
    ("closed_period", "period"),
    ("balance_snapshot", "balance"),
    ("statement", "total"),
    ("close_event", "note"),
    ("settled_file", "run_id"),
];

pub fn published(desk: &Desk) {
    import_month(desk);
    desk.publish("2026-10");
    desk.run(&["verify"]).ok();
}

/// A published month on one database, for what the other has no word for.
pub fn on_one(database: Database, test: impl FnOnce(&Desk)) {
    if let Some(desk) = Desk::new(database) {
        published(&desk);
        test(&desk);
    }
}

#[track_caller]
pub fn database_refuses(desk: &Desk, sql: &str, reason: &str) {
    match desk.sql(sql) {
        Ok(()) => panic!("the database took {sql}"),
        Err(said) => assert_says(&said, reason),
    }
    desk.run(&["verify"]).ok();
}

/// `INSERT` of one transfer: period, day, debit, amount, posting.
fn transfer(
    desk: &Desk,
    (period, day): (&str, &str),
    debit: i64,
    amount: i64,
    posting: i64,
) -> String {
    let bytes = if desk.is_postgres() { "'\\x00'" } else { "x'00'" };
    format!(
        "INSERT INTO transfer (id, posting_id, period, debit, credit, currency, amount, kind, \
         lines, effective_on, recorded_at) VALUES (99, {posting}, '{period}', {debit}, 1, 'CNY', \
         {amount}, 'share', {bytes}, '{day}', '2026-11-30T00:00:00Z')"
    )
}

const NOVEMBER: (&str, &str) = ("2026-11", "2026-11-30");

/// What the database must refuse whatever a session switches off.
fn malformed(desk: &Desk) -> [(String, &'static str); 6] {
    [
        (transfer(desk, ("2026-10", "2026-10-31"), 2, 1, 1), "closed"),
        (transfer(desk, ("2026-11", "2026-10-31"), 2, 1, 1), ""),
        (transfer(desk, NOVEMBER, 2, 0, 1), ""),
        (transfer(desk, NOVEMBER, 1, 1, 1), ""), // from an account to itself
        (transfer(desk, NOVEMBER, 999, 1, 1), ""),
        (transfer(desk, NOVEMBER, 2, 1, 999), ""),
    ]
}

on_both! {
    fn rows_of_the_ledger_are_neither_changed_nor_deleted(desk) {
        published(desk);
        for (table, column) in ONLY_GROW {
            for sql in
                [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")]
            {
                let said = desk.sql(&sql).expect_err(&sql);
                assert_says(&said, &format!("rows of {table} are only ever added"));
            }
        }
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn nothing_is_posted_into_a_closed_period_nor_out_of_shape(desk) {
        published(desk);
        for (sql, reason) in malformed(desk) {
            database_refuses(desk, &sql, reason);
        }
        // Each was refused for what is wrong with it, and not for being written by hand.
        desk.sql(&transfer(desk, NOVEMBER, 2, 1, 1)).unwrap();
    }
}

on_both! {
    fn a_transfer_that_was_written_by_hand_is_found(desk) {
        published(desk);
        desk.sql(&transfer(desk, NOVEMBER, 2, 1, 1)).unwrap();
        assert_says(
            &desk.run(&["verify"]).refused(),
            "posting 1 of 2026-10 is not what was posted",
        );
    }
}

#[test]
fn on_postgres_no_table_of_the_ledger_is_emptied() {
    on_one(Database::Postgres, |desk| {
        for (table, _) in ONLY_GROW {
            let sql = format!("TRUNCATE {table} CASCADE");
            let said = desk.sql(&sql).expect_err(&sql);
            assert_says(&said, "are only ever added");
        }
        desk.run(&["verify"]).ok();
    });
}

#[test]
fn on_postgres_the_role_of_a_replica_changes_no_row() {
    on_one(Database::Postgres, |desk| {
        for (table, column) in ONLY_GROW {
            for sql in [
                format!("UPDATE {table} SET {column} = {column}"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table} CASCADE"),
            ] {
                let sql = format!("SET session_replication_role = replica; {sql}");
                assert_says(&desk.sql(&sql).expect_err(&sql), "are only ever added");
            }
        }
        desk.run(&["verify"]).ok();
    });
}

#[test]
fn on_postgres_the_role_of_a_replica_posts_nothing_malformed() {
    on_one(Database::Postgres, |desk| {
        for (sql, reason) in malformed(desk) {
            let sql = format!("SET session_replication_role = replica; {sql}");
            database_refuses(desk, &sql, reason);
        }
    });
}

#[test]
fn on_sqlite_nothing_is_replaced_by_an_insert() {
    on_one(Database::Sqlite, |desk| {
        for (table, _) in ONLY_GROW {
            for words in ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"] {
                let sql = format!("{words} INTO {table} SELECT * FROM {table} LIMIT 1");
                desk.sql(&sql).expect_err(&sql);
            }
        }
        let sql = transfer(desk, ("2026-10", "2026-10-31"), 2, 1, 1).replace("(99,", "(1,");
        database_refuses(desk, &sql.replace("INSERT", "INSERT OR REPLACE"), "");
        database_refuses(desk, &sql.replace("INSERT", "INSERT OR IGNORE"), "");
    });
}

#[test]
fn on_sqlite_switching_checks_and_foreign_keys_off_opens_nothing() {
    on_one(Database::Sqlite, |desk| {
        let off = "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; \
            PRAGMA recursive_triggers = OFF; ";
        for (sql, reason) in malformed(desk) {
            database_refuses(desk, &format!("{off}{sql}"), reason);
        }
        let good = transfer(desk, NOVEMBER, 2, 1, 1);
        database_refuses(desk, &format!("{off}{}", good.replace("'CNY'", "'TWD'")), "");
        database_refuses(desk, &format!("{off}UPDATE transfer SET amount = 0"), "only ever added");
    });
}

/// Changes a table behind the back of its triggers.
pub fn tamper(desk: &Desk, table: &str, sql: &str) {
    let open = if desk.is_postgres() {
        format!("ALTER TABLE {table} DISABLE TRIGGER ALL")
    } else {
        let drop = |trigger| format!("DROP TRIGGER {trigger}");
        triggers(desk, table).into_iter().map(drop).collect::<Vec<_>>().join("; ")
    };
    desk.sql(&format!("{open}; {sql}")).unwrap();
}

/// The triggers of a table in SQLite.
fn triggers(desk: &Desk, table: &str) -> Vec<String> {
    const SQL: &str = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = $1";
    block_on(async {
        let store = tantieme::store::Store::open(&desk.url()).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let rows = tx.rows(SQL, &[table.into()]).await.unwrap();
        let names = rows.iter().map(|row| row.text(0).unwrap()).collect();
        drop(tx);
        store.close().await;
        names
    })
}

#[track_caller]
pub fn verify_finds(desk: &Desk, table: &str, sql: &str, words: &str) {
    published(desk);
    tamper(desk, table, sql);
    assert_says(&desk.run(&["verify"]).refused(), words);
}

const POSTING: &str = "posting 1 of 2026-10 is not what was posted";

on_both! {
    fn a_changed_amount_is_found(desk) {
        verify_finds(
            desk,
            "transfer",
            "UPDATE transfer SET amount = amount + 1 WHERE id = 1",
            POSTING,
        );
    }
}

on_both! {
    fn two_amounts_changed_so_that_they_balance_are_found(desk) {
        let sql = "UPDATE transfer SET amount = amount + 1000000";
        verify_finds(desk, "transfer", sql, POSTING);
    }
}

on_both! {
    fn a_missing_transfer_is_found(desk) {
        verify_finds(desk, "transfer", "DELETE FROM transfer WHERE id = 2", POSTING);
    }
}

on_both! {
    fn a_renamed_account_is_found(desk) {
        let sql = "UPDATE account SET code = 'payable:mallory' WHERE code = 'payable:label'";
        verify_finds(desk, "account", sql, POSTING);
    }
}

on_both! {
    fn another_poster_is_found(desk) {
        verify_finds(desk, "posting", "UPDATE posting SET posted_by = 'mallory'", POSTING);
    }
}

on_both! {
    fn another_hash_is_found(desk) {
        verify_finds(desk, "posting", "UPDATE posting SET hash = previous", POSTING);
    }
}

on_both! {
    fn a_month_opened_again_by_hand_is_found(desk) {
        verify_finds(desk, "closed_period", "DELETE FROM closed_period", "closed ; posted 2026-10");
    }
}

on_both! {
    fn a_changed_balance_is_found(desk) {
        let sql = "UPDATE balance_snapshot SET balance = balance + 1 WHERE balance > 0";
        verify_finds(desk, "balance_snapshot", sql, "the balance of payable:");
    }
}

on_both! {
    fn a_missing_balance_is_found(desk) {
        let sql = "DELETE FROM balance_snapshot WHERE balance > 0";
        verify_finds(desk, "balance_snapshot", sql, "2026-10");
    }
}

on_both! {
    fn a_changed_total_on_a_statement_is_found(desk) {
        let sql = "UPDATE statement SET total = total + 1 WHERE payee = 'mei'";
        verify_finds(desk, "statement", sql, "statement of 2026-10 does not hold the statements");
    }
}

on_both! {
    fn a_changed_opening_balance_on_a_statement_is_found(desk) {
        let sql = "UPDATE statement SET opening = 1000000 WHERE payee = 'mei'";
        verify_finds(desk, "statement", sql, "2026-10");
    }
}

on_both! {
    fn a_statement_given_to_another_payee_is_found(desk) {
        let sql =
            "UPDATE statement SET payee = 'mallory', payee_name = 'Mallory' WHERE payee = 'mei'";
        verify_finds(desk, "statement", sql, "2026-10");
    }
}

on_both! {
    fn a_published_run_that_was_marked_denied_is_found(desk) {
        verify_finds(desk, "close_run", "UPDATE close_run SET state = 'denied'", "2026-10");
    }
}

on_both! {
    fn another_result_on_a_run_is_found(desk) {
        let sql = "UPDATE close_run SET result = manifest";
        verify_finds(desk, "close_run", sql, "the result of 2026-10 is");
    }
}

on_both! {
    fn sales_marked_unsettled_again_are_found(desk) {
        verify_finds(desk, "settled_file", "DELETE FROM settled_file", "2026-10");
    }
}

/// Changes one byte in the middle of the one file under `folder` whose name holds `part`;
/// returns its name.
pub fn flip_a_byte(desk: &Desk, folder: &str, part: &str) -> String {
    let mut found = files(&desk.dir().join(folder));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    found.retain(|path| name(path).contains(part));
    let [path] = found.as_slice() else { panic!("{found:?}") };
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
    name(path)
}

#[track_caller]
fn verify_names(desk: &Desk, folder: &str, part: &str) {
    published(desk);
    let name = flip_a_byte(desk, folder, part);
    let said = desk.run(&["verify"]).refused();
    assert_says(&said, &name);
    assert_says(&said, "is not the ");
}

on_both! {
    fn a_byte_changed_in_sealed_usage_is_found_by_its_files_name(desk) {
        verify_names(desk, "data/usage", ".parquet");
    }
}

on_both! {
    fn a_byte_changed_in_the_lines_is_found_by_their_files_name(desk) {
        verify_names(desk, "data/closes", "lines-");
    }
}

on_both! {
    fn a_byte_changed_in_the_statements_is_found_by_their_files_name(desk) {
        verify_names(desk, "data/closes", "statements-");
    }
}

on_both! {
    fn a_byte_changed_in_the_allocation_is_found_by_its_files_name(desk) {
        verify_names(desk, "data/closes", "allocation-");
    }
}

on_both! {
    fn a_byte_changed_in_the_manifest_is_found_by_its_files_name(desk) {
        verify_names(desk, "data/closes", "manifest.json");
    }
}

on_both! {
    fn a_byte_changed_in_a_frozen_fact_is_found_by_its_files_name(desk) {
        verify_names(desk, "data/facts", "claims-");
    }
}

on_both! {
    fn a_sealed_file_that_is_gone_is_found_by_its_name(desk) {
        published(desk);
        let found = files(&desk.dir().join("data/usage"));
        std::fs::remove_file(&found[0]).unwrap();
        assert_says(
            &desk.run(&["verify"]).refused(),
            found[0].file_name().unwrap().to_str().unwrap(),
        );
    }
}
