//! Workspaces that are none, or that are somebody else's.

use std::time::{Duration, Instant};

use super::assert_says;
use crate::support::{Database, Desk, Said, block_on, program};

#[test]
fn a_folder_that_is_no_workspace_says_how_to_make_one() {
    let desk = Desk::empty(Database::Sqlite).unwrap();
    let said = desk.run(&["status"]).refused();
    assert_says(&said, "is not a workspace: run `tantieme init` there, or name one with -w DIR");
}

on_both! {
    fn a_workspace_is_made_once(desk) {
        let secret = std::fs::read(desk.dir().join("secret.key")).unwrap();
        assert_says(&desk.run(&["init"]).refused(), "is a workspace already");
        assert_eq!(std::fs::read(desk.dir().join("secret.key")).unwrap(), secret);
    }
}

on_both! {
    fn an_unknown_setting_is_refused_with_its_place(desk) {
        desk.file("tantieme.toml", "# settings\ndatabse_url = \"sqlite:x\"\n");
        let said = desk.run(&["status"]).refused();
        assert_says(&said, "tantieme.toml: ");
        assert_says(&said, "line 2, column 1");
        assert_says(&said, "unknown field `databse_url`");
    }
}

on_both! {
    fn a_damaged_secret_is_refused_by_its_files_name(desk) {
        desk.file("secret.key", "not a secret\n");
        let said = desk.run(&["status"]).refused();
        assert_says(&said, "secret.key: the secret must be 64 hexadecimal digits");
    }
}

on_both! {
    fn another_workspaces_secret_is_refused(desk) {
        desk.file("secret.key", &format!("{}\n", "5a".repeat(32)));
        assert_says(&desk.run(&["status"]).refused(), "the data was hashed with the secret ");
    }
}

#[test]
fn a_second_workspace_on_one_database_needs_its_secret() {
    let Some(first) = Desk::new(Database::Postgres) else { return };
    let folder = tempfile::tempdir().unwrap();
    let init = || -> Said {
        let mut command = program();
        command.arg("-w").arg(folder.path()).arg("init").env("DATABASE_URL", first.url());
        command.output().unwrap().into()
    };
    assert_says(&init().refused(), "the data was hashed with the secret ");
    let secret = std::fs::read(first.dir().join("secret.key")).unwrap();
    std::fs::write(folder.path().join("secret.key"), secret).unwrap();
    init().ok();
}

#[test]
fn a_database_of_another_make_is_refused_and_its_password_is_not_repeated() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    for url in ["mysql://ana:hunter2@host/name", "postgres://ana:hunter2@host:no-port/name"] {
        let said = desk.run(&["--database-url", url, "status"]).refused();
        assert_says(&said, "database");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// Whether a command ends within ten seconds.
fn ends_soon(desk: &Desk, words: &[&str]) -> bool {
    let mut child = desk.command(words).stdout(std::process::Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

on_both! {
    fn whoever_only_looks_does_not_wait_for_an_import(desk) {
        super::import_month(desk);
        desk.publish("2026-10");
        block_on(async {
            let store = tantieme::store::Store::open(&desk.url()).await.unwrap();
            let writer = store.write().await.unwrap(); // an import that takes its time
            for words in [&["status"][..], &["statements", "2026-10"], &["quarantine", "list"]] {
                assert!(ends_soon(desk, words), "{words:?} waits for a writer");
            }
            drop(writer);
            store.close().await;
        });
    }
}
