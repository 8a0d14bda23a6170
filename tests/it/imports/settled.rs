//! What comes after a month was frozen or published: late, settled once, never twice.

use crate::bad_input::{
    REVENUE, SALES_HEADER, assert_says, draft, import_catalogue, import_month, status, total, usage,
};
use crate::support::{Desk, json};

fn sale(recording: &str, amount: &str) -> String {
    format!("{SALES_HEADER}\n2026-10,shop,{recording},CN,download,1,{amount},CNY\n")
}

/// What a published month's statements come to, all payees together, in CNY.
fn paid(desk: &Desk, period: &str) -> String {
    let said = json(&desk.run(&["statements", period, "--format", "json"]).ok());
    let totals = said.as_array().unwrap().iter().map(|statement| {
        tantieme::money::Micros::parse(statement["total"].as_str().unwrap()).unwrap()
    });
    tantieme::money::Micros::sum(totals).unwrap().to_string()
}

/// What `status` says becomes of a batch that came late for October.
#[track_caller]
fn outcome(desk: &Desk, batch: &str) -> String {
    let late = status(desk)["months"]["2026-10"]["late"].clone();
    let of_batch = |late: &&serde_json::Value| late["batch"] == batch && late["what"] == "imported";
    let found: Vec<_> = late.as_array().unwrap().iter().filter(of_batch).collect();
    let [late] = found.as_slice() else { panic!("{late}") };
    late["outcome"].as_str().unwrap().to_owned()
}

/// The next month, with 50.00 of its own to share.
fn import_november(desk: &Desk) {
    desk.import("revenue", "november.csv", &REVENUE.replace("2026-10", "2026-11")).ok();
    let plays = usage(&["u1,x::A,3,", "u2,x::B,1,"]).replace("2026-10", "2026-11");
    desk.import("usage", "usage-november.csv", &plays).ok();
}

on_both! {
    fn what_comes_after_the_freeze_is_listed_as_late_and_is_not_in_the_draft(desk) {
        import_month(desk);
        let result = desk.close("2026-10");
        desk.import("usage", "late.csv", &usage(&["u3,x::B,40,"])).ok();
        let closed = draft(desk, "2026-10");
        assert_eq!(closed["result"], result.as_str());
        for late in [&closed["late"], &status(desk)["months"]["2026-10"]["late"]] {
            assert_eq!(late.as_array().unwrap().len(), 1, "{late}");
            assert_eq!(
                (&late[0]["kind"], &late[0]["batch"]),
                (&"usage".into(), &"late.csv".into())
            );
        }
        let said = desk.run(&["close", "2026-10", "--as", "anna"]).ok();
        assert_says(&said, "late: usage late.csv, imported ");
        assert_says(&said, ": not in this close");
        assert_says(&desk.run(&["status"]).ok(), "late for 2026-10: usage late.csv, imported ");
    }
}

on_both! {
    fn a_batch_withdrawn_after_the_freeze_is_listed_as_late(desk) {
        import_month(desk);
        desk.close("2026-10");
        desk.run(&["withdraw", "usage.csv"]).ok();
        assert_says(&draft(desk, "2026-10")["late"].to_string(), "usage.csv");
    }
}

on_both! {
    fn usage_of_another_month_is_not_late(desk) {
        import_month(desk);
        desk.close("2026-10");
        import_november(desk);
        let late = draft(desk, "2026-10")["late"].to_string();
        assert!(!late.contains("usage-november.csv"), "{late}");
    }
}

