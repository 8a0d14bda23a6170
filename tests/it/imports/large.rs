//! Files that do not fit: into memory, onto the disk, or before somebody kills the program.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use proptest::prelude::*;

use crate::bad_input::{assert_says, files, import_month, status};
use crate::support::{Database, Desk, Said, program};

/// The flags of one pool.
const POOL: [&str; 8] =
    ["--period", "2026-10", "--service", "cloud", "--offer", "svip", "--territory", "CN"];

/// Rows of usage: so many, no two of which have the same listener and recording.
fn rows(count: usize) -> String {
    let row = |at: usize| format!("u{},x::R{},{}\n", at % 997, at / 997, 1 + at % 5);
    "listener,recording,plays\n".to_owned() + &(0..count).map(row).collect::<String>()
}

fn import_usage(desk: &Desk, file: &Path, more: &[&str]) -> Said {
    desk.run(&[&["import", "usage", file.to_str().unwrap()], &POOL[..], more].concat())
}

/// Runs the program under limits that a shell sets.
#[cfg(unix)]
fn limited(desk: &Desk, limits: &str, words: &[&str]) -> Said {
    let command = desk.command(words);
    let mut limited = std::process::Command::new("bash");
    limited.args(["-c", &format!("{limits}; exec \"$@\""), "bash"]);
    limited.arg(command.get_program()).args(command.get_args()).current_dir(desk.dir());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.output().unwrap().into()
}

