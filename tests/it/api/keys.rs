//! `tantieme key`.

use std::time::{Duration, Instant};

use super::{demo, key};
use crate::support::json;

on_both! {
    fn a_key_is_shown_once_and_only_its_digest_is_kept(desk) {
        desk.import_demo();
        let plain = key(desk, &["--payee", "lumen"]);
        assert!(plain.starts_with("tnt_") && plain.len() == 76, "{plain}");
        assert_ne!(plain, key(desk, &["--payee", "lumen"]));
        let listed = desk.run(&["key", "list", "--format", "json"]).ok();
        assert!(!listed.contains(&plain[4..20]), "{listed}");
        let first = &json(&listed)[0];
        assert_eq!((&first["id"], &first["scope"], &first["party"]), (&1.into(), &"payee".into(), &"lumen".into()));
        assert_eq!(first["revoked_at"], serde_json::Value::Null);

        let digest = tantieme::digest::Digest::of(plain.as_bytes()).to_string();
        let kept = crate::support::block_on(async {
            let store = tantieme::store::Store::open(&desk.url()).await.unwrap();
            let mut tx = store.read().await.unwrap();
            let row = tx.row("SELECT sha256 FROM api_key WHERE id = 1", &[]).await.unwrap().unwrap();
            let kept = row.text(0).unwrap();
            drop(tx);
            store.close().await;
            kept
        });
        assert_eq!(kept, digest);
    }
}

on_both! {
    fn a_key_needs_a_name_one_scope_and_a_party_that_is_known(desk) {
        desk.import_demo();
        let add = |words: &[&str]| desk.run(&[&["key", "add"], words].concat());
        assert_eq!(add(&["--name", "x"]).code, Some(2));
        assert_eq!(add(&["--name", "x", "--all", "--payee", "lumen"]).code, Some(2));
        assert_eq!(add(&["--name", "x", "--payee", " "]).code, Some(2));
        assert!(add(&["--name", " ", "--all"]).refused().contains("--name needs"));
        assert!(add(&["--name", "x", "--label", "nobody"]).refused().contains("no party \"nobody\" is known"));
        assert_eq!(desk.run(&["key", "list"]).ok(), "there is no key; `tantieme key add` makes one\n");
    }
}

on_both! {
    fn keys_are_kept_and_change_once_when_they_are_revoked(desk) {
        key(desk, &["--all"]);
        key(desk, &["--all"]);
        for sql in [
            "DELETE FROM api_key",
            "UPDATE api_key SET name = 'another' WHERE id = 1",
            "UPDATE api_key SET scope = 'payee', party = 'mei' WHERE id = 1",
            "UPDATE api_key SET revoked_at = 'now', revoked_by = 'x', sha256 = 'y' WHERE id = 1",
            "INSERT INTO api_key (name, sha256, scope, party, made_at, made_by) VALUES ('n', 's', 'some', NULL, 'a', 'b')",
            "INSERT INTO api_key (name, sha256, scope, party, made_at, made_by) VALUES ('n', 's', 'all', 'mei', 'a', 'b')",
            "INSERT INTO api_key (name, sha256, scope, party, made_at, made_by) VALUES ('n', 's', 'payee', NULL, 'a', 'b')",
        ] {
            desk.sql(sql).expect_err(sql);
        }
        if desk.is_postgres() {
            desk.sql("TRUNCATE api_key").unwrap_err();
        } else {
            desk.sql("INSERT OR REPLACE INTO api_key SELECT id, name, sha256, 'all', NULL, made_at, made_by, NULL, NULL FROM api_key").unwrap_err();
        }
        desk.run(&["key", "revoke", "1"]).ok();
        desk.sql("UPDATE api_key SET revoked_at = NULL, revoked_by = NULL WHERE id = 1").unwrap_err();
        assert!(desk.run(&["key", "revoke", "1"]).refused().contains("there is no key 1"));
        assert!(desk.run(&["key", "revoke", "7"]).refused().contains("there is no key 7"));
    }
}

on_both! {
    fn a_revoked_key_stops_working_within_seconds(desk) {
        let api = demo(desk);
        let (gone, stays) = (key(desk, &["--all"]), key(desk, &["--all"]));
        api.get(&gone, "/v1/periods").ok();
        desk.run(&["key", "revoke", "1"]).ok();
        let revoked = Instant::now();
        while api.get(&gone, "/v1/periods").status == 200 {
            assert!(revoked.elapsed() < Duration::from_secs(4), "it still works");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(api.get(&gone, "/v1/periods").problem(), (401, "unauthorized".to_owned()));
        api.get(&stays, "/v1/periods").ok();
    }
}
