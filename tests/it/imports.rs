//! Files in: whole or not at all, once, in any order, and back out of quarantine as they were.

mod engines;
mod large;
mod order;
mod quarantine;
mod settled;
mod sources;

use std::io::Write as _;

use crate::bad_input::{assert_says, files, import_month, quarantined, status, total, usage};
use crate::support::{Desk, Said, demo_files};

/// All that an import could change: what is known, what is in quarantine, what is sealed.
fn everything(desk: &Desk) -> (serde_json::Value, Vec<serde_json::Value>, Vec<std::path::PathBuf>) {
    let data = files(&desk.dir().join("data"));
    (status(desk), quarantined(desk), data)
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Imports a file of bytes.
fn import_bytes(desk: &Desk, kind: &str, name: &str, bytes: &[u8]) -> Said {
    let path = desk.dir().join(name);
    std::fs::write(&path, bytes).unwrap();
    desk.run(&["import", kind, path.to_str().unwrap()])
}

fn plays(desk: &Desk) -> u64 {
    status(desk)["months"]["2026-10"]["plays"].as_u64().unwrap()
}

on_both! {
    fn a_dry_run_says_what_would_happen_and_changes_nothing(desk) {
        let before = everything(desk);
        for (kind, path) in demo_files() {
            let said = desk.run(&["import", kind, path.to_str().unwrap(), "--dry-run"]).ok();
            assert_says(&said, ": would take ");
        }
        assert_eq!(everything(desk), before);
        let path = desk.file("u.csv", &usage(&["u1,x::A,3,", "u2,x::A,-3,"]));
        let said = desk.run(&["import", "usage", &path, "--dry-run"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stdout, "would take 1 row, 1 in quarantine");
        assert_eq!(everything(desk), before);
    }
}

on_both! {
    fn a_dry_run_refuses_what_an_import_would_refuse(desk) {
        desk.import("usage", "u.csv", &usage(&["u1,x::A,3,"])).ok();
        let path = desk.file("u.csv", &usage(&["u1,x::A,4,"]));
        let said = desk.run(&["import", "usage", &path, "--dry-run"]).refused();
        assert_says(&said, "was taken with other content");
    }
}

on_both! {
    fn strict_takes_all_rows_or_none(desk) {
        let before = everything(desk);
        for (kind, text) in [
            ("usage", usage(&["u1,x::A,3,", "u2,x::A,-3,"])),
            ("parties", "party,name\nmei,Mei\n,Nobody\n".to_owned()),
            (
                "sales",
                format!("{}\n2026-10,shop,x::A,CN,cd,1,1,RMB\n", crate::bad_input::SALES_HEADER),
            ),
        ] {
            let path = desk.file("f.csv", &text);
            let said = desk.run(&["import", kind, &path, "--strict"]);
            assert_eq!(said.code, Some(1), "{said:?}");
            assert_says(&said.stdout, ": nothing was taken (--strict): 1 bad row");
            assert_says(&said.stderr, "f.csv:");
            assert_eq!(everything(desk), before);
        }
        let path = desk.file("f.csv", &usage(&["u1,x::A,3,"]));
        assert_says(&desk.run(&["import", "usage", &path, "--strict"]).ok(), "took 1 row");
    }
}

on_both! {
    fn bad_rows_that_are_nowhere_kept_are_not_said_to_stand_in_quarantine(desk) {
        let rows = vec!["u1,x::A,-3,"; 12];
        let path = desk.file("u.csv", &usage(&rows));
        for flag in ["--strict", "--dry-run"] {
            let said = desk.run(&["import", "usage", &path, flag]);
            assert_says(&said.stderr, "… and 2 more; --format json prints all");
        }
        let said = desk.run(&["import", "usage", &path]);
        assert_says(&said.stderr, "… and 2 more; `tantieme quarantine list` shows all");
    }
}

on_both! {
    fn the_same_file_again_succeeds_and_changes_nothing(desk) {
        desk.import_demo();
        let before = everything(desk);
        for (kind, path) in demo_files() {
            let name = path.file_name().unwrap().to_str().unwrap();
            let again = desk.run(&["import", kind, path.to_str().unwrap()]).ok();
            assert_says(&again, &format!("already imported as {name}; nothing changed"));
            let replaced = desk.run(&["import", kind, path.to_str().unwrap(), "--replace"]).ok();
            assert!(!replaced.contains("superseding"), "{replaced}");
        }
        assert_eq!(everything(desk), before);
    }
}

on_both! {
    fn the_same_file_with_bad_rows_again_quarantines_nothing_twice(desk) {
        let text = usage(&["u1,x::A,3,", "u2,x::A,-3,"]);
        desk.import("usage", "u.csv", &text);
        let before = everything(desk);
        let again = desk.import("usage", "u.csv", &text);
        assert_says(&again.stdout, "already imported as u.csv; nothing changed");
        assert_says(&again.stdout, "1 of its rows stand in quarantine");
        assert_eq!(again.code, Some(1), "{again:?}");
        assert_eq!(everything(desk), before);
    }
}

on_both! {
    fn facts_that_supersede_others_are_counted(desk) {
        desk.import("parties", "p.csv", "party,name\na,A\nb,B\nc,C\n").ok();
        let said = desk.import("parties", "q.csv", "party,name\na,A\nb,Bee\nd,D\n").ok();
        assert_says(&said, "took 3 rows, 1 already known, 1 superseding others");
        let said = desk.import("parties", "r.csv", "party,name\ne,E\ne,Eve\ne,E\n").ok();
        assert_says(&said, "took 3 rows, 2 superseding others");
    }
}

on_both! {
    fn the_order_of_columns_is_free(desk) {
        import_month(desk);
        let again = "name,party\nLabel North,label\nMei,mei\n";
        let said = desk.import("parties", "turned.csv", again).ok();
        assert_says(&said, "took 2 rows, 2 already known");
    }
}

on_both! {
    fn another_revenue_for_a_known_offer_needs_replace(desk) {
        import_month(desk);
        let header =
            "period,service,offer,territory,currency,net_revenue\n2026-10,cloud,ad,CN,CNY,1\n";
        let path = desk.file("r.csv", &format!("{header}2026-10,cloud,svip,CN,CNY,200.00\n"));
        let said = desk.run(&["import", "revenue", &path]).refused();
        let reason = "revenue of 2026-10/cloud/svip/CN is known with another value: --replace";
        assert_says(&said, &format!("r.csv:3: {reason}"));
        // The other row of the file was not taken either.
        assert_eq!(total(desk, "2026-10", "/money_in"), "50.000000");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "wrong revenue"]).ok();
        let said = desk.run(&["import", "revenue", &path, "--replace"]).ok();
        assert_says(&said, "took 2 rows, 1 superseding others");
        assert_eq!(total(desk, "2026-10", "/money_in"), "100.500000");
    }
}

