//! Facts that do not fit together: the month is refused with all reasons, or the money is held.

use tantieme::settle::Line;

use super::{
    AGREEMENT, CLAIMS, REVENUE, assert_says, draft, import_catalogue, import_month, status, total,
    usage,
};
use crate::support::{Desk, block_on};

#[track_caller]
pub fn close_refused(desk: &Desk) -> String {
    desk.run(&["close", "2026-10", "--as", "anna"]).refused()
}

/// The lines of a draft whose money is held.
fn held(desk: &Desk) -> Vec<Line> {
    draft(desk, "2026-10");
    block_on(async {
        let url = desk.is_postgres().then(|| desk.url());
        let workspace =
            tantieme::facts::Workspace::open(desk.dir(), url.as_deref(), None).await.unwrap();
        let lines = tantieme::close::held(&workspace, "2026-10".parse().unwrap()).await.unwrap();
        workspace.store.close().await;
        lines
    })
}

#[track_caller]
fn one_is_held(desk: &Desk, account: &str, amount: &str, reason: &str) {
    let lines = held(desk);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].credit.to_string(), account);
    assert_eq!(lines[0].amount.to_string(), amount);
    assert_eq!(lines[0].note.as_deref(), Some(reason));
}

on_both! {
    fn the_same_usage_under_another_name_is_reported_and_changes_nothing(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::B,1,"]);
        desk.import("usage", "u.csv", &text).ok();
        let before = status(desk);
        let again = desk.import("usage", "copy.csv", &text).ok();
        assert_says(&again, "copy.csv: already imported as u.csv; nothing changed");
        assert_eq!(status(desk), before);
    }
}

on_both! {
    fn other_usage_under_a_taken_name_is_refused(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,"])).ok();
        let said = desk.import("usage", "u.csv", &usage(&["u1,x::A,5,"])).refused();
        assert_says(&said, "batch \"u.csv\" was taken with other content");
        assert_says(&said, "--batch");
        assert_says(&said, "--replace");
        assert_eq!(status(desk)["months"]["2026-10"]["plays"], 3);
    }
}

on_both! {
    fn replacing_a_batch_supersedes_all_of_it(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,", "u2,x::B,4,"])).ok();
        let path = desk.file("u.csv", &usage(&["u1,x::A,5,"]));
        desk.run(&["import", "usage", &path, "--replace"]).ok();
        let status = status(desk);
        assert_eq!(status["months"]["2026-10"]["plays"], 5);
        assert_eq!(status["imports"][0]["files"], 1);
    }
}

on_both! {
    fn rows_of_the_same_listener_and_recording_are_added_and_it_says_so(desk) {
        let text = usage(&["u1,gb-xyz-26-00001,3,1", "u2,x::B,1,", "u1,GBXYZ2600001,4,2"]);
        let said = desk.import("usage", "u.csv", &text).ok();
        assert_says(&said, "took 3 rows");
        assert_says(&said, "1 row repeats a listener and a recording: their plays were added");
        let month = status(desk)["months"]["2026-10"].clone();
        assert_eq!((month["usage_rows"].as_u64(), month["plays"].as_u64()), (Some(2), Some(8)));
    }
}

on_both! {
    fn plays_of_one_pair_that_do_not_fit_together_are_refused_by_name(desk) {
        let text = usage(&["u1,x::A,4294967295,", "u1,x::A,1,"]);
        let said = desk.import("usage", "u.csv", &text).refused();
        assert_says(
            &said,
            "one listener has over 4294967295 plays of x::A in 2026-10/cloud/svip/CN",
        );
        assert_eq!(status(desk)["imports"].as_array().unwrap().len(), 0);
    }
}

on_both! {
    fn plays_of_one_pair_that_do_not_fit_across_batches_fail_the_close_until_one_is_gone(desk) {
        import_month(desk);
        desk.import("usage", "more.csv", &usage(&["u1,x::A,4294967293,"])).ok();
        assert_says(&close_refused(desk), "one listener has over 4294967295 plays of x::A");
        assert_says(&desk.run(&["status"]).ok(), "failed");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "too many plays"]).ok();
        desk.run(&["withdraw", "more.csv"]).ok();
        draft(desk, "2026-10");
    }
}

