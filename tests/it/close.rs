//! A close that is killed, repeated, run twice at once, denied, published.

use crate::support::{Desk, json};

/// Every place where a close can be killed; see `src/close/crash.rs`.
const PLACES: [&str; 9] = [
    "frozen",
    "allocation written",
    "allocated",
    "settling",
    "lines written",
    "settled",
    "drawing",
    "statements written",
    "drafted",
];

fn transfers(desk: &Desk) -> i64 {
    crate::support::block_on(async {
        let store = tantieme::store::Store::open(&desk.url()).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let row = tx.row("SELECT COUNT(*) FROM transfer", &[]).await.unwrap().unwrap();
        let count = row.int(0).unwrap();
        drop(tx);
        store.close().await;
        count
    })
}

on_both! {
    fn a_close_killed_anywhere_resumes_to_the_same_result(desk) {
        desk.import_demo();
        let mut results = Vec::new();
        for place in PLACES {
            desk.crash(place, &["close", "2026-10", "--as", "anna"]);
            results.push(desk.close("2026-10"));
            desk.run(&["deny", "2026-10", "--as", "carl", "--reason", "once more"]).ok();
        }
        results.dedup();
        assert_eq!(results.len(), 1, "{results:?}");
        // Killed at every place in turn, within one run.
        for place in PLACES {
            desk.crash(place, &["close", "2026-10", "--as", "anna"]);
        }
        assert_eq!(desk.close("2026-10"), results[0]);
        desk.publish("2026-10");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_publish_killed_before_or_after_it_commits_posts_once(desk) {
        desk.import_demo();
        let result = desk.close("2026-10");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &result]).ok();
        desk.crash("posting", &["publish", "2026-10", "--as", "ben"]);
        assert_eq!(transfers(desk), 0);
        desk.run(&["statements", "2026-10"]).refused();
        desk.crash("posted", &["publish", "2026-10", "--as", "ben"]);
        let posted = transfers(desk);
        assert!(posted > 0);
        let again = desk.run(&["publish", "2026-10", "--as", "ben"]).refused();
        assert!(again.contains("published before, and nothing was posted again"), "{again}");
        assert_eq!(transfers(desk), posted);
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn of_two_closes_at_once_one_wins_and_the_other_says_so(desk) {
        desk.import_demo();
        let mut command = desk.command(&["close", "2026-10", "--as", "anna"]);
        command.env("TANTIEME_WAIT_AT", "frozen").stderr(std::process::Stdio::piped());
        let mut first = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let frozen = || {
            let status = json(&desk.run(&["status", "--format", "json"]).ok());
            status["months"]["2026-10"]["run"]["state"] == "frozen"
        };
        while !frozen() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let second = desk.run(&["close", "2026-10", "--as", "berta"]).refused();
        assert!(second.contains("2026-10 is being closed or published by another process"), "{second}");
        first.kill().unwrap();
        first.wait().unwrap();
        desk.close("2026-10");
    }
}

on_both! {
    fn a_denied_month_is_open_again_and_takes_what_was_late(desk) {
        desk.import_demo();
        let before = desk.close("2026-10");
        let late = "period,service,offer,territory,listener,recording,plays\n\
            2026-10,cloud,svip,CN,late-listener,XXDEM2600001,40\n";
        desk.import("usage", "late.csv", late).ok();
        let again = desk.run(&["close", "2026-10", "--as", "anna"]).ok();
        assert!(again.contains("late: usage late.csv") && again.contains(&before), "{again}");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "a file came late"]).ok();
        let after = desk.close("2026-10");
        assert_ne!(before, after);
        let stale = desk.run(&["approve", "2026-10", "--as", "ben", "--result", &before]).refused();
        assert!(stale.contains(&after) && stale.contains(&before), "{stale}");
    }
}

