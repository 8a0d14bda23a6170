//! Every statement on both databases.

use tantieme::store::{Store, statements};

use crate::support::block_on;

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
