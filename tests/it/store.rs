//! Every statement on both databases.

use tantieme::store::{Store, statements};

use crate::support::{Database, Desk, block_on};

on_both! {
    fn every_statement_makes_sense(desk) {
        block_on(async {
            let store = Store::open(&desk.url()).await.unwrap();
            for sql in statements::all() {
                let mut tx = store.write().await.unwrap();
                tx.prepare(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            }
            store.close().await;
        });
    }
}

on_both! {
    fn tables_that_another_program_has_changed_are_refused(desk) {
        let changed = [
            ("checksum = '\\x00' WHERE version = 2", "2 was previously applied but has been modified"),
            ("success = false WHERE version = 5", "5 is partially applied"),
            ("version = 99 WHERE version = 5", "99 was previously applied but is missing"),
        ];
        let back = "DELETE FROM _sqlx_migrations; INSERT INTO _sqlx_migrations SELECT * FROM kept";
        desk.sql("CREATE TABLE kept AS SELECT * FROM _sqlx_migrations").unwrap();
        for (change, words) in changed {
            desk.run(&["status"]).ok();
            desk.sql(&format!("UPDATE _sqlx_migrations SET {change}")).unwrap();
            let said = desk.run(&["status"]).refused();
            assert!(said.contains(words), "{said}");
            desk.sql(back).unwrap();
        }
        desk.run(&["status"]).ok();
    }
}

#[test]
fn a_connection_that_looks_keeps_little_of_the_file() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    block_on(async {
        let store = Store::open(&desk.url()).await.unwrap();
        let row = store.looking(1).row("PRAGMA cache_size", &[]).await.unwrap().unwrap();
        let kib = -row.int(0).unwrap(); // as SQLite has it, a minus stands for KiB
        assert!((1..=8192).contains(&kib), "{kib}");
        store.close().await;
    });
}

#[test]
fn on_sqlite_a_writer_that_waits_in_vain_says_who_is_in_its_way() {
    let Some(desk) = crate::support::Desk::new(crate::support::Database::Sqlite) else { return };
    block_on(async {
        let path = desk.dir().join("tantieme.db");
        let hasty = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(std::time::Duration::ZERO);
        let second = Store::Sqlite(sqlx::SqlitePool::connect_with(hasty).await.unwrap());
        let store = Store::open(&desk.url()).await.unwrap();
        let first = store.write().await.unwrap();
        let Err(error) = second.write().await else { panic!("two wrote at once") };
        let said = "another process has been writing to the database for over a minute";
        assert!(error.to_string().starts_with(said), "{error}");
        drop(first);
        second.write().await.unwrap();
        second.close().await;
        store.close().await;
    });
}
