//! Months that do not fit into the memory they are given.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use tantieme::columnar::{Cell, Key, Kind, Layout, Packing, Sorter, TableWriter, same_rows};
use tantieme::facts::Workspace;
use tantieme::statements::{write_csv, write_csv_rows};

use crate::support::{Desk, block_on};

/// Imports a month in which every artist has two recordings with a label, and every label pays
/// a fund: six lines for each artist.
fn import(desk: &Desk, artists: usize) {
    let mut parties = "party,name\nfund,The Fund\n".to_owned();
    let mut recordings = "recording,title,artist,label\n".to_owned();
    let mut claims = "recording,right,party,share\n".to_owned();
    let mut usage = "period,service,offer,territory,listener,recording,plays\n".to_owned();
    for artist in 0..artists {
        let label = artist % 7;
        writeln!(parties, "artist-{artist},\"Artist, \"\"No.\"\" {artist}\"").unwrap();
        for recording in [artist * 2, artist * 2 + 1] {
            writeln!(recordings, "x::{recording},Song {recording},artist-{artist},label-{label}")
                .unwrap();
            writeln!(claims, "x::{recording},recording,label-{label},60").unwrap();
            writeln!(claims, "x::{recording},recording,artist-{artist},40").unwrap();
            let (listener, plays) = (artist % 500, 1 + recording % 9);
            writeln!(usage, "2026-10,cloud,ad,CN,u{listener},x::{recording},{plays}").unwrap();
        }
    }
    let mut agreement = "[agreement]\nid = \"a\"\nvalid_from = 2026-01-01\n[[pool]]\n\
        service = \"cloud\"\nright = \"recording\"\nrate = \"55\"\nmodel = \"pro_rata\"\n"
        .to_owned();
    for label in 0..7 {
        writeln!(parties, "label-{label},Label {label}").unwrap();
        writeln!(
            agreement,
            "[[royalty]]\npayer = \"label-{label}\"\nparticipants = [{{ party = \"fund\", rate = \"10\" }}]"
        )
        .unwrap();
    }
    let revenue =
        "period,service,offer,territory,currency,net_revenue\n2026-10,cloud,ad,CN,CNY,70000\n";
    for (kind, name, text) in [
        ("parties", "parties.csv", parties.as_str()),
        ("recordings", "recordings.csv", &recordings),
        ("claims", "claims.csv", &claims),
        ("usage", "usage.csv", &usage),
        ("revenue", "revenue.csv", revenue),
        ("agreements", "agreement.toml", &agreement),
    ] {
        desk.import(kind, name, text).ok();
    }
}

/// The files of the month's close, by name, which holds what is in them.
fn files(desk: &Desk) -> Vec<String> {
    let month = desk.dir().join("data/closes/2026-10");
    let Ok(runs) = std::fs::read_dir(month) else { return Vec::new() };
    let folders = runs.map(|run| std::fs::read_dir(run.unwrap().path()).unwrap());
    let mut names: Vec<String> = folders
        .flatten()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

async fn workspace(desk: &Desk) -> Workspace {
    let url = desk.is_postgres().then(|| desk.url());
    Workspace::open(desk.dir(), url.as_deref(), None).await.unwrap()
}

const MEANS: [[&str; 4]; 4] = [
    ["--memory", "1GiB", "--threads", "1"],
    ["--memory", "1MiB", "--threads", "1"],
    ["--memory", "1MiB", "--threads", "3"],
    ["--memory", "7MiB", "--threads", "2"],
];

on_both! {
    fn memory_and_threads_change_no_byte_of_a_close(desk) {
        import(desk, 2500);
        let close = ["close", "2026-10", "--as", "anna"];
        let mut said = Vec::new();
        for means in MEANS {
            said.push(desk.run(&[&means[..], &close].concat()).ok());
            desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "again"]).ok();
            // Files are named by their content: a second one of a kind would be another.
            assert_eq!(files(desk).len(), 4, "{:?}", files(desk));
        }
        said.dedup();
        assert_eq!(said.len(), 1, "{said:?}");
    }
}

on_both! {
    fn a_kill_while_rows_wait_on_the_disk_leaves_nothing_behind(desk) {
        import(desk, 2500);
        let close = ["--memory", "1MiB", "close", "2026-10", "--as", "anna"];
        desk.crash("settling", &close);
        assert_eq!(files(desk).len(), 2, "{:?}", files(desk));
        desk.crash("drawing", &close);
        assert_eq!(files(desk).len(), 3, "{:?}", files(desk));
        // What was cut off while it was being written is cleared away.
        let run = std::fs::read_dir(desk.dir().join("data/closes/2026-10")).unwrap().next();
        std::fs::write(run.unwrap().unwrap().path().join(".arriving-Xy12Zz"), "torn").unwrap();
        desk.run(&close).ok();
        assert_eq!(files(desk).len(), 4, "{:?}", files(desk));
    }
}

/// A disk of a few megabytes, mounted until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(path: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(&path)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("SKIPPED: only root can mount a small disk");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

