//! The demo month, whose every movement was worked out apart from this program.

use std::collections::BTreeMap;

use crate::support::{Database, Desk, json, program};

/// Debit, credit, kind, recording, service, offer, territory, right, currency → plays, amount.
type Movements = BTreeMap<Vec<String>, Vec<(String, String)>>;

fn movements(records: impl Iterator<Item = Vec<String>>) -> Movements {
    let mut movements = Movements::new();
    for mut record in records {
        let amount = record.remove(9);
        let plays = record.remove(8);
        movements.entry(record).or_default().push((plays, amount));
    }
    for amounts in movements.values_mut() {
        amounts.sort();
    }
    movements
}

/// The lines of a month as the library reads them, in the form of the golden file.
fn settled(desk: &Desk, period: &str) -> Movements {
    let lines = crate::support::block_on(async {
        let url = desk.is_postgres().then(|| desk.url());
        let workspace =
            tantieme::facts::Workspace::open(desk.dir(), url.as_deref(), None).await.unwrap();
        let lines = tantieme::close::lines(&workspace, period.parse().unwrap()).await.unwrap();
        workspace.store.close().await;
        lines.collect::<Result<Vec<_>, _>>().unwrap()
    });
    movements(lines.iter().filter(|line| line.kind != tantieme::settle::Kind::Pool).map(|line| {
        let origin = &line.origin;
        vec![
            line.debit.to_string(),
            line.credit.to_string(),
            line.kind.as_str().to_owned(),
            line.recording.as_ref().map(ToString::to_string).unwrap_or_default(),
            origin.service.to_string(),
            origin.offer.to_string(),
            origin.territory.to_string(),
            origin.right.to_string(),
            line.plays.to_string(),
            line.amount.to_string(),
            origin.currency.to_string(),
        ]
    }))
}

on_both! {
    fn every_movement_is_the_one_worked_out_by_hand(desk) {
        desk.import_demo();
        desk.publish("2026-10");
        let mut golden = csv::Reader::from_reader(include_str!("golden/demo-movements.csv").as_bytes());
        let golden = golden.records().map(|r| r.unwrap().iter().map(str::to_owned).collect());
        assert_eq!(settled(desk, "2026-10"), movements(golden));
        desk.run(&["verify"]).ok();
    }
}

#[test]
fn the_demo_runs_from_nothing_and_again() {
    let desk = Desk::empty(Database::Sqlite).unwrap();
    let folder = desk.dir().join("demo");
    let run = || {
        let output = program().arg("demo").arg(&folder).current_dir(desk.dir()).output().unwrap();
        crate::support::Said::from(output).ok()
    };
    let first = run();
    let shown = first.replace(folder.to_str().unwrap(), "DEMO");
    insta::assert_snapshot!("demo", shown);
    let again = run();
    assert!(again.contains("already imported"), "{again}");
    assert_eq!(
        first.split("Money in, and where it went").nth(1),
        again.split("Money in, and where it went").nth(1)
    );
}

#[test]
fn the_demo_goes_into_no_database_and_no_workspace_that_is_in_use() {
    for database in [Database::Sqlite, Database::Postgres] {
        let Some(used) = Desk::new(database) else { continue };
        let secret = std::fs::read_to_string(used.dir().join("secret.key")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let demo = |words: &[&str]| -> crate::support::Said {
            let mut command = program();
            command.env("DATABASE_URL", used.url()).env("TANTIEME_SECRET", secret.trim());
            command.arg("demo").args(words).current_dir(folder.path()).output().unwrap().into()
        };
        let by_name = demo(&["by-name", "--database-url", &used.url()]).refused();
        assert!(by_name.contains("the data was hashed with the secret"), "{by_name}");
        let by_folder = demo(&[used.dir().to_str().unwrap()]).refused();
        assert!(by_folder.contains("is a workspace and not the demo's"), "{by_folder}");
        demo(&["of-its-own"]).ok();
        let status = used.run(&["status"]).ok();
        assert!(status.starts_with("nothing has been imported yet"), "{status}");
    }
}

#[test]
fn the_demo_takes_an_empty_database_by_name_and_again() {
    let Some(desk) = Desk::empty(Database::Postgres) else { return };
    for _ in 0..2 {
        let mut command = program();
        command.args(["demo", "--database-url", &desk.url()]).current_dir(desk.dir());
        crate::support::Said::from(command.output().unwrap()).ok();
    }
}

on_both! {
    fn the_statements_of_the_demo_read_as_they_always_did(desk) {
        desk.import_demo();
        desk.publish("2026-10");
        let lines = desk.run(&["statements", "2026-10"]).ok();
        insta::assert_snapshot!("demo-statements", lines);
        let as_json = json(&desk.run(&["statements", "2026-10", "--format", "json"]).ok());
        let statements = as_json.as_array().unwrap();
        let total: usize = statements.iter().map(|s| s["lines"].as_array().unwrap().len()).sum();
        assert_eq!(total, lines.lines().count() - 1);
    }
}