on_both! {
    fn two_revenues_for_one_offer_in_one_file_are_not_guessed_between(desk) {
        let text = format!("{}2026-10,cloud,svip,CN,CNY,1\n", crate::bad_input::REVENUE);
        let said = desk.import("revenue", "r.csv", &text).refused();
        assert_says(
            &said,
            "r.csv:3:1: period: line 2 says something else of 2026-10/cloud/svip/CN",
        );
    }
}

on_both! {
    fn another_exchange_rate_of_a_day_needs_replace(desk) {
        let text = "date,base,quote,rate,source\n2026-10-31,CNY,TWD,4.32,desk\n";
        desk.import("fx", "fx.csv", text).ok();
        let path = desk.file("fx.csv", &text.replace("4.32", "4.33"));
        assert_says(
            &desk.run(&["import", "fx", &path]).refused(),
            "fx.csv:2: fx of 2026-10-31/CNY/TWD",
        );
        desk.run(&["import", "fx", &path, "--replace"]).ok();
    }
}

on_both! {
    fn a_share_of_0_withdraws_a_claim(desk) {
        import_month(desk);
        assert_eq!(total(desk, "2026-10", "/payable"), "50.000000");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "a claim is withdrawn"]).ok();
        let text = "recording,right,party,share\nx::A,recording,label,0\n";
        assert_says(&desk.import("claims", "c.csv", text).ok(), "took 1 row, 1 superseding others");
        assert_eq!(total(desk, "2026-10", "/payable"), "12.500000");
        assert_eq!(total(desk, "2026-10", "/held/unclaimed"), "37.500000");
    }
}

on_both! {
    fn a_claim_is_the_same_however_its_territories_are_ordered(desk) {
        let text = "recording,right,party,share,territories\nx::A,recording,label,50,CN|TW\n";
        desk.import("claims", "c.csv", text).ok();
        let said = desk.import("claims", "d.csv", &text.replace("CN|TW", "TW|CN|TW")).ok();
        assert_says(&said, "1 already known");
    }
}