on_both! {
    fn amounts_that_add_up_to_too_much_fail_the_close_until_one_is_corrected(desk) {
        import_month(desk);
        let whole = AGREEMENT.replace("\"50\"", "\"100\"");
        desk.import("agreements", "whole.toml", &whole).ok();
        let rows = |ad: &str| {
            let row = REVENUE.replace("100.00", "9223372036854.775807").replace("svip", "device");
            format!("{row}2026-10,cloud,ad,CN,CNY,{ad}\n")
        };
        desk.import("revenue", "much.csv", &rows("0.000001")).ok();
        assert_says(&close_refused(desk), "out of range");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "too much"]).ok();
        let path = desk.file("less.csv", &rows("0").replace("9223372036854.775807", "1"));
        desk.run(&["import", "revenue", &path, "--replace"]).ok();
        assert_eq!(total(desk, "2026-10", "/money_in"), "101.000000");
    }
}

on_both! {
    fn a_month_of_odd_names_is_published_and_proven(desk) {
        let odd = |text: &str| {
            let text = text.replace("cloud", "clo/ud%2F:").replace("svip", "\"s, v \"\"i\"\" p\"");
            text.replace("label", "../låb'el; --").replace("mei", "\"梅:, \\ \"\"m\"\"\"")
        };
        for (kind, text) in [
            ("parties", odd(super::PARTIES)),
            ("recordings", odd(super::RECORDINGS)),
            ("claims", odd(CLAIMS)),
            ("agreements", AGREEMENT.replace("\"cloud\"", "\"clo/ud%2F:\"")),
            ("revenue", odd(REVENUE)),
            ("usage", odd(&usage(&["u1,x::A,3,", "u2,x::B,1,"]))),
        ] {
            desk.import(kind, "odd.file", &text).ok();
        }
        desk.publish("2026-10");
        desk.run(&["verify"]).ok();
        let said = desk.run(&["statements", "2026-10", "--payee", "../låb'el; --"]).ok();
        assert_says(&said, "clo/ud%2F:,\"s, v \"\"i\"\" p\",CN,recording,3,37.500000");
        desk.run(&["statements", "2026-10", "--out", "settlement"]).ok();
        let written = super::files(&desk.dir().join("settlement"));
        assert_eq!(written.len(), 3, "{written:?}"); // two statements and their index
    }
}

on_both! {
    fn a_statement_is_written_for_a_payee_with_the_longest_name(desk) {
        let long = "\u{6885}".repeat(42); // 126 of the 128 bytes that an id may have
        for (kind, text) in [("parties", super::PARTIES), ("claims", CLAIMS)] {
            desk.import(kind, kind, &text.replace("mei", &long)).ok();
        }
        desk.import("recordings", "recordings", super::RECORDINGS).ok();
        desk.import("agreements", "agreements", AGREEMENT).ok();
        desk.import("revenue", "revenue", REVENUE).ok();
        desk.import("usage", "usage", &usage(&["u1,x::B,1,"])).ok();
        desk.publish("2026-10");
        desk.run(&["statements", "2026-10", "--out", "settlement"]).ok();
        assert_eq!(super::files(&desk.dir().join("settlement")).len(), 2);
    }
}

on_both! {
    fn revenue_without_usage_is_held_as_undistributed(desk) {
        import_catalogue(desk);
        desk.import("revenue", "r.csv", REVENUE).ok();
        one_is_held(desk, "suspense:undistributed", "50.000000", "no plays");
    }
}

on_both! {
    fn usage_without_revenue_is_not_frozen(desk) {
        import_catalogue(desk);
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,"])).ok();
        let said = close_refused(desk);
        assert_says(&said, "usage of 2026-10/cloud/svip/CN has no revenue row; import one (0 says");
    }
}

