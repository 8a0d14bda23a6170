//! Where rows come from: compressed files, pipes, other systems' files, and flags beside them.

use std::io::Write as _;
use std::process::Stdio;

use super::{gz, import_bytes, plays};
use crate::bad_input::{
    AGREEMENT, PARTIES, assert_says, import_catalogue, import_month, quarantined, status, usage,
};
use crate::support::{Desk, Said};

/// Runs a command with bytes on its standard input.
fn piped(desk: &Desk, words: &[&str], bytes: &[u8]) -> Said {
    let mut command = desk.command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().into()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 0).unwrap()
}

on_both! {
    fn compressed_files_are_read_as_what_they_hold(desk) {
        let text = usage(&["u1,x::A,3,"]);
        let said = import_bytes(desk, "usage", "u.csv.gz", &gz(text.as_bytes())).ok();
        assert_says(&said, "took 1 row");
        let said = import_bytes(desk, "usage", "u.csv.zst", &zst(text.as_bytes())).ok();
        assert_says(&said, "already imported as u.csv.gz; nothing changed");
        let said = desk.import("usage", "u.csv", &text).ok();
        assert_says(&said, "already imported as u.csv.gz; nothing changed");
        let more = usage(&["u1,x::A,4,"]);
        import_bytes(desk, "usage", "no-ending", &zst(more.as_bytes())).ok();
        assert_eq!(plays(desk), 7);
    }
}

on_both! {
    fn a_compressed_file_of_several_members_is_read_to_its_end(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,4,"]);
        let (one, two) = text.as_bytes().split_at(100);
        import_bytes(desk, "usage", "u.csv.gz", &[gz(one), gz(two)].concat()).ok();
        assert_eq!(plays(desk), 7);
        let said = import_bytes(desk, "usage", "u.csv.zst", &[zst(one), zst(two)].concat()).ok();
        assert_says(&said, "nothing changed");
    }
}

on_both! {
    fn a_compressed_file_that_was_cut_off_is_not_taken(desk) {
        let rows: Vec<String> = (0..500).map(|n| format!("u{n},x::A,{n},")).collect();
        let text = usage(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, bytes) in
            [("u.csv.gz", gz(text.as_bytes())), ("u.csv.zst", zst(text.as_bytes()))]
        {
            let said = import_bytes(desk, "usage", name, &bytes[..bytes.len() - 5]).refused();
            assert_says(&said, &format!("{name}: "));
            assert_says(&said, "cannot read ");
        }
        assert_eq!(status(desk)["imports"].as_array().unwrap().len(), 0);
    }
}

on_both! {
    fn standard_input_is_read_plain_and_compressed(desk) {
        let text = usage(&["u1,x::A,3,"]);
        let said = piped(desk, &["import", "usage", "-"], text.as_bytes()).ok();
        assert_says(&said, "took 1 row");
        let again = piped(desk, &["import", "usage", "-"], &gz(text.as_bytes())).ok();
        assert_says(&again, "already imported as stdin; nothing changed");
        let more = usage(&["u1,x::A,4,", "u2,x::A,-4,"]);
        let said = piped(desk, &["import", "usage", "-", "--batch", "more"], more.as_bytes());
        assert_says(&said.refused(), "-:3:7: plays: \"-4\"");
        assert_eq!(plays(desk), 7);
    }
}

#[cfg(unix)]
on_both! {
    fn a_pipe_is_read_from_its_beginning(desk) {
        let script = format!(
            "{} -w . import parties <(printf 'party,name\\na,A\\n')",
            env!("CARGO_BIN_EXE_tantieme")
        );
        let as_program = desk.command(&[]);
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script]).current_dir(desk.dir());
        for (name, value) in as_program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let said: Said = command.output().unwrap().into();
        assert_says(&said.ok(), "took 1 row");
    }
}

