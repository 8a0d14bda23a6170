//! Who may do what to a month, and when.

use super::{assert_says, draft, import_month};
use crate::support::Desk;

#[track_caller]
fn refused(desk: &Desk, words: &[&str], reason: &str) {
    assert_says(&desk.run(words).refused(), reason);
}

#[track_caller]
fn own_draft(desk: &Desk, preparer: &str, approver: &str) {
    import_month(desk);
    let said = desk.run(&["close", "2026-10", "--as", preparer, "--format", "json"]).ok();
    let result = crate::support::json(&said)["result"].as_str().unwrap().to_owned();
    let words = ["approve", "2026-10", "--as", approver, "--result", &result];
    refused(desk, &words, "prepared the close of 2026-10: another person must approve it");
    assert_eq!(draft(desk, "2026-10")["state"], "drafted");
}

on_both! {
    fn nobody_approves_their_own_draft(desk) {
        own_draft(desk, "anna", "anna");
    }
}

on_both! {
    fn nobody_approves_their_own_draft_in_capitals_or_with_spaces_around(desk) {
        own_draft(desk, "Anna Berg", "  ANNA BERG\t");
    }
}

on_both! {
    fn nobody_approves_their_own_draft_with_more_spaces_within(desk) {
        own_draft(desk, "Anna Berg", "Anna  Berg");
    }
}

on_both! {
    fn nobody_approves_their_own_draft_with_the_same_letters_in_other_bytes(desk) {
        own_draft(desk, "Zo\u{eb}", "Zoe\u{308}");
    }
}

on_both! {
    fn whoever_resumed_a_close_may_not_approve_it_either(desk) {
        import_month(desk);
        desk.crash("allocated", &["close", "2026-10", "--as", "anna"]);
        let said = desk.run(&["close", "2026-10", "--as", "ben", "--format", "json"]).ok();
        let result = crate::support::json(&said)["result"].as_str().unwrap().to_owned();
        for name in ["anna", "ben"] {
            let words = ["approve", "2026-10", "--as", name, "--result", &result];
            refused(desk, &words, "another person must approve it");
        }
        desk.run(&["approve", "2026-10", "--as", "carl", "--result", &result]).ok();
    }
}

on_both! {
    fn nobody_does_anything_without_a_name(desk) {
        import_month(desk);
        refused(desk, &["close", "2026-10", "--as", " "], "--as needs a name");
        let result = desk.close("2026-10");
        refused(
            desk,
            &["approve", "2026-10", "--as", "", "--result", &result],
            "--as needs a name",
        );
        refused(desk, &["deny", "2026-10", "--as", "", "--reason", "x"], "--as needs a name");
    }
}

on_both! {
    fn a_stale_hash_is_not_approved(desk) {
        import_month(desk);
        let stale = desk.close("2026-10");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "revenue was wrong"]).ok();
        let path = desk.file("revenue-2.csv", &super::REVENUE.replace("100.00", "200.00"));
        desk.run(&["import", "revenue", &path, "--replace"]).ok();
        let fresh = desk.close("2026-10");
        let words = ["approve", "2026-10", "--as", "ben", "--result", &stale];
        refused(desk, &words, &format!("the result of 2026-10 is {fresh}, not {stale}"));
        let half = ["approve", "2026-10", "--as", "ben", "--result", &fresh[..12]];
        refused(desk, &half, "look at the draft again before approving it");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &fresh]).ok();
    }
}

on_both! {
    fn an_approved_month_is_not_approved_again(desk) {
        import_month(desk);
        let result = desk.close("2026-10");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &result]).ok();
        let words = ["approve", "2026-10", "--as", "carl", "--result", &result];
        refused(desk, &words, "2026-10 is approved: publish it, or deny it");
    }
}

on_both! {
    fn a_month_that_was_not_approved_is_not_published(desk) {
        import_month(desk);
        desk.close("2026-10");
        let reason = "2026-10 is drafted: a second person must approve it first";
        refused(desk, &["publish", "2026-10", "--as", "ben"], reason);
        refused(desk, &["statements", "2026-10"], "its statements are a draft; --draft shows them");
    }
}

on_both! {
    fn a_denied_month_is_not_published(desk) {
        import_month(desk);
        let result = desk.close("2026-10");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &result]).ok();
        desk.run(&["deny", "2026-10", "--as", "carl", "--reason", "wait"]).ok();
        refused(desk, &["publish", "2026-10", "--as", "ben"], "2026-10 has no close");
    }
}

on_both! {
    fn a_month_is_published_once(desk) {
        import_month(desk);
        desk.publish("2026-10");
        let reason = "2026-10 is published: it was published before, and nothing was posted again";
        refused(desk, &["publish", "2026-10", "--as", "ben"], reason);
    }
}

on_both! {
    fn a_published_month_is_neither_closed_nor_approved_nor_denied(desk) {
        import_month(desk);
        let result = desk.publish("2026-10");
        let reason = "2026-10 is published: a published month never changes";
        refused(desk, &["close", "2026-10", "--as", "anna"], reason);
        refused(desk, &["approve", "2026-10", "--as", "carl", "--result", &result], reason);
        refused(desk, &["deny", "2026-10", "--as", "carl", "--reason", "x"], reason);
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn what_needs_a_close_says_so(desk) {
        import_month(desk);
        let reason = "2026-10 has no close: run `tantieme close 2026-10 --as NAME` first";
        refused(desk, &["approve", "2026-10", "--as", "ben", "--result", "0"], reason);
        refused(desk, &["deny", "2026-10", "--as", "ben", "--reason", "x"], reason);
        refused(desk, &["publish", "2026-10", "--as", "ben"], reason);
        refused(desk, &["statements", "2026-10"], reason);
    }
}

on_both! {
    fn a_result_whose_files_were_changed_is_not_published(desk) {
        import_month(desk);
        let result = desk.close("2026-10");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &result]).ok();
        let file = super::ledger::flip_a_byte(desk, "data/closes", "lines-");
        let said = desk.run(&["publish", "2026-10", "--as", "ben"]).refused();
        assert_says(&said, &file);
        assert_says(&said, "is not the file that was sealed");
    }
}

on_both! {
    fn a_statement_of_nobody_is_an_error(desk) {
        import_month(desk);
        desk.publish("2026-10");
        let words = ["statements", "2026-10", "--payee", "ghost"];
        refused(desk, &words, "ghost has no statement for 2026-10");
        refused(desk, &["explain", "no-line"], "no close has a line no-line");
    }
}

on_both! {
    fn the_next_command_is_printed_as_a_shell_takes_it(desk) {
        import_month(desk);
        let result = desk.close("2026-10");
        let words = ["approve", "2026-10", "--as", "Ben O'Hara", "--result", &result];
        let said = desk.run(&words).ok();
        assert_says(&said, r"tantieme publish 2026-10 --as 'Ben O'\''Hara'");
    }
}

on_both! {
    fn a_month_that_is_only_frozen_has_a_close_to_finish(desk) {
        import_month(desk);
        desk.crash("frozen", &["close", "2026-10", "--as", "anna"]);
        refused(desk, &["suspense", "2026-10"], "2026-10 is frozen: finish its close first");
    }
}

on_both! {
    fn a_batch_that_was_withdrawn_after_the_freeze_is_said_to_be_in_the_close(desk) {
        import_month(desk);
        desk.close("2026-10");
        desk.run(&["withdraw", "usage.csv"]).ok();
        let said = desk.run(&["close", "2026-10", "--as", "anna"]).ok();
        assert_says(&said, "late: usage usage.csv, withdrawn ");
        assert_says(&said, ": still in this close");
    }
}