on_both! {
    fn a_revenue_of_0_says_that_nothing_was_earned(desk) {
        import_catalogue(desk);
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,"])).ok();
        desk.import("revenue", "r.csv", &REVENUE.replace("100.00", "0")).ok();
        assert_eq!(total(desk, "2026-10", "/money_in"), "0.000000");
        desk.publish("2026-10");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn revenue_that_no_pool_shares_is_not_frozen(desk) {
        import_month(desk);
        let more = REVENUE.replace("cloud", "radio");
        desk.import("revenue", "radio.csv", &more).ok();
        assert_says(&close_refused(desk), "revenue of 2026-10/radio/svip/CN has no [[pool]]");
    }
}

on_both! {
    fn a_month_of_which_nothing_is_known_is_not_frozen(desk) {
        import_catalogue(desk);
        assert_says(&close_refused(desk), "there is nothing to settle: no revenue and no sales");
    }
}

on_both! {
    fn two_pools_for_one_right_are_both_named(desk) {
        import_month(desk);
        let other = AGREEMENT.replace("\"cloud\"\nvalid", "\"cloud-too\"\nvalid");
        desk.import("agreements", "too.toml", &other).ok();
        let said = close_refused(desk);
        assert_says(&said, "recording of 2026-10/cloud/svip/CN is shared twice");
        assert_says(&said, "by pool 1 of cloud and by pool 1 of cloud-too");
    }
}

on_both! {
    fn pools_over_100_percent_together_are_not_frozen(desk) {
        import_month(desk);
        let composition = AGREEMENT
            .replace("\"cloud\"\nvalid", "\"songs\"\nvalid")
            .replace("right = \"recording\"", "right = \"composition\"")
            .replace("\"50\"", "\"50.000001\"");
        desk.import("agreements", "songs.toml", &composition).ok();
        let said = close_refused(desk);
        assert_says(&said, "the pools of 2026-10/cloud/svip/CN together take over 100 percent");
    }
}

on_both! {
    fn everything_that_stands_against_a_month_is_said_at_once(desk) {
        import_catalogue(desk);
        desk.import("revenue", "r.csv", &REVENUE.replace("cloud", "radio")).ok();
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,"]));
        let said = close_refused(desk);
        assert_says(&said, "usage of 2026-10/cloud/svip/CN has no revenue row");
        assert_says(&said, "revenue of 2026-10/radio/svip/CN has no [[pool]]");
        assert_says(&said, "1 rows that may be of this month stand in quarantine");
    }
}

on_both! {
    fn money_claimed_by_an_unknown_party_is_parked_and_the_others_are_paid(desk) {
        import_month(desk);
        desk.import("claims", "ghost.csv", &CLAIMS.replace("label", "ghost")).ok();
        let more = "recording,right,party,share\nx::A,recording,label,0\n";
        desk.import("claims", "gone.csv", more).ok();
        let reason = "ghost claims it and is not among the parties";
        one_is_held(desk, "suspense:parked", "37.500000", reason);
        assert_eq!(total(desk, "2026-10", "/payable"), "12.500000");
    }
}

on_both! {
    fn a_royalty_of_an_unknown_party_is_parked_and_the_others_are_paid(desk) {
        import_month(desk);
        let royalty = r#"[agreement]
    id = "label"
    valid_from = 2026-01-01

    [[royalty]]
    payer = "label"
    participants = [ { party = "mei", rate = "20" }, { party = "ghost", rate = "10" } ]
    "#;
        desk.import("agreements", "label.toml", royalty).ok();
        let reason = "ghost is owed a royalty and is not among the parties";
        one_is_held(desk, "suspense:parked", "3.750000", reason);
        desk.publish("2026-10");
        let statement = |payee| {
            let said =
                desk.run(&["statements", "2026-10", "--payee", payee, "--format", "json"]).ok();
            crate::support::json(&said)[0]["total"].as_str().unwrap().to_owned()
        };
        assert_eq!(statement("label"), "26.250000"); // 37.50 less 7.50 for mei and 3.75 held
        assert_eq!(statement("mei"), "20.000000"); // 12.50 and 7.50
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_receipt_sets_ten_thousand_royalties_in_motion_and_the_rest_is_parked(desk) {
        import_month(desk);
        let names = |letter: char| (0..100).map(move |number| format!("{letter}{number:03}"));
        let rows = names('a').chain(names('b')).map(|id| format!("{id},{id}\n"));
        let parties = rows.collect::<Vec<_>>().concat();
        desk.import("parties", "hands.csv", &format!("party,name\n{parties}")).ok();
        let term = |payer: &str, letter| {
            let participants: Vec<_> =
                names(letter).map(|id| format!("{{ party = \"{id}\", rate = \"1\" }}")).collect();
            format!("[[royalty]]\npayer = \"{payer}\"\nparticipants = [{}]\n", participants.join(", "))
        };
        let terms: String = names('a').map(|payer| term(&payer, 'b')).collect();
        let header = "[agreement]\nid = \"hands\"\nvalid_from = 2026-01-01\n";
        desk.import("agreements", "hands.toml", &format!("{header}{}{terms}", term("mei", 'a'))).ok();
        let held = held(desk);
        assert_eq!(held.len(), 100); // what the hundredth of a hundred would pay on
        for line in held {
            let note = line.note.unwrap();
            assert_says(&note, "would be paid after 10000 royalties on one receipt: mei → a099");
        }
    }
}

on_both! {
    fn money_of_an_unknown_recording_is_unmatched_and_the_others_are_paid(desk) {
        import_month(desk);
        desk.import("usage", "more.csv", &usage(&["u3,x::C,4,"])).ok();
        let reason = "the recording is not in the catalogue";
        one_is_held(desk, "suspense:unmatched", "25.000000", reason);
        assert_eq!(total(desk, "2026-10", "/payable"), "25.000000");
    }
}

on_both! {
    fn claims_over_100_percent_are_disputed_and_all_are_named(desk) {
        import_month(desk);
        desk.import("claims", "more.csv", "recording,right,party,share\nx::A,recording,mei,1\n")
            .ok();
        let reason = "claims add up to over 100 percent: label 100, mei 1";
        one_is_held(desk, "suspense:disputed", "37.500000", reason);
    }
}

on_both! {
    fn claims_under_100_percent_leave_the_rest_unclaimed(desk) {
        import_month(desk);
        desk.import(
            "claims",
            "more.csv",
            "recording,right,party,share\nx::A,recording,label,1/3\n",
        )
        .ok();
        let reason = "claims add up to under 100 percent";
        one_is_held(desk, "suspense:unclaimed", "25.000000", reason);
    }
}

on_both! {
    fn rows_in_quarantine_hold_a_month_until_their_exact_number_is_accepted(desk) {
        import_month(desk);
        desk.import("usage", "more.csv", &usage(&["u3,x::A,-1,", "u4,x::A,x,", "u5,x::A,4,"]));
        let said = close_refused(desk);
        assert_says(&said, "2 rows that may be of this month stand in quarantine");
        assert_says(&said, "--accept-quarantine 2");
        for wrong in ["0", "1", "3"] {
            let words = ["close", "2026-10", "--as", "anna", "--accept-quarantine", wrong];
            let said = desk.run(&words).refused();
            assert_says(&said, &format!("--accept-quarantine {wrong} was given and 2 rows stand"));
        }
        desk.run(&["close", "2026-10", "--as", "anna", "--accept-quarantine", "2"]).ok();
        assert_eq!(total(desk, "2026-10", "/money_in"), "50.000000");
    }
}

on_both! {
    fn rows_in_quarantine_of_another_month_do_not_hold_this_one(desk) {
        import_month(desk);
        let later = usage(&["u3,x::A,-1,"]).replace("2026-10", "2026-11");
        desk.import("usage", "later.csv", &later);
        draft(desk, "2026-10");
    }
}

on_both! {
    fn a_month_closes_once_a_corrected_file_has_replaced_the_bad_one(desk) {
        import_month(desk);
        desk.import("usage", "more.csv", &usage(&["u3,x::B,4,", "u4,x::B,-4,"]));
        assert_says(&close_refused(desk), "--replace");
        let path = desk.file("more.csv", &usage(&["u3,x::B,4,", "u4,x::B,4,"]));
        desk.run(&["import", "usage", &path, "--replace"]).ok();
        draft(desk, "2026-10");
    }
}

on_both! {
    fn a_month_closes_once_corrections_are_imported_and_their_number_is_accepted(desk) {
        import_month(desk);
        let whole = draft(desk, "2026-10")["result"].clone();
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "one row badly"]).ok();
        desk.run(&["withdraw", "usage.csv"]).ok();
        desk.import("usage", "more.csv", &usage(&["u1,x::A,3,", "u2,x::B,-1,"]));
        let from = desk.dir().join("more.csv");
        let rows = desk.run(&["quarantine", "export", "--from", from.to_str().unwrap()]).ok();
        desk.import("usage", "corrections.csv", &rows.replace(",-1,", ",1,")).ok();
        desk.run(&["close", "2026-10", "--as", "anna", "--accept-quarantine", "1"]).ok();
        assert_eq!(draft(desk, "2026-10")["result"], whole);
    }
}

on_both! {
    fn a_bad_revenue_row_holds_its_month_whatever_the_next_months_file_is_called(desk) {
        let bad = format!("{REVENUE}2026-10,cloud,ad,CN,CNY,-1\n");
        import_month(desk);
        desk.import("revenue", "monthly.csv", &bad);
        assert_says(&close_refused(desk), "1 rows that may be of this month stand in quarantine");
        desk.import("revenue", "monthly.csv", &REVENUE.replace("2026-10", "2026-11")).ok();
        assert_says(&close_refused(desk), "1 rows that may be of this month stand in quarantine");
    }
}
