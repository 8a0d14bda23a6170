//! One bad row: it is quarantined with its line, column and reason, and the good one is taken.

use super::{assert_says, draft, import_catalogue, quarantined, status, usage};
use crate::support::Desk;

/// Imports a good row and a bad one; `fault` is the bad one's field, column and reason.
#[track_caller]
fn one_is_bad(desk: &Desk, kind: &str, [header, good, bad]: [&str; 3], fault: &str) {
    let name = format!("{kind}.csv");
    let said = desk.import(kind, &name, &format!("{header}\n{good}\n{bad}\n"));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_says(&said.stdout, "took 1 row, 1 in quarantine");
    assert_says(&said.stderr, &format!("{name}:3:{fault}"));
    let rows = quarantined(desk);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0]["line"].as_u64(), rows[0]["kind"].as_str()), (Some(3), Some(kind)));
    let (_, fault) = fault.split_once(": ").unwrap();
    let (column, reason) = fault.split_once(": ").unwrap();
    assert_eq!(rows[0]["column"], column);
    assert_says(rows[0]["reason"].as_str().unwrap(), reason);
}

/// The same for a row of usage: `listener,recording,plays,active_plays`.
#[track_caller]
fn bad_usage(desk: &Desk, bad: &str, fault: &str) {
    let header = "period,service,offer,territory,listener,recording,plays,active_plays";
    let bad = format!("2026-10,cloud,svip,CN,{bad}");
    one_is_bad(desk, "usage", [header, "2026-10,cloud,svip,CN,u1,x::A,3,0", &bad], fault);
    assert_eq!(status(desk)["months"]["2026-10"]["plays"], 3);
}

#[track_caller]
fn bad_share(desk: &Desk, share: &str, reason: &str) {
    let rows = ["right,recording,party,share", "recording,x::A,label,100"];
    let bad = format!("recording,x::B,label,{share}");
    one_is_bad(desk, "claims", [rows[0], rows[1], &bad], &format!("4: share: {reason}"));
}

#[track_caller]
fn bad_claim_days(desk: &Desk, days: &str, fault: &str) {
    let header = "recording,right,party,share,territories,valid_from,valid_to";
    let good = "x::A,recording,label,100,WW,2026-01-01,2026-01-01";
    let bad = format!("x::B,recording,label,100,WW,{days}");
    one_is_bad(desk, "claims", [header, good, &bad], fault);
}

#[track_caller]
fn bad_revenue(desk: &Desk, bad: &str, fault: &str) {
    let header = "period,service,offer,territory,currency,net_revenue";
    one_is_bad(desk, "revenue", [header, "2026-10,cloud,svip,CN,CNY,1.00", bad], fault);
}