on_both! {
    fn a_withdrawn_batch_is_gone_and_can_be_imported_again(desk) {
        import_month(desk);
        let before = total(desk, "2026-10", "/payable");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "see what a withdrawal does"])
            .ok();
        assert_says(&desk.run(&["withdraw", "usage.csv"]).ok(), "withdrew usage batch usage.csv: 2 rows");
        assert_eq!(status(desk)["months"]["2026-10"]["plays"], 0);
        assert_says(&desk.run(&["withdraw", "usage.csv"]).refused(), "is named \"usage.csv\"");
        assert_eq!(total(desk, "2026-10", "/held/undistributed"), "50.000000");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "and back"]).ok();
        let path = desk.dir().join("usage.csv");
        assert_says(&desk.run(&["import", "usage", path.to_str().unwrap()]).ok(), "took 2 rows");
        assert_eq!(total(desk, "2026-10", "/payable"), before);
    }
}

on_both! {
    fn a_sealed_file_may_be_damaged_and_repaired_more_than_once(desk) {
        let text = usage(&["u1,x::A,3,"]);
        desk.import("usage", "u.csv", &text).ok();
        let [sealed] = files(&desk.dir().join("data/usage")).try_into().unwrap();
        let whole = std::fs::read(&sealed).unwrap();
        for damage in ["once", "twice", "three times"] {
            std::fs::write(&sealed, damage).unwrap();
            desk.run(&["withdraw", "u.csv"]).ok();
            desk.import("usage", "u.csv", &text).ok();
            assert_eq!(std::fs::read(&sealed).unwrap(), whole);
        }
        // What was damaged is kept for whoever wants to know how.
        assert_eq!(files(&desk.dir().join("data/usage")).len(), 4);
    }
}

on_both! {
    fn of_two_batches_of_one_name_the_one_that_is_meant_is_withdrawn(desk) {
        desk.import("usage", "october.csv", &usage(&["u1,x::A,3,"])).ok();
        let sale = "2026-10,shop,x::A,CN,cd,1,1.00,CNY";
        let sales = format!("{}\n{sale}\n", crate::bad_input::SALES_HEADER);
        desk.import("sales", "october.csv", &sales).ok();
        let before = everything(desk);
        let said = desk.run(&["withdraw", "october.csv"]).refused();
        assert_says(&said, "say which with --kind usage, --kind sales or --kind listeners");
        assert_eq!(everything(desk), before);
        let said = desk.run(&["withdraw", "october.csv", "--kind", "sales"]).ok();
        assert_says(&said, "withdrew sales batch october.csv: 1 row");
        assert_eq!(plays(desk), 3);
        desk.run(&["withdraw", "october.csv", "--kind", "sales"]).refused();
        let said = desk.run(&["withdraw", "october.csv"]).ok();
        assert_says(&said, "withdrew usage batch october.csv: 1 row");
    }
}

on_both! {
    fn a_batch_has_the_name_that_it_is_given(desk) {
        let path = desk.file("u.csv", &usage(&["u1,x::A,3,"]));
        desk.run(&["import", "usage", &path, "--batch", "october"]).ok();
        let path = desk.file("u.csv", &usage(&["u1,x::A,4,"]));
        assert_says(
            &desk.run(&["import", "usage", &path, "--batch", "october"]).refused(),
            "\"october\"",
        );
        desk.run(&["import", "usage", &path]).ok();
        assert_eq!(plays(desk), 7);
        desk.run(&["withdraw", "october"]).ok();
        assert_eq!(plays(desk), 4);
    }
}

on_both! {
    fn one_name_for_several_files_is_a_usage_error(desk) {
        let said = desk.run(&["import", "usage", "a.csv", "b.csv", "--batch", "october"]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert_says(&said.stderr, "--batch names one file");
    }
}

on_both! {
    fn several_files_are_each_taken_for_themselves(desk) {
        let good = desk.file("a.csv", "party,name\na,A\n");
        let bad = desk.file("b.csv", "party,nom\nb,B\n");
        let said = desk.run(&["import", "parties", &good, &bad]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_says(&said.stdout, "a.csv: took 1 row");
        assert_says(&said.stderr, "b.csv:1: unknown column \"nom\"");
        assert_eq!(status(desk)["imports"][0]["files"], 1);
    }
}

on_both! {
    fn a_report_as_json_says_what_the_text_says(desk) {
        let path = desk.file("u.csv", &usage(&["u1,x::A,3,", "u1,x::A,4,", "u2,x::A,-4,"]));
        let said = desk.run(&["import", "usage", &path, "--format", "json"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        let report = crate::support::json(&said.stdout)[0].clone();
        assert_eq!((report["taken"].as_u64(), report["quarantined"].as_u64()), (Some(2), Some(1)));
        assert_eq!(
            (report["outcome"].as_str(), report["batch"].as_str()),
            (Some("taken"), Some("u.csv"))
        );
        let fault = &report["faults"][0];
        assert_eq!((fault["line"].as_u64(), fault["field"].as_u64()), (Some(4), Some(7)));
        assert_eq!(fault["reason"], "\"-4\": plays cannot be negative");
    }
}
