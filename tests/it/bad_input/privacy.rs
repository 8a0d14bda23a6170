//! No listener's id is written anywhere, whatever a file holds, and no other secret hashes.

use super::{assert_says, files, import_catalogue, usage};
use crate::support::{Desk, Said};

/// What every listener's id in these tests begins with.
const LISTENER: &str = "zq7listener";

fn other_secret() -> String {
    "5a".repeat(32)
}

/// Looks for a listener in every file but the user's own, and in every table.
#[track_caller]
fn no_listener_is_kept(desk: &Desk, own: &str) {
    let found = files(desk.dir());
    assert!(found.len() >= 3, "{found:?}");
    for path in found.into_iter().filter(|path| !path.ends_with(own)) {
        let bytes = std::fs::read(&path).unwrap();
        let leak = bytes.windows(LISTENER.len()).any(|window| window == LISTENER.as_bytes());
        assert!(!leak, "a listener stands in {}", path.display());
    }
    if desk.is_postgres() {
        desk.sql(&format!(
            "DO $$ DECLARE t TEXT; found BIGINT; BEGIN
               FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                 EXECUTE format('SELECT COUNT(*) FROM %I AS r WHERE r::text LIKE %L', t,
                   '%{LISTENER}%') INTO found;
                 IF found > 0 THEN RAISE EXCEPTION 'a listener stands in table %', t; END IF;
               END LOOP;
             END $$"
        ))
        .unwrap();
    }
}

#[track_caller]
fn no_listener_is_said(said: &Said) {
    assert!(!said.stdout.contains(LISTENER), "{}", said.stdout);
    assert!(!said.stderr.contains(LISTENER), "{}", said.stderr);
}

/// Imports usage with every log line there is, and looks at what is said and kept.
#[track_caller]
fn imports_in_private(desk: &Desk, text: &str, flags: &[&str]) -> Said {
    let path = desk.file("u.csv", text);
    let mut command = desk.command(&["import", "usage", &path]);
    let said: Said = command.args(flags).env("TANTIEME_LOG", "trace").output().unwrap().into();
    no_listener_is_said(&said);
    for words in [&["quarantine", "list"][..], &["quarantine", "export"], &["status"]] {
        no_listener_is_said(&desk.run(words));
    }
    no_listener_is_kept(desk, "u.csv");
    said
}

on_both! {
    fn no_listener_is_kept_or_said_after_good_and_bad_rows(desk) {
        let rows = [
            "zq7listener1,x::A,3,",
            "zq7listener2,x::A,-3,",
            "zq7listener3,not-a-recording,3,",
            "zq7listener4,x::A,3,5",
            "zq7listener5,x::A,3",
            "zq7listener6,x::A,3,,,",
        ];
        let text = usage(&rows)
            + "2026-13,cloud,svip,CN,zq7listener7,x::A,3,\n"
            + "2026-10,,svip,CN,zq7listener8,x::A,3,\n"
            + &format!("2026-10,cloud,svip,CN,zq7listener{},x::A,3,\n", "9".repeat(2000));
        let said = imports_in_private(desk, &text, &[]);
        assert_says(&said.stdout, "took 1 row, 8 in quarantine");
        let export = desk.run(&["quarantine", "export"]).ok();
        assert_says(&export, "2026-10,cloud,svip,CN,hashed:");
    }
}

on_both! {
    fn no_listener_is_kept_or_said_by_a_published_month(desk) {
        import_catalogue(desk);
        desk.import("revenue", "r.csv", super::REVENUE).ok();
        imports_in_private(desk, &usage(&["zq7listener1,x::A,3,", "zq7listener2,x::B,1,"]), &[]);
        desk.publish("2026-10");
        let statements = desk.run(&["statements", "2026-10", "--payee", "mei", "--format", "json"]);
        let line = crate::support::json(&statements.ok())[0]["lines"][0]["line"].clone();
        let explained = desk.run(&["explain", line.as_str().unwrap(), "--listeners"]);
        no_listener_is_said(&explained);
        assert_says(&explained.ok(), "12.500000");
        desk.run(&["verify"]).ok();
        no_listener_is_kept(desk, "u.csv");
    }
}

on_both! {
    fn an_unclosed_quote_gives_no_listener_away(desk) {
        let text = "period,service,offer,territory,listener,recording,plays\n\
            2026-10,cloud,svip,CN,zq7listener1,x::A,\"3\n\
            2026-10,cloud,svip,CN,zq7listener2,x::A,4\n";
        imports_in_private(desk, text, &[]);
    }
}

on_both! {
    fn columns_under_each_others_name_give_no_listener_away(desk) {
        let text = usage(&["x::A,zq7listener1,3,", "x::A,zq7listener2,3,"]);
        imports_in_private(desk, &text, &[]);
    }
}