on_both! {
    fn a_full_disk_during_a_close_is_named_and_the_close_goes_on_when_there_is_room(desk) {
        import(desk, 2500);
        let close = ["--memory", "1MiB", "close", "2026-10", "--as", "anna"];
        let Some(disk) = SmallDisk::at(desk.dir().join("data/closes")) else { return };
        let said = desk.run(&close).refused();
        assert!(said.contains("No space left on device"), "{said}");
        assert!(said.contains("closes/2026-10"), "{said}");
        drop(disk);
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "the disk was full"]).ok();
        desk.run(&close).ok();
    }
}

on_both! {
    fn twenty_thousand_payees_are_paid_read_and_proven(desk) {
        import(desk, 20_000);
        desk.publish("2026-10");
        let all = desk.run(&["statements", "2026-10"]).ok();
        let of = |payee: &str| {
            let begin = format!("2026-10/{payee}/CNY,");
            let lines = all.split_inclusive('\n').filter(|line| line.starts_with(&begin));
            lines.collect::<String>()
        };
        let header = format!("{}\n", all.lines().next().unwrap());
        for payee in ["artist-0", "artist-13131", "artist-9999", "fund", "label-6"] {
            let one = desk.run(&["statements", "2026-10", "--payee", payee]).ok();
            assert_eq!(one, header.clone() + &of(payee), "{payee}");
        }
        assert_eq!(all.lines().count(), 1 + 20_000 * 2 * 4);
        let period = "2026-10".parse().unwrap();
        let rows = block_on(async {
            let workspace = workspace(desk).await;
            let rows = tantieme::close::statement_rows(&workspace, period, false).await.unwrap();
            workspace.store.close().await;
            rows
        });
        for (first, count) in [(0, 3), (65_530, 20), (100_000, 20_000), (159_999, 5), (160_000, 1)] {
            let mut part = Vec::new();
            write_csv_rows(rows.open(first, count).unwrap(), &mut part).unwrap();
            let expected: Vec<&str> = all.lines().skip(1 + first).take(count).collect();
            let part = String::from_utf8(part).unwrap();
            assert_eq!(part.lines().collect::<Vec<_>>(), expected, "{first}, {count}");
        }
        let mut whole = Vec::new();
        write_csv(rows.open_all().unwrap(), &mut whole).unwrap();
        assert_eq!(String::from_utf8(whole).unwrap(), all);
        // The export is what any CSV reader reads back.
        let mut reader = csv::Reader::from_reader(all.as_bytes());
        let artist = reader.records().next().unwrap().unwrap();
        assert_eq!(&artist[7], "Artist, \"No.\" 0");
        let line = of("artist-777").split(',').rfind(|cell| cell.len() == 32).map(str::to_owned);
        let said = desk.run(&["explain", &line.unwrap()]).ok();
        assert!(said.contains("Artist, \"No.\" 777 gets"), "{said}");
        let said = desk.run(&["verify"]).ok();
        assert!(said.contains("120,001 lines, 20,008 statements"), "{said}");
    }
}

const TABLE: Layout = &[("text", Kind::Text), ("number", Kind::Int)];

fn table(path: &std::path::Path, packing: Packing, rows: &[(String, i64)]) {
    let file = std::fs::File::create(path).unwrap();
    let mut table = TableWriter::packed(file, path, TABLE, packing).unwrap();
    for (text, number) in rows {
        table.push(&[Cell::Text(text), Cell::Int(*number)]).unwrap();
    }
    table.finish().unwrap();
}

#[test]
fn the_same_rows_are_the_same_however_they_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut rows: Vec<(String, i64)> = (0..70_000).map(|n| (format!("row {n}"), n % 9)).collect();
    table(&path("whole"), Packing::Whole, &rows);
    table(&path("few"), Packing::Few, &rows);
    assert_ne!(std::fs::read(path("whole")).unwrap(), std::fs::read(path("few")).unwrap());
    assert!(same_rows(&path("whole"), &path("few"), TABLE).unwrap());
    rows[69_999].1 += 1;
    table(&path("other"), Packing::Few, &rows);
    assert!(!same_rows(&path("whole"), &path("other"), TABLE).unwrap());
    rows.pop();
    table(&path("shorter"), Packing::Few, &rows);
    assert!(!same_rows(&path("few"), &path("shorter"), TABLE).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_sort_is_stable_and_the_same_for_any_memory_and_threads(
        texts in prop::collection::vec("[a-c]{0,20}", 0..600), memory in 1_u64..20_000, threads in 1_usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), memory, threads);
        let mut key = Key::default();
        for (number, text) in (0_i64..).zip(&texts) {
            key.clear().text(text);
            sorter.push(&key, &[Cell::Int(number), Cell::Text(text)]).unwrap();
        }
        // What waits on the disk has no name.
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut expected: Vec<(&String, i64)> = texts.iter().zip(0..).collect();
        expected.sort();
        let mut sorted = sorter.finish().unwrap();
        for (text, number) in expected {
            let row = sorted.read().unwrap().unwrap();
            prop_assert_eq!(row.texts::<1>(), Some([text.as_str()]));
            prop_assert_eq!(row.cells(), Some([Cell::Int(number), Cell::Text(text)]));
        }
        prop_assert!(sorted.read().unwrap().is_none());
    }
}