on_both! {
    fn a_killed_import_leaves_nothing_behind_and_the_file_is_taken_afterwards(desk) {
        import_month(desk);
        let before = (status(desk), files(&desk.dir().join("data")));
        let mut words = vec!["import", "usage", "-", "--batch", "large", "--memory", "1MiB"];
        words.extend(POOL);
        let mut child = desk.command(&words).stdin(Stdio::piped()).spawn().unwrap();
        let text = rows(400_000);
        // All but the end: it has read, hashed and spilled most of it, and waits for the rest.
        let mut input = child.stdin.take().unwrap();
        input.write_all(&text.as_bytes()[..text.len() - 100]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(input);
        let left = files(&desk.dir().join("data"));
        assert_eq!((status(desk), left), before, "a batch or a file was left behind");

        let file = desk.dir().join("large");
        std::fs::write(&file, text).unwrap();
        import_usage(desk, &file, &[]).ok();
        let arriving = std::fs::read_dir(desk.dir().join("data/usage")).unwrap();
        let arriving = arriving.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(arriving.filter(|name| name.starts_with('.')).count(), 0);
    }
}

on_both! {
    fn an_import_that_is_killed_while_it_seals_is_none_and_the_file_is_taken_afterwards(desk) {
        import_month(desk);
        let file = desk.dir().join("large.csv");
        std::fs::write(&file, rows(30_000)).unwrap();
        let words =
            [&["import", "usage", "large.csv", "--memory", "1MiB"][..], &POOL[..]].concat();
        for place in ["sealed", "kept"] {
            let before = status(desk);
            desk.crash(place, &words);
            assert_eq!(status(desk), before, "{place}");
            assert_says(&desk.run(&words).ok(), "took 30,000 rows");
            let usage = files(&desk.dir().join("data/usage"));
            assert_eq!(usage.len(), 2, "{place}: {usage:?}");
            desk.run(&["withdraw", "large.csv"]).ok();
            // What a withdrawn batch leaves is no part of the next round.
            let large = std::fs::metadata(&usage[0]).unwrap().len();
            let other = std::fs::metadata(&usage[1]).unwrap().len();
            let large = if large > other { &usage[0] } else { &usage[1] };
            std::fs::remove_dir_all(large.parent().unwrap()).unwrap();
        }
    }
}

#[cfg(unix)]
on_both! {
    fn a_full_disk_is_said_and_nothing_is_taken(desk) {
        import_month(desk);
        let before = (status(desk), files(&desk.dir().join("data")));
        let file = desk.dir().join("large.csv");
        std::fs::write(&file, rows(300_000)).unwrap();
        // No file may grow over half a mebibyte: the rows that do not fit into memory find none.
        let words = ["import", "usage", "large.csv", "--memory", "1MiB"];
        let said = limited(desk, "trap '' XFSZ; ulimit -f 512", &[&words[..], &POOL].concat());
        let said = said.refused();
        assert_says(&said, "the disk is full and nothing was taken; make room and do it again");
        assert_eq!((status(desk), files(&desk.dir().join("data"))), before);
        import_usage(desk, &file, &[]).ok();
    }
}

#[test]
fn a_folder_of_part_files_is_one_batch() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    let folder = desk.dir().join("october");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in [
        ("part-1.csv", "listener,recording,plays\nu1,x::A,1\nu2,x::A,2\n"),
        ("part-2.csv", "plays,listener,recording\n4,u1,x::A\n"),
        ("_SUCCESS", ""),
        (".part-1.csv.crc", "crc"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    // From within the folder: it is named after itself all the same.
    let mut within = desk.command(&[&["import", "usage", "."][..], &POOL].concat());
    let said = Said::from(within.current_dir(&folder).output().unwrap()).ok();
    assert_says(&said, "took 3 rows");
    assert_says(&said, "1 row repeats a listener and a recording: their plays were added");
    assert_says(&import_usage(&desk, &folder, &[]).ok(), "already imported as october");
    let words =
        ["allocate", "--amount", "7", "--currency", "EUR", "--model", "pro_rata", "--usage"];
    let of = |usage: &[&str]| {
        let said = program().args(words).args(usage).current_dir(desk.dir()).output().unwrap();
        Said::from(said).ok()
    };
    assert_eq!(of(&["october"]), "recording,plays,listeners,amount\nx::A,7,2,7.000000\n");
    assert_eq!(of(&["october/part-1.csv", "october/part-2.csv"]), of(&["october"]));
}

#[cfg(unix)]
#[test]
fn a_folder_may_hold_more_parts_than_files_may_be_open() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    std::fs::create_dir(desk.dir().join("october")).unwrap();
    for part in 0..200 {
        desk.file(
            &format!("october/{part:03}.csv"),
            &format!("listener,recording,plays\nu{part},x::A,1\n"),
        );
    }
    let words = [&["import", "usage", "october"][..], &POOL].concat();
    assert_says(&limited(&desk, "ulimit -n 100", &words).ok(), "took 200 rows");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_a_folder_is_refused_by_name() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    let folder = desk.dir().join("october");
    std::fs::create_dir(&folder).unwrap();
    desk.file("october/part-1.csv", "listener,recording,plays\nu1,x::A,1\n");
    let odd = folder.join("part-2.csv");
    let refused = |reason: &str| {
        let said = import_usage(&desk, &folder, &[]).refused();
        assert_says(&said, &format!("{}: {reason}", odd.display()));
    };
    std::fs::create_dir(&odd).unwrap();
    refused("a part must be a regular file");
    std::fs::remove_dir(&odd).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&odd).status().unwrap().success());
    refused("a part must be a regular file");
    std::fs::remove_file(&odd).unwrap();
    std::os::unix::fs::symlink("nowhere.csv", &odd).unwrap();
    refused("No such file");
    std::fs::remove_file(&odd).unwrap();
    std::os::unix::fs::symlink("part-1.csv", &odd).unwrap();
    assert_says(&import_usage(&desk, &folder, &[]).ok(), "took 2 rows");
}

#[test]
fn a_bad_row_of_several_files_is_named_with_its_file_and_the_first_file_goes_first() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    std::fs::create_dir(desk.dir().join("october")).unwrap();
    let header = "listener,recording,plays\n";
    desk.file("october/1.csv", &format!("{header}u1,x::A,1\nu2,x::A,2\nu3,x::A,-4\n"));
    desk.file("october/2.csv", &format!("{header}u4,x::A,-1\nu5,x::A\n"));
    let said = import_usage(&desk, Path::new("october"), &[]);
    assert_says(&said.stdout, "october: took 2 rows, 3 in quarantine");
    let faults = [
        "october/1.csv:4:3: plays: \"-4\": plays cannot be negative\n",
        "october/2.csv:2:3: plays: \"-1\": plays cannot be negative\n",
        "october/2.csv:3:1: the row has 2 fields and the header has 3\n",
    ];
    assert_eq!(said.stderr, faults.concat());
    let listed: Vec<(String, i64)> = crate::bad_input::quarantined(&desk)
        .iter()
        .map(|row| (row["part"].as_str().unwrap().to_owned(), row["line"].as_i64().unwrap()))
        .collect();
    assert_eq!(listed, [("1.csv".into(), 4), ("2.csv".into(), 2), ("2.csv".into(), 3)]);
    assert_says(&desk.run(&["quarantine", "list"]).ok(), "usage  october/2.csv     2  plays");

    let words = "allocate --amount 7 --currency EUR --model pro_rata --usage";
    for (usage, fault) in [
        ("october/1.csv october/2.csv", faults[0]),
        ("october/2.csv october/1.csv", faults[1]),
        ("october", faults[0]),
    ] {
        let words: Vec<&str> = words.split(' ').chain(usage.split(' ')).collect();
        let said = program().args(words).current_dir(desk.dir()).output().unwrap();
        assert_eq!(Said::from(said).refused(), format!("error: {fault}"));
    }
}