on_both! {
    fn late_usage_of_a_published_month_is_said_to_be_late(desk) {
        import_month(desk);
        desk.publish("2026-10");
        let said = desk.import("usage", "late.csv", &usage(&["u3,x::B,40,"])).ok();
        assert_says(&said, "2026-10 is published: what is of that month is listed as late");
        assert_says(&desk.run(&["status"]).ok(), "late for 2026-10: usage late.csv");
        import_november(desk);
        desk.publish("2026-11");
        assert_eq!(paid(desk, "2026-11"), "50.000000");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_sale_of_a_published_month_settles_in_the_next_open_one_and_only_there(desk) {
        import_month(desk);
        desk.publish("2026-10");
        desk.import("sales", "late.csv", &sale("x::A", "10.00")).ok();
        assert_eq!(outcome(desk, "late.csv"), "settles in the next close");
        import_november(desk);
        desk.publish("2026-11");
        assert_eq!(outcome(desk, "late.csv"), "settled in 2026-11");
        assert_eq!(paid(desk, "2026-11"), "60.000000");
        desk.import("revenue", "dec.csv", &REVENUE.replace("2026-10", "2026-12")).ok();
        assert_eq!(total(desk, "2026-12", "/money_in"), "50.000000");
        desk.publish("2026-12");
        assert_eq!(paid(desk, "2026-10"), "50.000000");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_late_sale_in_two_drafts_is_paid_once(desk) {
        import_month(desk);
        desk.publish("2026-10");
        desk.import("sales", "late.csv", &sale("x::A", "10.00")).ok();
        import_november(desk);
        desk.import("revenue", "dec.csv", &REVENUE.replace("2026-10", "2026-12")).ok();
        let december = desk.close("2026-12");
        desk.publish("2026-11");
        desk.run(&["approve", "2026-12", "--as", "ben", "--result", &december]).ok();
        desk.run(&["publish", "2026-12", "--as", "ben"]).refused();
        desk.run(&["deny", "2026-12", "--as", "carl", "--reason", "the sale was settled"]).ok();
        assert_eq!(total(desk, "2026-12", "/money_in"), "50.000000");
        desk.publish("2026-12");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_late_sale_that_was_settled_meanwhile_is_named(desk) {
        import_month(desk);
        desk.publish("2026-10");
        desk.import("sales", "late.csv", &sale("x::A", "10.00")).ok();
        import_november(desk);
        desk.import("revenue", "dec.csv", &REVENUE.replace("2026-10", "2026-12")).ok();
        let december = desk.close("2026-12");
        desk.publish("2026-11");
        desk.run(&["approve", "2026-12", "--as", "ben", "--result", &december]).ok();
        assert_says(&desk.run(&["publish", "2026-12", "--as", "ben"]).refused(), "late.csv");
    }
}

on_both! {
    fn a_settled_sale_that_is_withdrawn_and_imported_again_is_not_paid_again(desk) {
        import_catalogue(desk);
        desk.import("sales", "s.csv", &sale("x::A", "10.00")).ok();
        desk.publish("2026-10");
        desk.run(&["withdraw", "s.csv"]).ok();
        desk.import("sales", "s.csv", &sale("x::A", "10.00")).ok();
        assert_eq!(outcome(desk, "s.csv"), "stands in for a settled batch and is not paid");
        import_november(desk);
        desk.publish("2026-11");
        assert_eq!(paid(desk, "2026-11"), "50.000000");
    }
}

on_both! {
    fn a_settled_sale_that_is_replaced_is_not_paid_again_in_full(desk) {
        import_catalogue(desk);
        desk.import("sales", "s.csv", &sale("x::A", "10.00")).ok();
        desk.publish("2026-10");
        let path = desk.file("s.csv", &sale("x::A", "11.00"));
        desk.run(&["import", "sales", &path, "--replace"]).ok();
        assert_eq!(outcome(desk, "s.csv"), "stands in for a settled batch and is not paid");
        import_november(desk);
        desk.publish("2026-11");
        assert_eq!(paid(desk, "2026-11"), "50.000000");
        // The difference is paid by a batch of its own.
        desk.import("sales", "difference.csv", &sale("x::A", "1.00")).ok();
        desk.import("revenue", "dec.csv", &REVENUE.replace("2026-10", "2026-12")).ok();
        desk.publish("2026-12");
        assert_eq!(paid(desk, "2026-12"), "1.000000");
    }
}

on_both! {
    fn a_late_sale_that_looks_like_a_settled_one_is_paid_too(desk) {
        import_catalogue(desk);
        desk.import("sales", "first.csv", &sale("x::A", "10.00")).ok();
        desk.publish("2026-10");
        let second = sale("x::A", "10.00") + "2026-11,shop,x::B,CN,download,1,1.00,CNY\n";
        desk.import("sales", "second.csv", &second).ok();
        desk.publish("2026-11");
        assert_eq!(paid(desk, "2026-11"), "11.000000");
    }
}

on_both! {
    fn a_sale_of_a_month_that_was_passed_over_is_not_lost(desk) {
        import_catalogue(desk);
        let september = sale("x::A", "10.00").replace("2026-10", "2026-09");
        desk.import("sales", "september.csv", &september).ok();
        import_november(desk);
        desk.publish("2026-11");
        assert_eq!(paid(desk, "2026-11"), "50.000000"); // September could still be closed
        let said = desk.run(&["close", "2026-09", "--as", "anna"]).refused();
        assert_says(&said, "2026-09 cannot be closed after 2026-11");
        desk.import("revenue", "dec.csv", &REVENUE.replace("2026-10", "2026-12")).ok();
        assert_eq!(total(desk, "2026-12", "/money_in"), "60.000000");
    }
}

/// A report of October's sales with one good row, and one whose amount cannot be read.
fn report_with_a_bad_row() -> String {
    sale("x::A", "10.00") + "2026-10,shop,x::B,CN,download,1,five,CNY\n"
}

on_both! {
    fn rows_that_a_published_month_left_out_hold_no_later_month_and_are_paid_once_corrected(desk) {
        import_month(desk);
        desk.import("sales", "shop.csv", &report_with_a_bad_row()).refused();
        let accept = ["close", "2026-10", "--as", "anna", "--accept-quarantine", "1"];
        desk.run(&accept).ok();
        desk.publish("2026-10");
        assert_eq!(paid(desk, "2026-10"), "60.000000");
        import_november(desk);
        desk.publish("2026-11");
        let report = desk.dir().join("shop.csv");
        let rows = desk.run(&["quarantine", "export", "--from", report.to_str().unwrap()]).ok();
        desk.import("sales", "corrections.csv", &rows.replace("five", "5.00")).ok();
        desk.import("revenue", "dec.csv", &REVENUE.replace("2026-10", "2026-12")).ok();
        assert_eq!(total(desk, "2026-12", "/money_in"), "55.000000");
        desk.publish("2026-12");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn rows_left_out_of_a_denied_month_still_hold_it(desk) {
        import_month(desk);
        desk.import("sales", "shop.csv", &report_with_a_bad_row()).refused();
        desk.run(&["close", "2026-10", "--as", "anna", "--accept-quarantine", "1"]).ok();
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "one row badly"]).ok();
        let said = desk.run(&["close", "2026-10", "--as", "anna"]).refused();
        assert_says(&said, "1 rows that may be of this month stand in quarantine");
        assert!(!said.contains("settled"), "{said}");
    }
}

on_both! {
    fn a_bad_row_of_a_settled_batch_is_to_be_corrected_in_a_batch_of_its_own(desk) {
        import_month(desk);
        desk.import("sales", "shop.csv", &sale("x::A", "10.00")).ok();
        desk.publish("2026-10");
        let path = desk.file("shop.csv", &report_with_a_bad_row());
        desk.run(&["import", "sales", &path, "--replace"]).refused();
        import_november(desk);
        let said = desk.run(&["close", "2026-11", "--as", "anna"]).refused();
        assert_says(&said, "leave them out with --accept-quarantine 1");
        assert_says(&said, "1 of these rows may be sales of a batch that is settled");
        assert_says(&said, "import them as a batch of their own");
    }
}

on_both! {
    fn sales_that_add_up_to_many_digits_still_settle(desk) {
        import_catalogue(desk);
        let row = "2026-10,shop,x::A,CN,download,1,9999999999.123456789012345678,CNY\n";
        desk.import("sales", "s.csv", &format!("{SALES_HEADER}\n{}", row.repeat(9))).ok();
        assert_eq!(total(desk, "2026-10", "/money_in"), "89999999992.111111");
    }
}

on_both! {
    fn quantities_that_add_up_to_too_much_are_an_error_and_not_another_number(desk) {
        for sign in ["", "-"] {
            let row = |recording: &str| {
                format!("2026-10,shop,{recording},CN,cd,{sign}9223372036854775807,1.00,CNY\n")
            };
            let text = format!("{SALES_HEADER}\n{}{}", row("x::A"), row("x::B"));
            let said = desk.import("sales", "s.csv", &text).refused();
            assert_says(&said, "shop's sales of all items add up to more than can be held");
        }
        assert_eq!(status(desk)["imports"].as_array().unwrap().len(), 0);
    }
}
