//! Ten million rows: what was true of a small month is true of a large one, whatever threads and
//! memory each command was given.

use std::path::Path;
use std::sync::OnceLock;

use tantieme::digest::Digest;
use tempfile::TempDir;

use crate::support::{Database, Desk, json, program};

/// A month of ten million plays, made once for all tests.
fn month() -> &'static Path {
    static MONTH: OnceLock<TempDir> = OnceLock::new();
    let folder = MONTH.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let size = ["--listeners", "200000", "--recordings", "40000", "--payees", "10000"];
        let made = program()
            .args(["generate", "--seed", "11"])
            .args(size)
            .arg("month")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        folder
    });
    folder.path()
}

/// Imports, closes and publishes the month; returns its result hash and a digest of its lines.
fn settle(desk: &Desk) -> (String, Digest) {
    let folder = month().join("month");
    let mut rows = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = if name.starts_with("agreement") {
            "agreements"
        } else {
            name.split('.').next().unwrap()
        };
        let said = desk.run(&["import", kind, path.to_str().unwrap(), "--format", "json"]).ok();
        let report = &json(&said)[0];
        assert_eq!(report["quarantined"], 0);
        if kind == "usage" {
            rows = report["taken"].as_u64().unwrap();
        }
    }
    assert!(rows > 10_000_000, "{rows} rows");
    let result = desk.publish("2026-10");
    let lines = desk.run(&["statements", "2026-10"]).ok();
    (result, Digest::of(lines.as_bytes()))
}

#[test]
fn ten_million_plays_settle_alike_on_both_databases_and_are_proven() {
    let results: Vec<_> = [Database::Sqlite, Database::Postgres]
        .into_iter()
        .filter_map(Desk::new)
        .map(|desk| {
            let settled = settle(&desk);
            // Everything again from the sealed files: conservation, hashes, sums, balances.
            desk.run(&["verify"]).ok();
            settled
        })
        .collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
}

#[test]
fn ten_million_plays_are_shared_alike_from_sealed_usage_and_from_rows_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let said = program().args(words).current_dir(folder.path()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    };
    let size = ["--listeners", "200000", "--recordings", "100000", "--seed", "12"];
    run(&[&["generate"], &size[..], &["usage.parquet"]].concat());
    run(&[&["generate"], &size[..], &["--shuffled", "usage.csv"]].concat());
    for model in ["pro_rata", "user_centric"] {
        let words = ["--amount", "123456.789012", "--currency", "EUR", "--model", model];
        let allocate =
            |more: &[&str]| run(&[&["allocate"], &words[..], more, &["--format", "csv"]].concat());
        let sealed = allocate(&["--usage", "usage.parquet", "--threads", "1"]);
        let micros = |row: &str| {
            let amount = row.rsplit(',').next().unwrap().replace('.', "");
            amount.parse::<i128>().unwrap()
        };
        assert_eq!(sealed.lines().skip(1).map(micros).sum::<i128>(), 123_456_789_012);
        for more in [
            &["--usage", "usage.parquet", "--threads", "7"][..],
            &["--usage", "usage.csv", "--threads", "1", "--memory", "1GiB"],
            &["--usage", "usage.csv", "--threads", "5", "--memory", "3MiB"],
            &["--usage", "usage.csv"],
        ] {
            assert!(allocate(more) == sealed, "{model} {more:?}");
        }
    }
}