on_both! {
    fn a_byte_order_mark_and_carriage_returns_change_nothing(desk) {
        import_catalogue(desk);
        let dressed = format!("\u{feff}{}", PARTIES.replace('\n', "\r\n"));
        let said = desk.import("parties", "windows.csv", &dressed).ok();
        assert_says(&said, "took 2 rows, 2 already known");
        let dressed = format!("\u{feff}{}", AGREEMENT.replace('\n', "\r\n"));
        let said = desk.import("agreements", "windows.toml", &dressed).ok();
        let version = said.split("agreement cloud version ").nth(1).unwrap().trim().to_owned();
        let plain = desk.import("agreements", "plain.toml", &format!("# plain\n{AGREEMENT}"));
        assert_says(&plain.ok(), &version);
    }
}

on_both! {
    fn lines_are_counted_alike_with_carriage_returns(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,-1,"]).replace('\n', "\r\n");
        assert_says(&desk.import("usage", "u.csv", &text).refused(), "u.csv:3:7: plays: \"-1\"");
    }
}

on_both! {
    fn lines_that_end_in_a_carriage_return_alone_are_counted_too(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,-1,"]).replace('\n', "\r");
        assert_says(&desk.import("usage", "u.csv", &text).refused(), "u.csv:3:7: plays: \"-1\"");
    }
}

const FLAGS: [&str; 8] =
    ["--period", "2026-10", "--service", "cloud", "--offer", "svip", "--territory", "CN"];

/// Imports a file with the pool key given by flags, some of which are changed.
fn import_flagged(desk: &Desk, name: &str, text: &str, change: &[(&str, &str)]) -> Said {
    let path = desk.file(name, text);
    let mut flags = FLAGS;
    for (flag, value) in change {
        let at = flags.iter().position(|word| word == flag).unwrap();
        flags[at + 1] = value;
    }
    desk.run(&[&["import", "usage", &path][..], &flags].concat())
}

on_both! {
    fn the_pool_key_may_come_as_flags(desk) {
        import_month(desk);
        let before = desk.close("2026-10");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "the same by flags"]).ok();
        desk.run(&["withdraw", "usage.csv"]).ok();
        import_flagged(desk, "f.csv", "listener,recording,plays\nu1,x::A,3\nu2,x::B,1\n", &[]).ok();
        assert_eq!(desk.close("2026-10"), before);
    }
}

on_both! {
    fn the_same_file_with_other_flags_is_another_batch(desk) {
        let text = "listener,recording,plays\nu1,x::A,3\n";
        import_flagged(desk, "f.csv", text, &[]).ok();
        assert_says(&import_flagged(desk, "g.csv", text, &[]).ok(), "already imported as f.csv");
        let november = [("--period", "2026-11")];
        let said = import_flagged(desk, "f.csv", text, &november).refused();
        assert_says(&said, "batch \"f.csv\" was taken with other content");
        import_flagged(desk, "g.csv", text, &november).ok();
        assert_eq!(status(desk)["months"]["2026-11"]["plays"], 3);
    }
}

on_both! {
    fn a_column_in_the_file_and_as_a_flag_is_refused(desk) {
        let text = "listener,recording,plays,offer\nu1,x::A,3,svip\n";
        let said = import_flagged(desk, "f.csv", text, &[]).refused();
        assert_says(
            &said,
            "f.csv:1: column \"offer\" stands in the file and was given as a flag too",
        );
    }
}

on_both! {
    fn a_flag_that_cannot_be_is_a_usage_error_and_no_row_is_blamed(desk) {
        let text = "listener,recording,plays\nu1,x::A,3\nu2,x::A,4\n";
        for change in [("--period", "2026-13"), ("--territory", "China"), ("--service", "")] {
            let said = import_flagged(desk, "f.csv", text, &[change]);
            assert_eq!(said.code, Some(2), "{said:?}");
            assert_says(&said.stderr, change.0);
            assert_eq!(quarantined(desk).len(), 0);
        }
    }
}

on_both! {
    fn flags_of_usage_are_for_usage_alone(desk) {
        let path = desk.file("p.csv", "party,name\na,A\n");
        let said = desk.run(&["import", "parties", &path, "--period", "2026-10"]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert_says(&said.stderr, "are for usage");
    }
}