on_both! {
    fn statements_of_a_month_carry_the_balance_before(desk) {
        desk.import_demo();
        desk.publish("2026-10");
        let month = "period,service,offer,territory,currency,net_revenue\n\
            2026-11,cloud,ad,CN,CNY,100.00\n";
        desk.import("revenue", "november.csv", month).ok();
        let usage = "period,service,offer,territory,listener,recording,plays\n\
            2026-11,cloud,ad,CN,u01,XXDEM2600001,1\n";
        desk.import("usage", "november-usage.csv", usage).ok();
        desk.publish("2026-11");
        let of = |month: &str| {
            let said = desk.run(&["statements", month, "--payee", "label-quillfin", "--format", "json"]);
            let statements = json(&said.ok());
            let cny = statements.as_array().unwrap().iter().find(|s| s["currency"] == "CNY").cloned();
            cny.unwrap()
        };
        assert_eq!(of("2026-10")["opening"], "0.000000");
        assert_eq!(of("2026-11")["opening"], of("2026-10")["total"]);
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn a_line_is_explained_from_the_pool_down_and_its_listeners_redo_it(desk) {
        desk.import_demo();
        desk.publish("2026-10");
        let lines = desk.run(&["statements", "2026-10", "--payee", "lumen"]).ok();
        let mut lines = csv::Reader::from_reader(lines.as_bytes());
        let royalty = lines
            .records()
            .map(Result::unwrap)
            .find(|line| &line[4] == "royalty" && &line[9] == "standard")
            .unwrap();
        let said = desk.run(&["explain", &royalty[18], "--listeners", "--format", "json"]).ok();
        let said = json(&said);
        let sentence = said["sentence"].as_str().unwrap();
        assert!(sentence.contains(&royalty[15]) && sentence.contains("agreement"), "{sentence}");
        let steps = said["arithmetic"].as_array().unwrap();
        assert!(steps[0].as_str().unwrap().starts_with("pool = "), "{steps:?}");
        assert!(steps.last().unwrap().as_str().unwrap().contains(&royalty[15]), "{steps:?}");
        // The recording's part, redone from its listeners: ⌊Σ owed / 2⁶⁴⌋, or a micro more.
        let owed: u128 = said["listeners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|listener| listener["owed"].as_str().unwrap().parse::<u128>().unwrap())
            .sum();
        let allocated = steps[1].as_str().unwrap();
        let micros = allocated.rsplit(" = ").next().unwrap().split(' ').next().unwrap().replace('.', "");
        let micros: u128 = micros.parse().unwrap();
        let whole = owed >> 64;
        assert!(micros == whole || micros == whole + 1, "{micros} and {whole}: {allocated}");
        let nothing = desk.run(&["explain", "00112233445566778899aabbccddeeff"]).refused();
        assert!(nothing.contains("no close has a line"), "{nothing}");
    }
}

on_both! {
    fn months_are_published_one_after_the_other(desk) {
        desk.import_demo();
        desk.import("revenue", "two.csv", "period,service,offer,territory,currency,net_revenue\n\
            2026-09,cloud,ad,CN,CNY,1.00\n2026-11,cloud,ad,CN,CNY,1.00\n").ok();
        desk.import("usage", "played.csv", &format!("{PLAYED}2026-09,cloud,ad,CN,u1,XXDEM2600001,1\n")).ok();
        let september = desk.close("2026-09");
        let october = desk.close("2026-10");
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &october]).ok();
        let refused = desk.run(&["publish", "2026-10", "--as", "ben"]).refused();
        assert!(refused.contains("2026-09 holds plays, revenue or a close that is not published"), "{refused}");
        desk.run(&["approve", "2026-09", "--as", "ben", "--result", &september]).ok();
        desk.run(&["publish", "2026-09", "--as", "ben"]).ok();
        desk.run(&["publish", "2026-10", "--as", "ben"]).ok();
        desk.import("revenue", "earlier.csv", "period,service,offer,territory,currency,net_revenue\n\
            2026-08,cloud,ad,CN,CNY,1.00\n").ok();
        let refused = desk.run(&["close", "2026-08", "--as", "anna"]).refused();
        assert!(refused.contains("2026-08 cannot be closed after 2026-10"), "{refused}");
        desk.publish("2026-11");
        desk.run(&["verify"]).ok();
    }
}

/// Plays share the month's pool, so that nothing of it is carried into the next month's.
const PLAYED: &str = "period,service,offer,territory,listener,recording,plays\n";
const SALES: &str = "period,source,recording,territory,channel,quantity,amount,currency\n2026-10,shop,XXDEM2600001,CN,download,";

