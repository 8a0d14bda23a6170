//! Files that are not what they should be, and rows that are not rows.

use super::{assert_says, quarantined, status, usage};
use crate::support::Desk;

/// Imports bytes that no text holds.
fn import_bytes(desk: &Desk, kind: &str, name: &str, bytes: &[u8]) -> crate::support::Said {
    let path = desk.dir().join(name);
    std::fs::write(&path, bytes).unwrap();
    desk.run(&["import", kind, path.to_str().unwrap()])
}

#[track_caller]
fn nothing_was_taken(desk: &Desk) {
    let status = status(desk);
    assert_eq!(status["imports"].as_array().unwrap().len(), 0, "{status}");
    assert_eq!(status["quarantined"], 0);
}

on_both! {
    fn an_unknown_column_is_refused_and_the_known_ones_are_listed(desk) {
        let said = desk.import("recordings", "r.csv", "recording,titel,artist\nx::A,Anchor,mei\n");
        let known = "known are recording, title, artist, label, isrc, duration_seconds, content, \
            ai, repertoire, release, work";
        assert_says(&said.refused(), &format!("r.csv:1: unknown column \"titel\"; {known}"));
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_missing_column_is_named(desk) {
        let said = desk.import("recordings", "r.csv", "recording,artist\nx::A,mei\n").refused();
        assert_says(&said, "r.csv:1: missing column title; known are recording, title, artist");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_column_that_stands_twice_is_refused(desk) {
        let said = desk.import("parties", "p.csv", "party,name,name\na,A,B\n").refused();
        assert_says(&said, "p.csv:1: column \"name\" stands twice");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn an_empty_file_is_refused(desk) {
        let said = desk.import("parties", "p.csv", "").refused();
        assert_says(&said, "p.csv:1: the file is empty; it needs a header row");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_file_without_a_header_is_refused(desk) {
        let said = desk.import("parties", "p.csv", "mei,Mei\nlabel,Label\n").refused();
        assert_says(
            &said,
            "p.csv:1: the first row is no header: it has none of the columns party, name",
        );
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_file_that_is_not_there_is_an_error(desk) {
        assert_says(
            &desk.run(&["import", "parties", "none.csv"]).refused(),
            "cannot read none.csv",
        );
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_row_that_is_not_utf_8_is_quarantined_and_the_next_is_taken(desk) {
        let said = import_bytes(desk, "parties", "p.csv", b"party,name\nmei,M\xe9i\nlabel,Label\n");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stderr, "p.csv:2:1: the row is not UTF-8; save the file as UTF-8");
        assert_says(&said.stdout, "took 1 row, 1 in quarantine");
    }
}

on_both! {
    fn a_header_that_is_not_utf_8_is_refused(desk) {
        let said = import_bytes(desk, "parties", "p.csv", b"party,n\xe9me\nmei,Mei\n").refused();
        assert_says(&said, "p.csv:1: the header row is not UTF-8; save the file as UTF-8");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_utf_16_file_is_refused(desk) {
        let text = "party,name\nmei,Mei\n".encode_utf16().flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(text).collect();
        let said = import_bytes(desk, "parties", "p.csv", &bytes).refused();
        assert_says(&said, "p.csv:1: the header row is not UTF-8; save the file as UTF-8");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_row_of_two_mebibytes_is_one_bad_row_and_the_rows_after_it_keep_their_lines(desk) {
        let half = "x".repeat(1 << 20);
        let huge = format!("u2,\"{half}\n{half}\",1,");
        let text = usage(&["u1,x::A,1,", &huge, "u3,x::A,2,", "u4,x::A,-1,"]);
        let said = desk.import("usage", "u.csv", &text);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stdout, "took 2 rows, 2 in quarantine");
        assert_says(&said.stderr, "u.csv:3:1: the row is longer than 1 MiB");
        assert_says(&said.stderr, "u.csv:6:7: plays: \"-1\"");
        assert_eq!(status(desk)["months"]["2026-10"]["plays"], 3);
    }
}

on_both! {
    fn a_long_cell_is_not_repeated_in_full(desk) {
        let text = usage(&["u1,x::A,1,", &format!("u2,{},1,", "y".repeat(10_000))]);
        let said = desk.import("usage", "u.csv", &text).refused();
        assert_says(&said, "u.csv:3:6: recording: neither an ISRC");
        assert!(said.len() < 1000, "{}", said.len());
    }
}

on_both! {
    fn an_unclosed_quote_is_one_bad_row_and_the_rows_before_it_are_taken(desk) {
        let text = usage(&["u1,x::A,1,", "u2,\"x::A,2,", "u3,x::A,3,", "u4,x::A,4,"]);
        let said = desk.import("usage", "u.csv", &text);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stdout, "took 1 row, 1 in quarantine");
        assert_says(&said.stderr, "u.csv:3:1: the row has a quote that is never closed");
        assert_eq!(quarantined(desk)[0]["line"], 3);
        assert_eq!(status(desk)["months"]["2026-10"]["plays"], 1);
    }
}

on_both! {
    fn an_unclosed_quote_in_the_last_row_is_no_good_row(desk) {
        let said = desk.import("parties", "p.csv", "party,name\nlabel,Label\nmei,\"Me");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stdout, "took 1 row, 1 in quarantine");
        assert_says(&said.stderr, "p.csv:3:");
    }
}

on_both! {
    fn a_long_unclosed_quote_is_called_by_its_name(desk) {
        let swallowed = std::iter::repeat_n("u3,x::A,3,", 40_000);
        let rows: Vec<&str> = ["u1,x::A,1,", "u2,\"x::A,2,"].into_iter().chain(swallowed).collect();
        let said = desk.import("usage", "u.csv", &usage(&rows)).refused();
        assert_says(
            &said,
            "u.csv:3:1: the row is longer than 1 MiB; look for a quote that is never",
        );
    }
}

on_both! {
    fn rows_with_too_few_or_too_many_fields_are_quarantined(desk) {
        let text = usage(&["u1,x::A,1,", "u2,x::A,2", "u3,x::A,3,,"]);
        let said = desk.import("usage", "u.csv", &text);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stdout, "took 1 row, 2 in quarantine");
        assert_says(&said.stderr, "u.csv:3:1: the row has 7 fields and the header has 8");
        assert_says(&said.stderr, "u.csv:4:1: the row has 9 fields and the header has 8");
    }
}

on_both! {
    fn a_file_of_bad_rows_alone_is_taken_for_one_of_another_kind(desk) {
        let rows = vec!["u1,x::A,none,"; 100_001];
        let said = desk.import("usage", "u.csv", &usage(&rows)).refused();
        assert_says(&said, "u.csv: over 100000 rows are bad, the first in line 2:7: plays:");
        assert_says(&said, "is this a file of usage?");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn a_file_of_another_kind_is_refused_by_its_header(desk) {
        let said = desk.import("parties", "claims.csv", super::CLAIMS).refused();
        assert_says(&said, "claims.csv:1: unknown column \"recording\"; known are party, name");
        nothing_was_taken(desk);
    }
}

on_both! {
    fn an_agreement_with_an_unknown_key_is_refused_with_its_place(desk) {
        let text = super::AGREEMENT.replace("model =", "modell =");
        let said = desk.import("agreements", "a.toml", &text).refused();
        assert_says(&said, "a.toml:9:1: unknown field `modell`, expected one of `service`");
        nothing_was_taken(desk);
    }
}

const ROYALTY: &str = r#"[agreement]
id = "north"
valid_from = 2026-01-01

[[royalty]]
payer = "label"
recordings = { artist = "mei" }
participants = [ { party = "mei", rate = "60" }, { party = "fay", rate = "40" } ]
"#;

on_both! {
    fn a_royalty_with_an_unknown_key_is_refused_with_its_place(desk) {
        let text = ROYALTY.replace("recordings =", "recording =");
        let said = desk.import("agreements", "a.toml", &text).refused();
        assert_says(&said, "a.toml:7:1: unknown field `recording`");
    }
}

on_both! {
    fn participants_over_100_percent_are_refused_with_the_line_of_their_term(desk) {
        desk.import("agreements", "whole.toml", ROYALTY).ok();
        let text = ROYALTY.replace("\"40\"", "\"40.000001\"").replace("north", "south");
        let said = desk.import("agreements", "a.toml", &text).refused();
        let reason = "the participants of label are paid over 100 percent of its receipts";
        assert_says(&said, &format!("a.toml:5:1: {reason}"));
        assert_eq!(status(desk)["imports"][0]["files"], 1);
    }
}

on_both! {
    fn a_percentage_outside_0_to_100_is_refused_with_its_place(desk) {
        let text = super::AGREEMENT.replace("\"50\"", "\"100.000001\"");
        let said = desk.import("agreements", "a.toml", &text).refused();
        assert_says(&said, "a.toml:8:8: \"100.000001\": outside 0 to 100 percent");
    }
}