on_both! {
    fn negative_plays_are_quarantined(desk) {
        bad_usage(desk, "u2,x::B,-1,0", r#"7: plays: "-1": plays cannot be negative"#);
    }
}

on_both! {
    fn fractional_plays_are_quarantined(desk) {
        bad_usage(desk, "u2,x::B,1.5,0", r#"7: plays: "1.5": plays must be a whole number"#);
    }
}

on_both! {
    fn plays_that_are_no_number_are_quarantined(desk) {
        bad_usage(desk, "u2,x::B,many,0", "7: plays: not a number of plays");
    }
}

on_both! {
    fn plays_over_32_bits_are_quarantined(desk) {
        // The number is not shown: it may be a listener's id.
        let fault = "7: plays: over 4294967295, which is more plays than one row can hold";
        bad_usage(desk, "u2,x::B,4294967296,0", fault);
    }
}

on_both! {
    fn the_largest_number_of_plays_is_taken(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,4294967295,4294967295"])).ok();
        assert_eq!(status(desk)["months"]["2026-10"]["plays"], 4_294_967_295_u32);
    }
}

on_both! {
    fn more_active_plays_than_plays_are_quarantined(desk) {
        bad_usage(desk, "u2,x::B,3,5", "8: active_plays: 5 active plays of 3 plays");
    }
}

on_both! {
    fn a_row_without_a_listener_is_quarantined(desk) {
        bad_usage(desk, ",x::B,3,0", "5: listener: empty");
    }
}

on_both! {
    fn a_malformed_isrc_in_usage_is_quarantined(desk) {
        bad_usage(desk, "u2,GBXYZ260001,3,0", "6: recording: ");
        assert_says(quarantined(desk)[0]["reason"].as_str().unwrap(), "neither an ISRC");
    }
}

on_both! {
    fn a_malformed_isrc_in_the_catalogue_is_quarantined(desk) {
        let rows = ["recording,title,artist,isrc", "x::A,Anchor,mei,GB-XYZ-26-00001"];
        let fault = r#"4: isrc: "GB-XYZ-26-0001": not an ISRC"#;
        one_is_bad(desk, "recordings", [rows[0], rows[1], "x::B,Beacon,mei,GB-XYZ-26-0001"], fault);
    }
}

on_both! {
    fn a_territory_that_does_not_exist_is_quarantined(desk) {
        bad_revenue(
            desk,
            "2026-10,cloud,svip,XX,CNY,1.00",
            r#"4: territory: "XX": not a territory"#,
        );
    }
}

on_both! {
    fn a_set_of_territories_that_does_not_exist_is_quarantined(desk) {
        let rows = ["recording,right,party,share,territories", "x::A,recording,label,100,WW-US"];
        let fault = r#"5: territories: "CN,TW": not a set of territories"#;
        one_is_bad(
            desk,
            "claims",
            [rows[0], rows[1], r#"x::B,recording,label,100,"CN,TW""#],
            fault,
        );
    }
}

on_both! {
    fn a_currency_that_does_not_exist_is_quarantined(desk) {
        bad_revenue(desk, "2026-10,cloud,ad,CN,RMB,1.00", r#"5: currency: "RMB": not a currency"#);
    }
}

on_both! {
    fn a_month_that_does_not_exist_is_quarantined(desk) {
        bad_revenue(desk, "2026-13,cloud,ad,CN,CNY,1.00", r#"1: period: "2026-13": not a month"#);
    }
}

on_both! {
    fn a_day_that_does_not_exist_is_quarantined(desk) {
        let rows = ["date,base,quote,rate,source", "2026-02-28,CNY,TWD,4.3,desk"];
        let fault = r#"1: date: "2026-02-30": not a day"#;
        one_is_bad(desk, "fx", [rows[0], rows[1], "2026-02-30,CNY,TWD,4.3,desk"], fault);
    }
}

on_both! {
    fn a_claim_from_a_day_that_does_not_exist_is_quarantined(desk) {
        bad_claim_days(desk, "2026-1-1,", r#"6: valid_from: "2026-1-1": not a day"#);
    }
}

on_both! {
    fn a_claim_that_ends_before_it_begins_is_quarantined(desk) {
        bad_claim_days(desk, "2026-01-02,2026-01-01", "7: valid_to: valid_to is before valid_from");
    }
}

on_both! {
    fn a_share_over_100_percent_is_quarantined(desk) {
        bad_share(desk, "100.000001", r#""100.000001": outside 0 to 100 percent"#);
    }
}

on_both! {
    fn a_share_under_0_percent_is_quarantined(desk) {
        bad_share(desk, "-0.000001", r#""-0.000001": outside 0 to 100 percent"#);
    }
}

on_both! {
    fn a_fraction_over_1_is_quarantined(desk) {
        bad_share(desk, "4/3", r#""4/3": not a fraction between 0 and 1"#);
    }
}

on_both! {
    fn a_fraction_of_nothing_is_quarantined(desk) {
        bad_share(desk, "1/0", r#""1/0": not a fraction between 0 and 1"#);
    }
}

on_both! {
    fn negative_revenue_is_quarantined(desk) {
        let bad = "2026-10,cloud,ad,CN,CNY,-0.01";
        bad_revenue(desk, bad, r#"6: net_revenue: "-0.01": revenue cannot be negative"#);
    }
}

on_both! {
    fn an_amount_with_a_seventh_decimal_is_quarantined(desk) {
        let bad = "2026-10,cloud,ad,CN,CNY,0.0000001";
        bad_revenue(desk, bad, r#"6: net_revenue: "0.0000001": more than 6 decimals"#);
    }
}

on_both! {
    fn an_amount_over_the_bound_is_quarantined(desk) {
        let bad = "2026-10,cloud,ad,CN,CNY,9223372036854.775808";
        bad_revenue(desk, bad, r#"6: net_revenue: "9223372036854.775808": number too large"#);
    }
}

on_both! {
    fn an_amount_at_the_bound_settles_to_the_micro(desk) {
        import_catalogue(desk);
        let whole = super::AGREEMENT.replace("\"50\"", "\"100\"");
        desk.import("agreements", "whole.toml", &whole).ok();
        desk.import("revenue", "r.csv", &super::REVENUE.replace("100.00", "9223372036854.775807"))
            .ok();
        desk.import("usage", "u.csv", &usage(&["u1,x::A,1,", "u2,x::A,1,", "u3,x::B,1,"])).ok();
        let totals = &draft(desk, "2026-10")["totals"]["CNY"];
        assert_eq!(totals["money_in"], "9223372036854.775807");
        assert_eq!(totals["payable"], "9223372036854.775807");
        desk.publish("2026-10");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_row_with_a_nul_character_is_quarantined_and_the_rest_is_taken(desk) {
        let said = desk.import("parties", "p.csv", "party,name\nlabel,La\0bel\nmei,Mei\n");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stderr, "p.csv:2:2: name: ");
        assert_says(&said.stdout, "took 1 row, 1 in quarantine");
    }
}

on_both! {
    fn a_name_of_spaces_is_quarantined_and_no_close_trips_over_it(desk) {
        super::import_month(desk);
        let said = desk.import("parties", "more.csv", "party,name\nghost,\"  \"\n");
        draft(desk, "2026-10");
        assert_says(&said.refused(), "more.csv:2:2: name: ");
    }
}

on_both! {
    fn a_title_of_spaces_is_quarantined_and_no_close_trips_over_it(desk) {
        super::import_month(desk);
        let said = desk.import("recordings", "more.csv", "recording,title,artist\nx::C, ,mei\n");
        draft(desk, "2026-10");
        assert_says(&said.refused(), "more.csv:2:2: title: ");
    }
}
