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