on_both! {
    fn a_numeric_listener_in_another_column_is_not_given_away(desk) {
        const NUMERIC: &str = "8412907735";
        let rows = [
            format!("x::A,u1,{NUMERIC},"),
            format!("x::A,u1,{NUMERIC}.0,"),
            format!("u1,x::A,-{NUMERIC},"),
            format!("u1,x::A,3,{NUMERIC}"),
            format!("u1,x::A,3,{}", &NUMERIC[1..]),
            format!("u1,not-a-recording,{},", &NUMERIC[1..]),
            format!("u1,{NUMERIC},3,"),
        ];
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let text = usage(&rows) + &format!("2026-10,cloud,{NUMERIC},CN,,x::A,3,\n");
        let said = desk.import("usage", "u.csv", &text);
        assert_says(&said.stdout, "took 0 rows, 8 in quarantine");
        let mut all = said.stdout + &said.stderr;
        for words in [&["quarantine", "list"][..], &["quarantine", "export"]] {
            all += &desk.run(words).ok();
        }
        assert!(!all.contains(&NUMERIC[1..]), "{all}");
        assert_says(&all, "plays: over 4294967295");
        assert_says(&all, "active_plays: more active plays than plays");
    }
}

on_both! {
    fn a_row_whose_cells_have_slipped_gives_no_listener_away(desk) {
        // The service is missing and a comma stands at the end: the listener is the territory.
        let text = usage(&[]) + "2026-10,svip,CN,zq7listener1,x::A,3,0,\n";
        imports_in_private(desk, &text, &[]);
    }
}

on_both! {
    fn a_file_without_a_header_gives_no_listener_away(desk) {
        let flags = ["--period", "2026-10", "--service", "cloud", "--offer", "svip"];
        let flags: Vec<&str> = flags.into_iter().chain(["--territory", "CN"]).collect();
        let said = imports_in_private(desk, "zq7listener1,x::A,3\nzq7listener2,x::A,4\n", &flags);
        assert_says(&said.refused(), "u.csv:1: ");
    }
}

on_both! {
    fn another_secret_in_the_environment_is_refused_by_every_command(desk) {
        for words in [&["status"][..], &["verify"], &["close", "2026-10", "--as", "anna"]] {
            let mut command = desk.command(words);
            let said: Said =
                command.env("TANTIEME_SECRET", other_secret()).output().unwrap().into();
            let said = said.refused();
            assert_says(&said, "the data was hashed with the secret ");
            assert_says(&said, "put the right secret into secret.key or TANTIEME_SECRET");
            assert!(!said.contains(&other_secret()), "{said}");
        }
    }
}

on_both! {
    fn nothing_is_imported_with_another_secret(desk) {
        let path = desk.file("u.csv", &usage(&["u1,x::A,3,"]));
        let mut command = desk.command(&["import", "usage", &path]);
        let said: Said = command.env("TANTIEME_SECRET", other_secret()).output().unwrap().into();
        assert_says(&said.refused(), "the data was hashed with the secret ");
        assert!(!desk.dir().join("data/usage").exists());
    }
}

on_both! {
    fn the_right_secret_may_come_from_the_environment(desk) {
        let secret = std::fs::read_to_string(desk.dir().join("secret.key")).unwrap();
        std::fs::remove_file(desk.dir().join("secret.key")).unwrap();
        let mut command = desk.command(&["status"]);
        let said: Said = command.env("TANTIEME_SECRET", secret.trim()).output().unwrap().into();
        said.ok();
        assert_says(&desk.run(&["status"]).refused(), "secret.key");
    }
}

on_both! {
    fn a_secret_that_is_none_is_refused_without_being_repeated(desk) {
        let mut command = desk.command(&["status"]);
        let said: Said = command.env("TANTIEME_SECRET", "hunter2").output().unwrap().into();
        let said = said.refused();
        assert_says(&said, "TANTIEME_SECRET: the secret must be 64 hexadecimal digits");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[cfg(unix)]
on_both! {
    fn only_its_owner_may_read_the_secret(desk) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.dir().join("secret.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

on_both! {
    fn the_same_listener_of_two_services_cannot_be_matched(desk) {
        import_catalogue(desk);
        let rows = usage(&["zq7listener1,x::A,-1,"]);
        desk.import("usage", "u.csv", &(rows + "2026-10,radio,svip,CN,zq7listener1,x::A,-1,\n"));
        let export = desk.run(&["quarantine", "export"]).ok();
        let hashes: Vec<&str> = export.split("hashed:").skip(1).map(|rest| &rest[..32]).collect();
        assert_eq!(hashes.len(), 2, "{export}");
        assert_ne!(hashes[0], hashes[1]);
    }
}