on_both! {
    fn a_late_sale_that_is_corrected_between_two_drafts_is_paid_once(desk) {
        desk.import_demo();
        desk.publish("2026-10");
        let revenue = "period,service,offer,territory,currency,net_revenue\n";
        for month in ["2026-11", "2026-12"] {
            desk.import("revenue", month, &format!("{revenue}{month},cloud,ad,CN,CNY,1.00\n")).ok();
        }
        let played = ["2026-11", "2026-12"].map(|month| format!("{month},cloud,ad,CN,u1,XXDEM2600001,1\n"));
        desk.import("usage", "played.csv", &(PLAYED.to_owned() + &played.concat())).ok();
        desk.import("sales", "late.csv", &format!("{SALES}1,100.00,CNY\n")).ok();
        let november = desk.close("2026-11");
        let path = desk.file("late.csv", &format!("{SALES}1,90.00,CNY\n"));
        desk.run(&["import", "sales", &path, "--replace"]).ok();
        let status = desk.run(&["status", "2026-11"]).ok();
        assert!(status.contains("late for 2026-11: sales late.csv, replaced"), "{status}");
        let december = desk.close("2026-12");
        for (month, result) in [("2026-11", &november), ("2026-12", &december)] {
            desk.run(&["approve", month, "--as", "ben", "--result", result]).ok();
        }
        desk.run(&["publish", "2026-11", "--as", "ben"]).ok();
        let refused = desk.run(&["publish", "2026-12", "--as", "ben"]).refused();
        assert!(refused.contains("batch late.csv was settled by 2026-11 meanwhile"), "{refused}");
        desk.run(&["deny", "2026-12", "--as", "ben", "--reason", "late.csv is settled"]).ok();
        desk.publish("2026-12");
        let lines = desk.run(&["statements", "2026-12"]).ok();
        assert!(!lines.contains(",shop,"), "{lines}");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn two_months_close_at_once_without_harm(desk) {
        desk.import_demo();
        let revenue = "period,service,offer,territory,currency,net_revenue\n2026-11,cloud,ad,CN,CNY,1.00\n";
        desk.import("revenue", "november.csv", revenue).ok();
        for _ in 0..4 {
            let running: Vec<_> = ["2026-10", "2026-11"]
                .into_iter()
                .map(|month| desk.command(&["close", month, "--as", "anna"]).stdout(std::process::Stdio::null()).spawn().unwrap())
                .collect();
            for mut close in running {
                assert!(close.wait().unwrap().success());
            }
            for month in ["2026-10", "2026-11"] {
                desk.run(&["deny", month, "--as", "ben", "--reason", "again"]).ok();
            }
        }
        desk.publish("2026-10");
        desk.publish("2026-11");
        desk.run(&["verify"]).ok();
    }
}

on_both! {
    fn the_pools_of_a_revenue_never_exceed_it(desk) {
        desk.import_demo();
        let agreement = "[agreement]\nid = \"halves\"\nvalid_from = 2026-01-01\n\
            [[pool]]\nservice = \"radio\"\nright = \"recording\"\nrate = \"50\"\nmodel = \"pro_rata\"\n\
            [[pool]]\nservice = \"radio\"\nright = \"composition\"\nrate = \"50\"\nmodel = \"pro_rata\"\n";
        desk.import("agreements", "halves.toml", agreement).ok();
        let revenue = "period,service,offer,territory,currency,net_revenue\n2026-09,radio,all,CN,CNY,0.000003\n";
        desk.import("revenue", "radio.csv", revenue).ok();
        let said = json(&desk.run(&["close", "2026-09", "--as", "anna", "--format", "json"]).ok());
        assert_eq!(said["totals"]["CNY"]["money_in"], "0.000003");
    }
}

on_both! {
    fn what_a_kill_left_half_written_is_cleared_away(desk) {
        desk.import_demo();
        let fact = desk.dir().join("data/facts/.arriving-Xy12Zz");
        std::fs::create_dir_all(fact.parent().unwrap()).unwrap();
        std::fs::write(&fact, "torn").unwrap();
        desk.publish("2026-10");
        assert!(!fact.exists());
        let anew = desk.dir().join("data/.verify-Xy12Zz");
        std::fs::create_dir(&anew).unwrap();
        std::fs::write(anew.join("lines.parquet"), "torn").unwrap();
        desk.run(&["verify"]).ok();
        assert!(!anew.exists());
    }
}
