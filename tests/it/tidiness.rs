//! The code's own order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms in the order in which data flows. A room may use only those before it.
const ROOMS: [&str; 22] = [
    "money",
    "ident",
    "period",
    "digest",
    "threads",
    "columnar",
    "config",
    "store",
    "ingest",
    "catalog",
    "usage",
    "sales",
    "allocate",
    "agreements",
    "facts",
    "settle",
    "ledger",
    "statements",
    "close",
    "generate",
    "api",
    "cli",
];
/// Rooms that touch neither a file, nor a database, nor a clock.
const PURE: [&str; 6] = ["money", "ident", "period", "allocate", "agreements", "settle"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Each source file's room and text, its tests left out.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let room = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().iter().next().unwrap().to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    };
    let without_tests =
        |text: String| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    files
        .into_iter()
        .map(|path| (room(&path), without_tests(std::fs::read_to_string(&path).unwrap()), path))
        .map(|(room, text, path)| (room, path, text))
        .filter(|(room, ..)| room != "lib" && room != "main")
        .collect()
}

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    let place: BTreeMap<&str, usize> =
        ROOMS.iter().enumerate().map(|(at, room)| (*room, at)).collect();
    let mut wrong = Vec::new();
    for (room, path, text) in rooms() {
        let own = *place
            .get(room.as_str())
            .unwrap_or_else(|| panic!("{room} is not in the list of rooms"));
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if place.get(used.as_str()).is_some_and(|used| *used > own) {
                    wrong.push(format!("{}:{}: {room} uses {used}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pure_rooms_touch_no_file_no_database_and_no_clock() {
    const OUTSIDE: [&str; 8] =
        ["std::fs", "std::io", "std::env", "std::time", "tokio", "sqlx", "Utc::now", "async fn"];
    let mut wrong = Vec::new();
    for (room, path, text) in rooms().into_iter().filter(|(room, ..)| PURE.contains(&room.as_str()))
    {
        for word in OUTSIDE.iter().filter(|word| text.contains(**word)) {
            wrong.push(format!("{} ({room}) speaks of {word}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_lint_is_silenced_without_a_reason_and_no_float_is_near_money() {
    for (room, path, text) in rooms() {
        assert!(!text.contains("#[allow("), "{}: use #[expect(…, reason = …)]", path.display());
        let floats = text.contains("f64") || text.contains("f32");
        assert!(!floats, "{} ({room}) speaks of floats", path.display());
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}
