//! Neither the order of files and rows, nor how they are cut, nor the database changes a result.

use std::path::PathBuf;
use std::process::Stdio;

use crate::bad_input::{SALES_HEADER, assert_says, import_catalogue, import_month, status, usage};
use crate::support::{Database, Desk, Said, demo_files};

/// Shuffles by a seed (Fisher and Yates; the numbers are Knuth's MMIX generator's).
fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
    }
    items
}

/// The demo month's result, its files imported in an order of the seed's, their rows shuffled.
fn result(database: Database, seed: u64) -> Option<String> {
    let desk = Desk::new(database)?;
    for (kind, path) in shuffled(demo_files(), seed) {
        let path = if kind == "agreements" { path } else { rows_shuffled(&desk, &path, seed) };
        desk.run(&["import", kind, path.to_str().unwrap()]).ok();
    }
    Some(desk.close("2026-10"))
}

fn rows_shuffled(desk: &Desk, path: &PathBuf, seed: u64) -> PathBuf {
    let text = std::fs::read_to_string(path).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows = shuffled(rows.lines().collect(), seed).join("\n");
    let name = path.file_name().unwrap().to_str().unwrap();
    desk.file(name, &format!("{header}\n{rows}\n")).into()
}

#[test]
fn one_month_has_one_result_in_every_order_and_on_both_databases() {
    let seeds = (0..4).map(|seed| result(Database::Sqlite, seed));
    let seeds = seeds.chain((4..7).map(|seed| result(Database::Postgres, seed)));
    let mut results: Vec<String> = seeds.flatten().collect();
    results.dedup();
    assert_eq!(results.len(), 1, "{results:?}");
}

on_both! {
    fn usage_in_several_batches_gives_the_result_of_one(desk) {
        desk.import_demo();
        let whole = desk.close("2026-10");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "now in pieces"]).ok();
        desk.run(&["withdraw", "usage.csv"]).ok();
        let (_, path) = demo_files().into_iter().find(|(kind, _)| *kind == "usage").unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let rows = shuffled(rows.lines().collect::<Vec<_>>(), 11);
        for (piece, rows) in rows.chunks(7).enumerate() {
            let rows = rows.join("\n");
            desk.import("usage", &format!("piece-{piece}.csv"), &format!("{header}\n{rows}\n"))
                .ok();
        }
        assert_eq!(desk.close("2026-10"), whole);
        desk.publish("2026-10");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn one_pair_of_listener_and_recording_in_two_batches_is_one_listener(desk) {
        import_month(desk);
        let whole = desk.close("2026-10");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "now in pieces"]).ok();
        desk.run(&["withdraw", "usage.csv"]).ok();
        desk.import("usage", "a.csv", &usage(&["u1,x::A,1,", "u2,x::B,1,"])).ok();
        desk.import("usage", "b.csv", &usage(&["u1,x::A,2,", "u2,x::B,0,"])).ok();
        assert_eq!(desk.close("2026-10"), whole);
    }
}

/// Fractions of a micro that only add up rightly when they are added before they are rounded.
const SALES: [&str; 6] = [
    "2026-10,shop,x::A,CN,cd,1,0.0000004,CNY",
    "2026-10,shop,x::A,CN,cd,1,0.0000004,CNY",
    "2026-10,shop,x::A,CN,cd,1,0.000000400000000001,CNY",
    "2026-10,shop,x::B,CN,cd,1,7.25,CNY",
    "2026-10,shop,x::B,CN,cd,-1,-7.25,CNY",
    "2026-10,shop,x::B,TW,cd,2,1e-3,CNY",
];

on_both! {
    fn sales_in_several_batches_give_the_result_of_one(desk) {
        import_catalogue(desk);
        let text = |rows: &[&str]| format!("{SALES_HEADER}\n{}\n", rows.join("\n"));
        desk.import("sales", "s.csv", &text(&SALES)).ok();
        let whole = desk.close("2026-10");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "now in pieces"]).ok();
        desk.run(&["withdraw", "s.csv"]).ok();
        for (at, row) in shuffled(SALES.to_vec(), 5).into_iter().enumerate() {
            // The same row in two files would be the same file: a blank line makes it another.
            desk.import("sales", &format!("s{at}.csv"), &(text(&[row]) + &"\n".repeat(at))).ok();
        }
        assert_eq!(desk.close("2026-10"), whole);
    }
}

/// Imports texts at the same moment, each under its name; returns what each import said.
fn at_once(desk: &Desk, kind: &str, files: &[(&str, String)]) -> Vec<Said> {
    let start = |(name, text): &(&str, String)| {
        let path = desk.file(&format!("{name}-{}.csv", text.len()), text);
        let mut command = desk.command(&["import", kind, &path, "--batch", name]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = files.iter().map(start).collect();
    running.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect()
}

on_both! {
    fn one_file_imported_by_several_at_once_is_taken_once(desk) {
        let text = usage(&["u1,x::A,1,"]);
        let files = ["a", "b", "c", "d"].map(|name| (name, text.clone()));
        for said in at_once(desk, "usage", &files) {
            said.ok();
        }
        assert_eq!(status(desk)["months"]["2026-10"]["plays"], 1);
    }
}

on_both! {
    fn of_several_files_under_one_name_at_once_one_is_taken_and_the_others_say_why(desk) {
        let files =
            ["1", "22", "333"].map(|plays| ("same", usage(&[&format!("u1,x::A,{plays},")])));
        let said = at_once(desk, "usage", &files);
        assert_eq!(said.iter().filter(|said| said.code == Some(0)).count(), 1, "{said:?}");
        for said in said.into_iter().filter(|said| said.code != Some(0)) {
            assert_says(&said.refused(), "batch \"same\" was taken with other content");
        }
    }
}

on_both! {
    fn several_files_about_one_party_at_once_are_taken_one_after_the_other(desk) {
        let files =
            ["A", "Bb", "Ccc"].map(|name| (name, format!("party,name\nmei,Called {name}\n")));
        let said = at_once(desk, "parties", &files).into_iter().map(Said::ok).collect::<String>();
        assert_eq!(said.matches("took 1 row").count(), 3, "{said}");
        assert_eq!(said.matches("1 superseding others").count(), 2, "{said}");
        assert_eq!(status(desk)["imports"][0]["files"], 3);
        // One of the names stands, and one alone.
        let stands = |(name, text): &&(&str, String)| {
            let again = desk.file(&format!("{name}.csv"), &format!("{text}\n"));
            let said = desk.run(&["import", "parties", &again, "--dry-run"]).ok();
            said.contains("1 already known")
        };
        assert_eq!(files.iter().filter(stands).count(), 1);
    }
}

on_both! {
    fn facts_in_several_files_give_the_result_of_one(desk) {
        import_month(desk);
        let whole = desk.close("2026-10");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "facts again, one by one"]).ok();
        for name in ["Mei", "Someone Else", "Mei"] {
            desk.import("parties", &format!("{name}.csv"), &format!("party,name\nmei,{name}\n"))
                .ok();
        }
        let claim = "recording,right,party,share\nx::A,recording,label,";
        for share in ["1/2", "100"] {
            desk.import("claims", "c.csv", &format!("{claim}{share}\n")).ok();
        }
        assert_eq!(desk.close("2026-10"), whole);
    }
}
