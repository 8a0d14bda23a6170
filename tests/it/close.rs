//! A close that is killed, repeated, run twice at once, denied, published.

use crate::support::{Desk, json};

/// Every place where a close can be killed; see `src/close/crash.rs`.
const PLACES: [&str; 7] = [
    "frozen",
    "allocation written",
    "allocated",
    "lines written",
    "settled",
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
