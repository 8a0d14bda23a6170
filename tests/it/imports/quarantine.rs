//! Rows that were not taken: listed, exported, and restored as they stand in the user's own file.

use super::{gz, import_bytes};
use crate::bad_input::{assert_says, quarantined, usage};
use crate::support::{Desk, Said};

on_both! {
    fn withdrawing_a_batch_empties_its_quarantine(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,"]));
        desk.run(&["withdraw", "u.csv"]).ok();
        assert_eq!(quarantined(desk).len(), 0);
        assert_says(&desk.run(&["quarantine", "list"]).ok(), "nothing is in quarantine");
    }
}

on_both! {
    fn the_quarantine_lists_kind_batch_line_column_and_reason(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,", "u3,x::A,2"]));
        let rows = quarantined(desk);
        let cell = |row: usize, name: &str| rows[row][name].clone();
        assert_eq!((cell(0, "kind"), cell(0, "batch")), ("usage".into(), "u.csv".into()));
        assert_eq!((cell(0, "line"), cell(0, "column")), (3.into(), "plays".into()));
        assert_eq!(cell(0, "reason"), "\"-3\": plays cannot be negative");
        assert_eq!((cell(1, "line"), cell(1, "column")), (4.into(), "".into()));
        let list = desk.run(&["quarantine", "list"]).ok();
        assert_says(&list, "usage  u.csv     3  plays   \"-3\": plays cannot be negative");
    }
}

on_both! {
    fn the_quarantine_exports_its_rows_with_hashed_listeners(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,1", "u3,x::A,2"]));
        let export = desk.run(&["quarantine", "export"]).ok();
        let mut reader = csv::Reader::from_reader(export.as_bytes());
        assert_eq!(
            reader.headers().unwrap(),
            ["kind", "batch", "line", "column", "reason", "row", "part"].as_slice()
        );
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let (before, after) = rows[0][5].split_once("hashed:").unwrap();
        assert_eq!((before, &after[32..]), ("2026-10,cloud,svip,CN,", ",x::A,-3,1"));
        assert_eq!(&rows[1][5], ""); // nobody can tell which of its fields is the listener
    }
}

#[track_caller]
fn restores(desk: &Desk, kind: &str, name: &str, bytes: &[u8], expected: &[u8]) {
    let said = import_bytes(desk, kind, name, bytes);
    assert_eq!(said.code, Some(1), "{said:?}");
    let path = desk.dir().join(name);
    let mut command = desk.command(&["quarantine", "export", "--from", path.to_str().unwrap()]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (found, expected) = (output.stdout, expected);
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(expected));
    assert_eq!(found, expected);
}

on_both! {
    fn the_users_own_rows_come_back_from_quarantine(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,-3,", "u3,x::A,3,", "u4,x::A,2", "u5,,1,"]);
        let expected = usage(&["u2,x::A,-3,", "u4,x::A,2", "u5,,1,"]);
        restores(desk, "usage", "u.csv", text.as_bytes(), expected.as_bytes());
    }
}

on_both! {
    fn rows_come_back_over_several_lines_with_blank_lines_and_no_last_newline(desk) {
        let text = "party,name,email\n\na,\"A\nand B\",a@b.c\n\nb,\"B\nand C\",none\n\
            c,C,c@d.e\nd,\"D \"\"d\"\"\",none";
        let expected =
            "party,name,email\na,\"A\nand B\",a@b.c\nb,\"B\nand C\",none\nd,\"D \"\"d\"\"\",none\n";
        restores(desk, "parties", "p.csv", text.as_bytes(), expected.as_bytes());
    }
}

on_both! {
    fn rows_come_back_with_their_byte_order_mark_and_their_carriage_returns(desk) {
        let text = "\u{feff}party,name\r\na,A\r\n,B\r\nc,C\r\n";
        let expected = "\u{feff}party,name\r\n,B\r\n";
        restores(desk, "parties", "p.csv", text.as_bytes(), expected.as_bytes());
    }
}

on_both! {
    fn rows_come_back_that_are_not_utf_8(desk) {
        restores(desk, "parties", "p.csv", b"party,name\na,A\nb,B\xe9\n", b"party,name\nb,B\xe9\n");
    }
}

on_both! {
    fn rows_come_back_after_a_quote_within_an_unquoted_cell(desk) {
        let text = usage(&["u1,x::12\" mix,3,", "u2,x::A,-3,", "u3,x::A,3,"]);
        restores(desk, "usage", "u.csv", text.as_bytes(), usage(&["u2,x::A,-3,"]).as_bytes());
    }
}

on_both! {
    fn rows_come_back_from_a_compressed_file(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,-3,"]);
        let expected = usage(&["u2,x::A,-3,"]);
        restores(desk, "usage", "u.csv.gz", &gz(text.as_bytes()), expected.as_bytes());
    }
}

on_both! {
    fn no_rows_come_back_from_a_file_that_is_not_the_one(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,-3,"]);
        desk.import("usage", "u.csv", &text);
        let other = desk.file("other.csv", &text.replace("u1", "u9"));
        let said = desk.run(&["quarantine", "export", "--from", &other]);
        assert_says(&said.clone().refused(), "no quarantined row is from ");
        assert_eq!(said.stdout, "");
    }
}

/// What `export --from` says of a file or folder.
fn export(desk: &Desk, from: &str) -> Said {
    desk.run(&["quarantine", "export", "--from", from])
}

on_both! {
    fn rows_come_back_from_the_parts_of_a_folder(desk) {
        std::fs::create_dir(desk.dir().join("october")).unwrap();
        desk.file("october/1.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,"]));
        desk.file("october/2.csv", &usage(&["u3,x::A,3,"]));
        desk.file("october/3.csv", &usage(&["u4,,3,", "u5,x::A,1,", "u6,x::A"]));
        desk.run(&["import", "usage", "october"]);
        let expected = usage(&["u2,x::A,-3,", "u4,,3,", "u6,x::A"]);
        assert_eq!(export(desk, "october").ok(), expected);
        // A part alone is not what was imported.
        assert_says(&export(desk, "october/1.csv").refused(), "no quarantined row is from");
        desk.sql("UPDATE quarantine SET part = NULL").unwrap();
        let said = export(desk, "october").refused();
        assert_says(&said, "were kept without the names of its parts: import it again");
    }
}

on_both! {
    fn rows_of_parts_with_different_headers_do_not_come_back_under_one(desk) {
        std::fs::create_dir(desk.dir().join("october")).unwrap();
        desk.file("october/1.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,"]));
        let turned = "plays,period,service,offer,territory,listener,recording\n\
            -1,2026-10,cloud,svip,CN,u3,x::A\n";
        desk.file("october/2.csv", turned);
        desk.run(&["import", "usage", "october"]);
        let said = export(desk, "october").refused();
        assert_says(&said, "october/2.csv:1: the header is not that of the parts before it");
    }
}

on_both! {
    fn a_row_of_many_mebibytes_comes_back_as_it_is(desk) {
        let long = "x".repeat(5 << 20);
        let text = usage(&["u1,x::A,3,", &format!("u2,{long},3,"), "u3,x::A,4,"]);
        let expected = usage(&[&format!("u2,{long},3,")]);
        restores(desk, "usage", "u.csv", text.as_bytes(), expected.as_bytes());
    }
}

on_both! {
    fn what_can_be_read_only_once_is_no_original(desk) {
        for from in ["-", "/dev/stdin"] {
            assert_says(&export(desk, from).refused(), "can be read only once: save it in a file");
        }
        assert_says(&export(desk, "nowhere.csv").refused(), "cannot read nowhere.csv");
    }
}
