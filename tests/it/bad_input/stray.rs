//! Rows beside those that were published: what the database refuses, and what `verify` finds.

use super::ledger::{database_refuses, on_one, published, tamper, verify_finds};
use super::{REVENUE, SALES_HEADER, assert_says, usage};
use crate::support::{Database, Desk};

/// November, with 50.00 of its own to share.
fn import_november(desk: &Desk) {
    desk.import("revenue", "november.csv", &REVENUE.replace("2026-10", "2026-11")).ok();
    let plays = usage(&["u1,x::A,3,", "u2,x::B,1,"]).replace("2026-10", "2026-11");
    desk.import("usage", "usage-november.csv", &plays).ok();
}

/// October is published after a draft of other plays was denied, whose run is the first.
fn published_after_a_denial(desk: &Desk) {
    super::import_month(desk);
    desk.import("usage", "more.csv", &usage(&["u9,x::B,40,"])).ok();
    desk.close("2026-10");
    desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "too many plays"]).ok();
    desk.run(&["withdraw", "more.csv"]).ok();
    desk.publish("2026-10");
}

const DENIED_DRAFT: &str = "UPDATE close_step SET \
    path = (SELECT path FROM close_step WHERE run_id = 1 AND step = 'draft'), \
    sha256 = (SELECT sha256 FROM close_step WHERE run_id = 1 AND step = 'draft') \
    WHERE run_id = 2 AND step = 'draft'";

#[test]
fn on_sqlite_no_row_is_replaced_by_its_hidden_number() {
    on_one(Database::Sqlite, |desk| {
        for sql in [
            "INSERT OR REPLACE INTO closed_period (rowid, period, posting_id) \
             SELECT rowid, '1900-01', 1 FROM closed_period",
            "INSERT OR REPLACE INTO balance_snapshot (rowid, period, account_id, balance) \
             SELECT rowid, '1900-01', account_id, 0 FROM balance_snapshot",
            "INSERT OR REPLACE INTO statement (rowid, statement, posting_id, period, payee, \
             payee_name, currency, opening, total, line_count, first_row) SELECT rowid, \
             '1900-01/mallory/CNY', 1, '1900-01', 'mallory', '', 'CNY', 0, 0, 0, 0 FROM statement",
            "INSERT OR REPLACE INTO close_step (rowid, run_id, step, path, sha256) \
             SELECT rowid, 99, step, path, sha256 FROM close_step",
        ] {
            database_refuses(desk, sql, "");
        }
    });
}

#[test]
fn on_sqlite_no_published_run_is_replaced() {
    on_one(Database::Sqlite, |desk| {
        import_november(desk);
        desk.close("2026-11");
        let columns =
            "period, manifest, state, prepared_by, result, approved_by, started_at, last_import";
        let mallory = columns.replace("prepared_by", "'mallory'");
        for sql in [
            format!(
                "INSERT OR REPLACE INTO close_run (id, {columns}) SELECT id, {mallory} FROM close_run"
            ),
            format!(
                "INSERT OR REPLACE INTO close_run ({columns}) SELECT {mallory} FROM close_run \
                 WHERE period = '2026-10'"
            ),
            "UPDATE OR REPLACE close_run SET id = 1 WHERE period = '2026-11'".to_owned(),
            "UPDATE OR REPLACE close_run SET period = '2026-10' WHERE period = '2026-11'"
                .to_owned(),
        ] {
            database_refuses(desk, &sql, "");
        }
    });
}

on_both! {
    fn a_run_keeps_its_month(desk) {
        published(desk);
        import_november(desk);
        desk.close("2026-11");
        let sql = "UPDATE close_run SET period = '2026-12' WHERE period = '2026-11'";
        database_refuses(desk, sql, "a run keeps its number and its month");
    }
}

on_both! {
    fn the_steps_of_a_published_or_a_denied_run_never_change(desk) {
        published_after_a_denial(desk);
        for sql in [
            DENIED_DRAFT,
            "UPDATE close_step SET run_id = 1, step = 'other' WHERE run_id = 2",
            "DELETE FROM close_step WHERE run_id = 1",
            "DELETE FROM close_step WHERE run_id = 2",
            "INSERT INTO close_step (run_id, step, path, sha256) VALUES (2, 'more', '', '')",
        ] {
            database_refuses(desk, sql, "the steps of a run that is published or denied never change");
        }
    }
}

#[test]
fn on_postgres_runs_and_their_steps_are_not_emptied() {
    on_one(Database::Postgres, |desk| {
        for table in ["close_step", "close_run"] {
            let sql = format!("SET session_replication_role = replica; TRUNCATE {table} CASCADE");
            database_refuses(desk, &sql, "");
        }
        let replica = "SET session_replication_role = replica";
        database_refuses(desk, &format!("{replica}; DELETE FROM close_step"), "never change");
    });
}

