//! Made-up usage and months: the same bytes everywhere, and taken like anybody's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use crate::bad_input::{assert_says, files};
use crate::support::{Database, Desk, Said, json, program};

/// Runs `generate` in a folder.
fn generate(folder: &Path, words: &[&str]) -> Said {
    let mut command = program();
    command.arg("generate").args(words).current_dir(folder);
    command.output().unwrap().into()
}

/// Generates a file of 300 listeners and returns its bytes.
fn made(name: &str, words: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--listeners", "300", "--recordings", "900", "--seed", "7"];
    generate(folder.path(), &[&size, words, &[name]].concat()).ok();
    let bytes = std::fs::read(folder.path().join(name)).unwrap();
    let names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, [name], "something else was left behind");
    bytes
}

#[test]
fn the_same_seed_makes_the_same_bytes_whatever_the_threads() {
    for name in ["u.csv", "u.csv.gz", "u.csv.zst", "u.parquet"] {
        let one = made(name, &["--threads", "1"]);
        assert_eq!(one, made(name, &["--threads", "5"]), "{name}");
    }
    let one = made("u.csv", &["--shuffled", "--threads", "1"]);
    assert_eq!(one, made("u.csv", &["--shuffled", "--threads", "3"]));
}

#[test]
fn every_form_holds_the_same_plays() {
    let plain = made("u.csv", &[]);
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(&made("u.csv.gz", &[])[..]).read_to_end(&mut unzipped).unwrap();
    assert!(unzipped == plain, "gzip holds other rows");
    assert!(zstd::decode_all(&made("u.csv.zst", &[])[..]).unwrap() == plain, "zstd does");
    let lines = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let shuffled = made("u.csv", &["--shuffled"]);
    assert!(shuffled != plain, "nothing was shuffled");
    assert_eq!(lines(shuffled), lines(plain.clone()));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("u.csv"), &plain).unwrap();
    std::fs::write(folder.path().join("u.parquet"), made("u.parquet", &[])).unwrap();
    for model in ["pro_rata", "user_centric"] {
        let [csv, parquet] = ["u.csv", "u.parquet"].map(|usage| {
            let words = ["--usage", usage, "--amount", "1234.56", "--currency", "EUR"];
            let mut command = program();
            command.arg("allocate").args(words).args(["--model", model]);
            Said::from(command.current_dir(folder.path()).output().unwrap()).ok()
        });
        // The CSV does not name the recordings that nobody played.
        let rows = |text: &str| {
            let played = text.lines().filter(|row| !row.ends_with(",0,0,0.000000"));
            played.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(rows(&csv), rows(&parquet), "{model}");
    }
}

#[test]
fn each_listener_and_recording_stands_once_and_no_id_is_a_real_one() {
    let text = String::from_utf8(made("u.csv", &[])).unwrap();
    let mut rows = text.lines();
    assert_eq!(rows.next(), Some("listener,recording,plays"));
    let mut pairs = BTreeSet::new();
    for row in rows {
        let [listener, recording, plays] = row.split(',').collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        assert!(recording.starts_with("XX") && plays.parse::<u32>().unwrap() > 0, "{row}");
        assert!(pairs.insert((listener, recording)), "{row} stands twice");
    }
    let listeners: BTreeSet<_> = pairs.iter().map(|(listener, _)| listener).collect();
    assert_eq!(listeners.len(), 300);
}

#[test]
fn a_name_of_another_kind_and_words_that_do_not_fit_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--listeners", "3", "--recordings", "9"];
    for (words, says) in [
        (&["u.txt"][..], "u.txt: name a file .csv, .csv.gz, .csv.zst or .parquet"),
        (&["--shuffled", "u.parquet"], "--shuffled is for CSV"),
        (&["--labels", "3", "u.csv"], "--payees <P>"),
        (&["--listeners", "0", "u.csv"], "--listeners"),
    ] {
        let said = generate(folder.path(), &[words, &size].concat());
        assert_eq!(said.code, Some(2), "{said:?}");
        assert_says(&said.stderr, says);
    }
    let said = generate(folder.path(), &[&size[..], &["nowhere/u.csv"]].concat()).refused();
    assert_says(&said, "error: cannot write nowhere/u.csv: No such file or directory");
    std::fs::write(folder.path().join("mine"), "mine").unwrap();
    let words = ["--payees", "30", "--listeners", "3", "--recordings", "90", "."];
    assert_says(&generate(folder.path(), &words).refused(), ". is not empty; name a new folder");
    let words = ["--payees", "90", "--listeners", "3", "--recordings", "9", "new"];
    assert_says(&generate(folder.path(), &words).refused(), "each payee needs a recording");
    assert_eq!(files(folder.path()).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["u.csv", "u.csv.zst", "u.parquet"] {
        std::fs::write(folder.path().join(name), "what was there").unwrap();
        // A limit on a file's size stands for the end of the disk.
        let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
        let mut command = Command::new("bash");
        command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_tantieme"), "generate"]);
        command.args(["--listeners", "3000", "--recordings", "900", name]);
        let said = Said::from(command.current_dir(&folder).output().unwrap()).refused();
        assert_says(&said, &format!("error: cannot write {name}: File too large"));
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), b"what was there");
    }
    assert_eq!(files(folder.path()).len(), 3);
}

