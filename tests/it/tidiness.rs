//! The code's own order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms in the order in which data flows. A room may use only those before it.
const ROOMS: [&str; 24] = [
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
    "suspicion",
    "sales",
    "allocate",
    "compare",
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
const PURE: [&str; 8] =
    ["money", "ident", "period", "suspicion", "allocate", "compare", "agreements", "settle"];
/// The one file that calculates with floats: measures of fairness, of which no money is made.
const FLOATS: &str = "compare/measures.rs";

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
    // A method for tests alone is part of its room; a module of tests is not.
    let without_tests =
        |text: String| text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
    files
        .into_iter()
        .map(|path| (room(&path), without_tests(std::fs::read_to_string(&path).unwrap()), path))
        .map(|(room, text, path)| (room, path, text))
        .filter(|(room, ..)| room != "lib" && room != "main")
        .collect()
}

/// What a text names right under `root`, such as `api` in `crate::api::Key`, with groups written
/// out, and in which line.
fn named(text: &str, root: &str) -> Vec<(usize, String)> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let root = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&root) {
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + root.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push((line, word(rest)));
            continue;
        };
        let (mut depth, mut items) = (0, vec![String::new()]);
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => items.push(String::new()),
                c if depth == 0 => items.last_mut().unwrap().push(c),
                _ => {}
            }
        }
        found.extend(items.iter().map(|item| (line, word(item))));
    }
    found
}

#[test]
fn what_a_group_names_is_seen() {
    let text = "use crate::{api::Key, cli};\nuse crate::close;\nuse std::{\n    fs::{self, File},\n    io,\n};";
    let names = |root| named(text, root).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names("crate"), ["api", "cli", "close"]);
    assert_eq!(names("std"), ["fs", "io", ""]);
    assert_eq!(named(text, "crate")[2], (2, "close".to_owned()));
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
        for (line, used) in named(&text, "crate") {
            if place.get(used.as_str()).is_some_and(|used| *used > own) {
                wrong.push(format!("{}:{line}: {room} uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pure_rooms_touch_no_file_no_database_and_no_clock() {
    const OUTSIDE: [&str; 4] = ["tokio", "sqlx", "Utc::now", "async fn"];
    const OUTSIDE_OF_STD: [&str; 6] = ["fs", "io", "env", "time", "net", "process"];
    let mut wrong = Vec::new();
    for (room, path, text) in rooms().into_iter().filter(|(room, ..)| PURE.contains(&room.as_str()))
    {
        for word in OUTSIDE.iter().filter(|word| text.contains(**word)) {
            wrong.push(format!("{} ({room}) speaks of {word}", path.display()));
        }
        for (line, name) in named(&text, "std") {
            if OUTSIDE_OF_STD.contains(&name.as_str()) {
                wrong.push(format!("{}:{line}: {room} uses std::{name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_lint_is_silenced_without_a_reason_and_no_float_is_near_money() {
    for (room, path, text) in rooms() {
        assert!(!text.contains("#[allow("), "{}: use #[expect(…, reason = …)]", path.display());
        let floats = text.contains("f64") || text.contains("f32");
        assert!(!floats || path.ends_with(FLOATS), "{} ({room}) speaks of floats", path.display());
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