on_both! {
    fn a_month_gets_no_statement_and_no_balance_but_while_it_is_posted(desk) {
        published(desk);
        let statement = |month: &str, of: &str, posting: i64| {
            format!(
                "INSERT INTO statement (statement, posting_id, period, payee, payee_name, currency, \
                 opening, total, line_count, first_row) VALUES ('{month}/mallory/CNY', {posting}, \
                 '{of}', 'mallory', 'Mallory', 'CNY', 0, 1000000, 1, 0)"
            )
        };
        let balance = |month: &str| {
            format!("INSERT INTO balance_snapshot (period, account_id, balance) VALUES ('{month}', 99, 1)")
        };
        for (sql, reason) in [
            (statement("2026-10", "2026-10", 1), "closed"),
            (statement("2026-10", "2026-11", 1), "a statement needs"),
            (statement("2026-11", "2026-11", 1), "a statement needs"),
            (statement("2026-11", "2026-11", 99), "a statement needs"),
            (balance("2026-10"), ""),
            (balance("2026-11"), "a balance needs"),
        ] {
            database_refuses(desk, &sql, reason);
        }
    }
}

on_both! {
    fn a_step_that_is_gone_is_damage_and_no_reason_to_close_again(desk) {
        published(desk);
        tamper(desk, "close_step", "DELETE FROM close_step");
        for words in [&["statements", "2026-10"][..], &["suspense", "2026-10"], &["verify"]] {
            let said = desk.run(words).refused();
            assert_says(&said, "close_step of 2026-10 does not say what ");
        }
    }
}

on_both! {
    fn a_settled_sale_that_no_published_run_has_settled_is_found_and_settles(desk) {
        published_after_a_denial(desk);
        let sale = format!("{SALES_HEADER}\n2026-10,shop,x::A,CN,download,1,10.00,CNY\n");
        desk.import("sales", "late.csv", &sale).ok();
        let last = "(SELECT MAX(id) FROM sealed_file)";
        desk.sql(&format!("INSERT INTO settled_file (sealed_file_id, run_id) VALUES ({last}, 1)")).unwrap();
        assert_says(&desk.run(&["verify"]).refused(), "settled_file lists batch late.csv of 2026-10");
        import_november(desk);
        assert_eq!(super::total(desk, "2026-11", "/money_in"), "60.000000");
    }
}

on_both! {
    fn a_statement_of_a_month_that_is_not_published_is_found(desk) {
        let sql = "INSERT INTO statement (statement, posting_id, period, payee, payee_name, currency, \
            opening, total, line_count, first_row) VALUES ('2026-11/mallory/CNY', 1, '2026-11', \
            'mallory', 'Mallory', 'CNY', 0, 1000000, 1, 0)";
        verify_finds(desk, "statement", sql, "statement 2026-11/mallory/CNY");
    }
}

on_both! {
    fn a_posting_of_another_run_is_found(desk) {
        published_after_a_denial(desk);
        tamper(desk, "posting", "UPDATE posting SET run_id = 1");
        assert_says(&desk.run(&["verify"]).refused(), "posting 1 of 2026-10 is not what was posted");
    }
}

on_both! {
    fn the_head_of_the_chain_is_printed_when_a_month_is_published_and_when_it_is_verified(desk) {
        super::import_month(desk);
        let result = desk.close("2026-10");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &result]).ok();
        let said = desk.run(&["publish", "2026-10", "--as", "ben"]).ok();
        let head = said.lines().find(|line| line.starts_with("posting 1 ")).expect(&said);
        assert_eq!(head.len(), "posting 1 ".len() + 64);
        assert_says(&desk.run(&["verify"]).ok(), head);
    }
}

on_both! {
    fn a_balance_of_a_month_to_come_opens_no_statement(desk) {
        published(desk);
        import_november(desk);
        let forged = "INSERT INTO balance_snapshot (period, account_id, balance) \
            SELECT '2027-01', id, 999000000 FROM account WHERE code = 'payable:mei'";
        database_refuses(desk, forged, "a balance needs");
        tamper(desk, "balance_snapshot", forged);
        desk.publish("2026-11");
        let said = desk.run(&["statements", "2026-11", "--payee", "mei", "--format", "json"]).ok();
        assert_eq!(crate::support::json(&said)[0]["opening"], "12.500000");
        assert_says(&desk.run(&["verify"]).refused(), "2027-01 has balances and was not posted");
    }
}

on_both! {
    fn nothing_is_posted_upon_balances_that_do_not_add_up(desk) {
        published(desk);
        import_november(desk);
        let result = desk.close("2026-11");
        desk.run(&["approve", "2026-11", "--as", "ben", "--result", &result]).ok();
        let sql = "UPDATE balance_snapshot SET balance = balance + 1 WHERE balance > 0";
        tamper(desk, "balance_snapshot", sql);
        let said = desk.run(&["publish", "2026-11", "--as", "ben"]).refused();
        assert_says(&said, "the balances in CNY add up to ");
        assert_says(&said, "run `tantieme verify`");
    }
}

on_both! {
    fn nothing_is_posted_upon_a_posting_whose_hash_is_damaged(desk) {
        published(desk);
        import_november(desk);
        let result = desk.close("2026-11");
        desk.run(&["approve", "2026-11", "--as", "ben", "--result", &result]).ok();
        let short = if desk.is_postgres() { "'\\x00'" } else { "x'00'" };
        tamper(desk, "posting", &format!("UPDATE posting SET hash = {short}"));
        let said = desk.run(&["publish", "2026-11", "--as", "ben"]).refused();
        assert_says(&said, "the hash of posting 1 cannot be read; run `tantieme verify`");
    }
}