const MONTH: [&str; 14] = [
    "--payees",
    "60",
    "--labels",
    "6",
    "--recordings",
    "150",
    "--listeners",
    "20",
    "--sales",
    "30",
    "--period",
    "2026-11",
    "--seed",
    "7",
];

#[test]
fn a_month_is_the_same_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &[&MONTH[..], &["--threads", "1", "one"]].concat()).ok();
    generate(folder.path(), &[&MONTH[..], &["--threads", "4", "two"]].concat()).ok();
    let (one, two) = (files(&folder.path().join("one")), files(&folder.path().join("two")));
    assert_eq!(one.len(), 8);
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one.file_name(), two.file_name());
        assert!(std::fs::read(one).unwrap() == std::fs::read(two).unwrap(), "{}", one.display());
    }
}

/// Rows of a CSV file as the texts of their columns.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    rows.deserialize().collect::<Result<_, _>>().unwrap()
}

/// An amount in micros.
fn micros(text: &str) -> i64 {
    tantieme::money::Micros::parse(text).unwrap().micros()
}

/// Generates a month beside no workspace yet and runs the commands that are printed for it.
fn closed_by_its_commands(database: Database) {
    let Some(desk) = Desk::empty(database) else { return };
    let commands = generate(desk.dir(), &[&MONTH[..], &["a month"]].concat()).ok();
    let in_month = |mut command: Command| -> Said {
        let programs = Path::new(env!("CARGO_BIN_EXE_tantieme")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(programs).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(paths).unwrap()).current_dir(desk.dir());
        for (name, _) in program().get_envs() {
            command.env_remove(name); // none of the tester's own settings
        }
        if desk.is_postgres() {
            command.env("DATABASE_URL", desk.url());
        }
        command.output().unwrap().into()
    };
    let mut shell = Command::new("bash");
    shell.args(["-c", &commands]);
    assert_says(&in_month(shell).ok(), "verified: 1 published month");
    let run = |words: &[&str]| {
        let mut command = program();
        command.args(["-w", "a month/workspace"]).args(words);
        in_month(command).ok()
    };
    assert_eq!(json(&run(&["quarantine", "list", "--format", "json"])), serde_json::json!([]));
    run(&["statements", "2026-11", "--out", "out"]);

    let month = desk.dir().join("a month");
    let read = |path: &Path| table(&std::fs::read_to_string(path).unwrap());
    let index = read(&desk.dir().join("out/index.csv"));
    let paid: BTreeSet<&String> = index.iter().map(|statement| &statement["payee"]).collect();
    let parties = read(&month.join("parties.csv"));
    assert_eq!(paid, parties.iter().map(|party| &party["party"]).collect());
    assert_eq!(paid.len(), 60);

    let held = json(&run(&["suspense", "2026-11", "--format", "json"]));
    let reasons: BTreeSet<&str> =
        held.as_array().unwrap().iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert!(reasons.contains("unmatched") && !reasons.contains("parked"), "{reasons:?}");

    // What came in by the files is what statements and suspense hold, in each currency.
    let mut totals: BTreeMap<String, i64> = BTreeMap::new();
    let mut add =
        |currency: &str, amount: i64| *totals.entry(currency.into()).or_default() += amount;
    for revenue in read(&month.join("revenue.csv")) {
        let percent = if revenue["offer"] == "ad" { 50 } else { 55 };
        add(&revenue["currency"], micros(&revenue["net_revenue"]) / 100 * percent);
    }
    for sale in read(&month.join("sales.csv")) {
        add(&sale["currency"], micros(&sale["amount"]));
    }
    for statement in &index {
        add(&statement["currency"], -micros(&statement["total"]));
    }
    for line in held.as_array().unwrap() {
        add(line["currency"].as_str().unwrap(), -micros(line["amount"].as_str().unwrap()));
    }
    assert_eq!(totals.len(), 3);
    assert!(totals.values().all(|left| *left == 0), "{totals:?}");
}

#[test]
fn a_month_is_closed_by_the_commands_that_are_printed_on_sqlite() {
    closed_by_its_commands(Database::Sqlite);
}

#[test]
fn a_month_is_closed_by_the_commands_that_are_printed_on_postgres() {
    closed_by_its_commands(Database::Postgres);
}

#[test]
fn the_commands_that_are_printed_write_into_no_database_that_is_in_use() {
    let used = Desk::new(Database::Sqlite).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let commands = generate(folder.path(), &[&MONTH[..], &["month"]].concat()).ok();
    let programs = Path::new(env!("CARGO_BIN_EXE_tantieme")).parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let secret = std::fs::read_to_string(used.dir().join("secret.key")).unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-c", &commands]).current_dir(folder.path()).env("PATH", path);
    shell.env("DATABASE_URL", used.url()).env("TANTIEME_SECRET", secret.trim());
    let said = Said::from(shell.output().unwrap()).refused();
    assert_says(&said, "the data was hashed with the secret ");
}