/// Names and hashes of what is sealed, and what the import said.
fn sealed(text: &str, means: [&str; 4]) -> (Vec<String>, String) {
    let desk = Desk::empty(Database::Sqlite).unwrap();
    let file = desk.dir().join("usage.csv");
    std::fs::write(&file, text).unwrap();
    let run = |words: &[&str]| -> Said {
        let mut command = desk.command(words);
        command.env("TANTIEME_SECRET", "5a".repeat(32)).output().unwrap().into()
    };
    run(&["init"]).ok();
    let import = ["import", "usage", file.to_str().unwrap()];
    let place = ["--period", "2026-10", "--service", "cloud", "--territory", "CN"];
    let said = run(&[&import[..], &place[..], &means[..]].concat());
    let names = files(&desk.dir().join("data/usage"))
        .into_iter()
        .map(|path| {
            let digest = tantieme::digest::Digest::of_file(&path).unwrap();
            format!("{} {digest}", path.strip_prefix(desk.dir()).unwrap().display())
        })
        .collect();
    let place = file.to_str().unwrap();
    (names, (said.stdout + &said.stderr).replace(place, "usage.csv"))
}

on_both! {
    fn a_column_of_listeners_in_the_place_of_offers_makes_no_file_for_each(desk) {
        let mut text = "period,service,offer,territory,listener,recording,plays\n".to_owned();
        // Long enough for several pieces, so that no thread sees all of them.
        for listener in 0..65_537 {
            text += &format!("2026-10,cloud,u{listener},CN,{listener:060},x::A,1\n");
        }
        let path = desk.file("swapped.csv", &text);
        for threads in ["1", "4"] {
            let said = desk.run(&["import", "usage", &path, "--threads", threads]).refused();
            assert_says(&said, "over 65536 different months, services, offers and territories");
        }
        assert_eq!(status(desk)["imports"].as_array().unwrap().len(), 0);
        assert!(files(&desk.dir().join("data/usage")).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_file_is_sealed_alike_whatever_threads_and_memory(
        listeners in prop::collection::vec((0_u16..400, 0_u16..60, 0_u8..9), 30_000..60_000),
        wrong in 0_usize..30_000,
        ends in prop::sample::select(vec!["\n", "\r\n"]),
        quoted in any::<bool>(),
        threads in 2_u8..9,
    ) {
        // Enough rows for several pieces and, with little memory, for several runs of two pools.
        let mut text = format!("offer,listener,recording,plays{ends}");
        for (at, (listener, recording, plays)) in listeners.iter().enumerate() {
            let plays = if at == wrong { "many".to_owned() } else { plays.to_string() };
            let padding = "x".repeat(150);
            let quote = if quoted { "\"" } else { "" };
            let comma = if quoted { "," } else { "" };
            let offer = ["svip", "ad"][usize::from(*recording) % 2];
            text += &format!(
                "{offer},{quote}u{comma}{listener}{padding}{quote},x::R{recording},{plays}{ends}"
            );
        }
        let one = sealed(&text, ["--threads", "1", "--memory", "1GiB"]);
        let many = sealed(&text, ["--threads", &threads.to_string(), "--memory", "1MiB"]);
        prop_assert_eq!(&one, &many);
        prop_assert_eq!(one.0.len(), 2);
        let place = format!("usage.csv:{}:4: plays: not a number of plays", wrong + 2);
        prop_assert!(one.1.contains(&place), "{}", one.1);
    }
}
