//! Suspicious plays that a rule holds, and what becomes of those that are let go.

use serde_json::Value;

use crate::bad_input::{assert_says, draft, quarantined};
use crate::support::{Desk, json};

const PARTIES: &str = "party,name\nana,Ana\nben,Ben\nlou,Lou\n";
const RECORDINGS: &str =
    "recording,title,artist\nx::A,Anchor,ana\nx::B,Beacon,ben\nx::L,Loop,lou\n";
const CLAIMS: &str = "recording,right,party,share\nx::A,recording,ana,100\nx::B,recording,ben,100\n\
    x::L,recording,lou,100\n";
/// Of 48.00, whoever plays a thousand times or more is held; two thirds of a recording's money is
/// paid on by Lou.
const AGREEMENT: &str = r#"[agreement]
id = "cloud"
valid_from = 2026-01-01

[[pool]]
service = "cloud"
right = "recording"
rate = "50"

[pool.rule]
model = "pro_rata"
hold = { listener_plays = { plays_at_least = 1000, hold = true } }

[[royalty]]
payer = "lou"
participants = [ { party = "ana", rate = "25" } ]
"#;

fn month(desk: &Desk, month: &str) {
    let usage = format!(
        "period,service,offer,territory,listener,recording,plays\n\
         {month},cloud,svip,CN,u1,x::A,300\n{month},cloud,svip,CN,u2,x::B,100\n\
         {month},cloud,svip,CN,mad-fan,x::L,1100\n{month},cloud,svip,CN,mad-fan,x::B,100\n"
    );
    let revenue = format!(
        "period,service,offer,territory,currency,net_revenue\n{month},cloud,svip,CN,EUR,96.00\n"
    );
    desk.import("usage", &format!("usage-{month}.csv"), &usage).ok();
    desk.import("revenue", &format!("revenue-{month}.csv"), &revenue).ok();
}

fn world(desk: &Desk) {
    for (kind, name, text) in [
        ("parties", "parties.csv", PARTIES),
        ("recordings", "recordings.csv", RECORDINGS),
        ("claims", "claims.csv", CLAIMS),
        ("agreements", "cloud.toml", AGREEMENT),
    ] {
        desk.import(kind, name, text).ok();
    }
}

fn lines(desk: &Desk, month: &str) -> Vec<Value> {
    let said = json(&desk.run(&["statements", month, "--draft", "--format", "json"]).ok());
    let statements = said.as_array().unwrap().clone();
    statements.iter().flat_map(|statement| statement["lines"].as_array().unwrap().clone()).collect()
}

/// Kind, recording, payee and amount of a month's lines, each once.
fn paid(desk: &Desk, month: &str) -> Vec<String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    // A line between two parties stands on both statements; on the payee's it is as it is.
    let own =
        |line: &&Value| text(line, "statement").contains(&format!("/{}/", text(line, "payee")));
    let lines = lines(desk, month);
    let mut paid: Vec<String> = lines
        .iter()
        .filter(own)
        .map(|line| {
            let [kind, recording, payee] =
                ["kind", "recording", "payee"].map(|name| text(line, name));
            format!("{kind} {recording} {payee} {} {}", text(line, "amount"), line["plays"])
        })
        .collect();
    paid.sort();
    paid
}

/// The hash of the one listener whom a month's report lists.
fn suspect(desk: &Desk, month: &str) -> String {
    let said = json(&desk.run(&["suspicious", month, "--format", "json"]).ok());
    let cases = said["pools"][0]["cases"].as_array().unwrap().clone();
    assert_eq!(cases.len(), 1, "{cases:?}");
    assert_eq!(
        (cases[0]["signal"].as_str(), cases[0]["state"].as_str()),
        (Some("listener_plays"), Some("held"))
    );
    cases[0]["listener"].as_str().unwrap().to_owned()
}

fn clear(desk: &Desk, name: &str, month: &str, of: &str, state: &str) {
    let text = format!(
        "period,service,offer,territory,listener,recording,reason,state\n\
         {month},cloud,svip,CN,{of},a bar with one record,{state}\n"
    );
    desk.import("clearances", name, &text).ok();
}

on_both! {
    fn plays_that_a_rule_holds_leave_the_pool_until_they_are_let_go(desk) {
        world(desk);
        month(desk, "2026-10");
        draft(desk, "2026-10");
        // 400 plays are left: 36 for A and 12 for B.
        assert_eq!(paid(desk, "2026-10"), [
            "royalty x::L ana 0.000000 0",
            "share x::A ana 36.000000 300",
            "share x::B ben 12.000000 100",
            "share x::L lou 0.000000 0",
        ]);
        let said = desk.run(&["suspicious", "2026-10"]).ok();
        assert_says(&said, "2026-10 cloud/svip/CN/recording: 1,600 plays of 3 listeners, of which 1,200 (75.0 %) of 1 listener are suspicious");
        assert_says(&said, "What the hold moves of 48.000000 EUR by pool 1 of cloud:");
        assert_says(&said, "x::L       1,100  1,100  33.000000   0.000000  -33.000000");
        let is_a = |line: &Value| line["recording"] == "x::A" && line["kind"] == "share";
        let line = lines(desk, "2026-10").into_iter().find(is_a).unwrap();
        let said = desk.run(&["explain", line["line"].as_str().unwrap()]).ok();
        assert_says(&said, "x::A = 48.000000 × 300 of 400 weighted plays = 36.000000");
        let hash = suspect(desk, "2026-10");
        let csv = desk.run(&["suspicious", "2026-10", "--format", "csv"]).ok();
        assert_says(&csv, "period,service,offer,territory,right,signal,state,plays,of,listeners,recording,artist,group,listener\n");
        assert_says(&csv, &hash);
        // Before it is published, the month is closed again.
        clear(desk, "cleared.csv", "2026-10", &format!("{hash},"), "");
        assert_says(&desk.run(&["status"]).ok(), "clearances");
        assert_says(&desk.run(&["status", "2026-10"]).ok(), "late for 2026-10: clearances cleared.csv, imported");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "a bar"]).ok();
        draft(desk, "2026-10");
        let of_loop = paid(desk, "2026-10");
        assert!(of_loop.contains(&"share x::L lou 33.000000 1100".to_owned()), "{of_loop:?}");
        let said = desk.run(&["suspicious", "2026-10"]).ok();
        assert_says(&said, "released");
    }
}

on_both! {
    fn what_is_let_go_of_a_published_month_is_settled_in_the_open_one(desk) {
        world(desk);
        month(desk, "2026-10");
        desk.publish("2026-10");
        let hash = suspect(desk, "2026-10");
        month(desk, "2026-11");
        let frozen_before = desk.close("2026-11");
        clear(desk, "cleared.csv", "2026-10", &format!("{hash},"), "");
        // The clearance is late for November's close, which is closed again.
        let said = draft(desk, "2026-11");
        assert_eq!(said["late"][0]["kind"], "clearances", "{said}");
        desk.run(&["deny", "2026-11", "--as", "ben", "--reason", "october was cleared"]).ok();
        assert_ne!(desk.close("2026-11"), frozen_before);
        let adjusted: Vec<String> =
            paid(desk, "2026-11").into_iter().filter(|line| !line.starts_with("share")).collect();
        // With 1,600 plays A gets 9 of what was 36, B 6 of 12, L 33 of 0; a quarter of L's is paid on.
        assert_eq!(adjusted, [
            "adjustment x::A ana -27.000000 0",
            "adjustment x::B ben -6.000000 100",
            "adjustment x::L ana 8.250000 1100",
            "adjustment x::L lou 33.000000 1100",
            "royalty x::L ana 0.000000 0",
        ]);
        let of_loop = |line: &Value| line["kind"] == "adjustment" && line["payee"] == "lou";
        let line = lines(desk, "2026-11").into_iter().find(of_loop).unwrap();
        let said = desk.run(&["explain", line["line"].as_str().unwrap()]).ok();
        let words = " of 2026-10 gave 0.000000, and gives 33.000000 with what is let go now";
        assert_says(&said, words);
        let original = &said[said.find(words).unwrap() - 32..][..32];
        assert_says(&desk.run(&["explain", original]).ok(), "x::L = 48.000000 × 0 of 400 weighted plays = 0.000000");
        let result = desk.close("2026-11");
        desk.run(&["approve", "2026-11", "--as", "ben", "--result", &result]).ok();
        desk.run(&["publish", "2026-11", "--as", "ben"]).ok();
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
        // It is settled once, and taken back once.
        month(desk, "2026-12");
        draft(desk, "2026-12");
        assert!(!paid(desk, "2026-12").iter().any(|line| line.starts_with("adjustment")));
        desk.run(&["deny", "2026-12", "--as", "ben", "--reason", "it was no bar"]).ok();
        clear(desk, "held.csv", "2026-10", &format!("{hash},"), "held");
        draft(desk, "2026-12");
        let back = paid(desk, "2026-12");
        assert!(back.contains(&"adjustment x::L lou -33.000000 -1100".to_owned()), "{back:?}");
        assert!(back.contains(&"adjustment x::A ana 27.000000 0".to_owned()), "{back:?}");
        let result = desk.close("2026-12");
        desk.run(&["approve", "2026-12", "--as", "ben", "--result", &result]).ok();
        desk.run(&["publish", "2026-12", "--as", "ben"]).ok();
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
    }
}

on_both! {
    fn a_month_that_was_frozen_before_another_was_cleared_is_closed_again(desk) {
        world(desk);
        month(desk, "2026-10");
        desk.publish("2026-10");
        month(desk, "2026-11");
        month(desk, "2026-12");
        let early = desk.close("2026-12");
        desk.run(&["approve", "2026-12", "--as", "ben", "--result", &early]).ok();
        clear(desk, "cleared.csv", "2026-10", ",x::L", "");
        desk.publish("2026-11");
        let said = desk.run(&["publish", "2026-12", "--as", "ben"]).refused();
        assert_says(&said, "an earlier month was published after 2026-12 was frozen, and what is let go of it is not settled in 2026-12");
        desk.run(&["deny", "2026-12", "--as", "ben", "--reason", "cleared"]).ok();
        desk.publish("2026-12");
        assert!(!paid_published(desk, "2026-12").contains("adjustment"));
        // A recording that is let go: the fan's plays of the others stay held.
        assert!(paid_published(desk, "2026-11").contains("adjustment,x::L"), "{}", paid_published(desk, "2026-11"));
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
    }
}

fn paid_published(desk: &Desk, month: &str) -> String {
    desk.run(&["statements", month]).ok()
}

on_both! {
    fn a_clearance_that_names_a_listener_by_name_is_not_kept(desk) {
        let text = "period,service,offer,territory,listener,recording\n\
            2026-10,cloud,svip,CN,mad-fan,\n2026-10,cloud,svip,CN,,\n\
            2026-10,cloud,svip,CN,550e8400e29b41d4a716446655440000,\n2026-10,cloud,svip,CN,,mad-fan@example\n\
            2026-10,cloud,svip,CN,,x::A\n";
        let said = desk.import("clearances", "cleared.csv", text);
        let said = said.stdout + &said.stderr;
        assert_says(&said, "took 1 row, 4 in quarantine");
        assert_says(&said, "cleared.csv:2:5: listener: not a listener as `tantieme suspicious` shows one: 32 and 8 hexadecimal digits");
        assert_says(&said, "cleared.csv:3:5: listener: name a listener or a recording");
        assert_says(&said, "cleared.csv:4:5: listener: not a listener");
        assert_says(&said, "cleared.csv:5:6: recording: ");
        let kept = format!("{:?}", quarantined(desk));
        let all = said + &kept;
        assert!(!all.contains("mad-fan") && !all.contains("550e84"), "{all}");
    }
}

#[test]
fn a_hold_that_holds_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("u.csv"), "listener,recording,plays\nu,x::A,1\n").unwrap();
    for (rule, words) in [
        (
            "model = \"pro_rata\"\nhold = { listener_plays = { plays_at_least = 3 } }\n",
            "nothing is held: say hold = true",
        ),
        (
            "model = \"blend\"\n[[parts]]\nweight = \"1\"\n[parts.rule]\nmodel = \"pro_rata\"\n\
             hold = { listener_plays = { plays_at_least = 3, hold = true } }\n",
            "hold belongs to the whole blend",
        ),
        (
            "model = \"pro_rata\"\nhold = { listener_plays = { plays = 3 } }\n",
            "r.toml:2:29: unknown field `plays`",
        ),
    ] {
        std::fs::write(folder.path().join("r.toml"), rule).unwrap();
        let words_of = [
            "allocate",
            "--usage",
            "u.csv",
            "--amount",
            "1",
            "--currency",
            "EUR",
            "--rule",
            "r.toml",
        ];
        let said: crate::support::Said = crate::support::program()
            .args(words_of)
            .current_dir(folder.path())
            .output()
            .unwrap()
            .into();
        assert_says(&said.refused(), words);
    }
}

on_both! {
    fn money_that_went_on_before_it_was_let_go_comes_out_of_the_next_pool(desk) {
        world(desk);
        // In October all plays are held, so November's pool gets October's money too.
        let usage = "period,service,offer,territory,listener,recording,plays\n\
            2026-10,cloud,svip,CN,mad-fan,x::L,1100\n";
        desk.import("usage", "october.csv", usage).ok();
        let revenue = "period,service,offer,territory,currency,net_revenue\n2026-10,cloud,svip,CN,EUR,96.00\n";
        desk.import("revenue", "october-revenue.csv", revenue).ok();
        desk.publish("2026-10");
        month(desk, "2026-11");
        desk.publish("2026-11");
        assert!(paid_published(desk, "2026-11").contains(",72.000000,"));
        // Then October is let go: Loop gets its 48.00 in December, from what January has.
        clear(desk, "cleared.csv", "2026-10", ",x::L", "");
        month(desk, "2026-12");
        let totals = draft(desk, "2026-12")["totals"]["EUR"].clone();
        assert_eq!(totals["held"]["undistributed"], "-48.000000");
        let lines = paid(desk, "2026-12");
        assert!(lines.contains(&"adjustment x::L lou 48.000000 1100".to_owned()), "{lines:?}");
        let result = desk.close("2026-12");
        desk.run(&["approve", "2026-12", "--as", "ben", "--result", &result]).ok();
        desk.run(&["publish", "2026-12", "--as", "ben"]).ok();
        let revenue = "period,service,offer,territory,currency,net_revenue\n\
            2027-01,cloud,svip,CN,EUR,60.00\n2027-02,cloud,svip,CN,EUR,60.00\n";
        desk.import("revenue", "later.csv", revenue).ok();
        let usage = "period,service,offer,territory,listener,recording,plays\n\
            2027-01,cloud,svip,CN,u1,x::A,1\n2027-02,cloud,svip,CN,u1,x::A,1\n";
        desk.import("usage", "later-usage.csv", usage).ok();
        // January has 30.00 and gives them all; February has 12.00 left.
        assert_eq!(draft(desk, "2027-01")["totals"]["EUR"]["carried_in"], "-30.000000");
        desk.publish("2027-01");
        assert_eq!(draft(desk, "2027-02")["totals"]["EUR"]["carried_in"], "-18.000000");
        assert!(paid(desk, "2027-02").contains(&"share x::A ana 12.000000 1".to_owned()));
        desk.publish("2027-02");
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
    }
}

#[test]
fn what_is_held_does_not_help_over_a_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let usage = "listener,recording,plays\nfan,x::A,600\nu1,x::A,400\nu1,x::B,500\nu2,x::B,500\n";
    std::fs::write(folder.path().join("u.csv"), usage).unwrap();
    let by = |hold: &str| {
        let rule = format!(
            "model = \"pro_rata\"\n{hold}[[eligible]]\nof = \"recording\"\nplays_at_least = 1000\n"
        );
        std::fs::write(folder.path().join("r.toml"), rule).unwrap();
        let words = [
            "allocate",
            "--usage",
            "u.csv",
            "--amount",
            "10",
            "--currency",
            "EUR",
            "--rule",
            "r.toml",
        ];
        let said: crate::support::Said = crate::support::program()
            .args(words)
            .current_dir(folder.path())
            .output()
            .unwrap()
            .into();
        said.ok()
    };
    assert_says(&by(""), "x::A,1000,2,5.000000\nx::B,1000,2,5.000000\n");
    let hold = "hold = { recording_of_listener = { share_at_least = \"100\", plays_at_least = 600, hold = true } }\n";
    assert_says(&by(hold), "x::A,400,1,0.000000\nx::B,1000,2,10.000000\n");
}

on_both! {
    fn a_clearance_between_two_months_that_are_frozen_beside_each_other_is_not_lost(desk) {
        world(desk);
        month(desk, "2026-10");
        month(desk, "2026-11");
        let october = desk.close("2026-10");
        clear(desk, "cleared.csv", "2026-10", ",x::L", "");
        let november = desk.close("2026-11");
        for (month, result) in [("2026-10", &october), ("2026-11", &november)] {
            desk.run(&["approve", month, "--as", "ben", "--result", result]).ok();
        }
        desk.run(&["publish", "2026-10", "--as", "ben"]).ok();
        let said = desk.run(&["publish", "2026-11", "--as", "ben"]).refused();
        assert_says(&said, "what is let go of it is not settled in 2026-11: deny 2026-11");
        desk.run(&["deny", "2026-11", "--as", "ben", "--reason", "october was cleared"]).ok();
        desk.publish("2026-11");
        assert_says(&paid_published(desk, "2026-11"), "adjustment,x::L");
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
    }
}

on_both! {
    fn an_adjustment_is_between_those_who_were_paid_then(desk) {
        world(desk);
        desk.import("claims", "other.csv", "recording,right,party,share\nx::A,recording,ana,50\nx::A,recording,ben,50\n").ok();
        month(desk, "2026-10");
        desk.publish("2026-10");
        // Who holds A now, and what Lou pays on, is another matter.
        desk.import("claims", "corrected.csv", "recording,right,party,share\nx::A,recording,ana,0\nx::A,recording,ben,0\nx::A,recording,lou,100\n").ok();
        desk.import("agreements", "cloud.toml", &AGREEMENT.replace("\"25\"", "\"50\"")).ok();
        clear(desk, "cleared.csv", "2026-10", ",x::L", "");
        month(desk, "2026-11");
        draft(desk, "2026-11");
        let adjusted: Vec<String> = paid(desk, "2026-11")
            .into_iter()
            .filter(|line| line.starts_with("adjustment"))
            .collect();
        // A play was worth 48 / 400 and is worth 48 / 1500: the fan's plays of B stay held. L's 35.20
        // are Lou's, less a quarter.
        assert_eq!(adjusted, [
            "adjustment x::A ana -13.200000 0",
            "adjustment x::A ben -13.200000 0",
            "adjustment x::B ben -8.800000 0",
            "adjustment x::L ana 8.800000 1100",
            "adjustment x::L lou 35.200000 1100",
        ]);
    }
}

#[test]
fn artists_whose_plays_a_model_holds_are_played_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let usage = "listener,recording,plays\nfan,x::L,1000\nu1,x::A,10\n";
    std::fs::write(folder.path().join("u.csv"), usage).unwrap();
    let rule = "model = \"pro_rata\"\nhold = { listener_plays = { plays_at_least = 1000, hold = true } }\n";
    std::fs::write(folder.path().join("held.toml"), rule).unwrap();
    let words = [
        "compare",
        "--usage",
        "u.csv",
        "--amount",
        "10.10",
        "--currency",
        "EUR",
        "--models",
        "held.toml,pro_rata",
        "--format",
        "json",
        "--accounts",
        "1",
        "--plays-each",
        "2000",
    ];
    let said: crate::support::Said =
        crate::support::program().args(words).current_dir(folder.path()).output().unwrap().into();
    let said = json(&said.ok());
    assert_eq!((said["plays"].as_u64(), said["artists"].as_u64()), (Some(1010), Some(2)));
    let [held, plain] = [0, 1].map(|at| said["models"][at].clone());
    assert_eq!(held["artists_paid"], 1);
    assert_eq!(plain["against_baseline"]["better"]["artists"], 1);
    // Bought accounts are held too.
    assert_eq!(held["fraud"]["extracted"], "0.000000");
}

#[test]
fn files_are_looked_at_by_what_their_rule_holds() {
    let folder = tempfile::tempdir().unwrap();
    let usage = "listener,recording,plays\nfan,x::L,30\nu1,x::A,10\n";
    std::fs::write(folder.path().join("u.csv"), usage).unwrap();
    let rule =
        "model = \"pro_rata\"\nhold = { listener_plays = { plays_at_least = 30, hold = true } }\n";
    std::fs::write(folder.path().join("r.toml"), rule).unwrap();
    let words = [
        "suspicious",
        "--usage",
        "u.csv",
        "--amount",
        "40",
        "--currency",
        "EUR",
        "--rule",
        "r.toml",
        "--format",
        "csv",
    ];
    let said: crate::support::Said =
        crate::support::program().args(words).current_dir(folder.path()).output().unwrap().into();
    assert_eq!(
        said.ok().lines().skip(1).collect::<Vec<_>>(),
        ["x::A,10,0,0,10.000000,40.000000,30.000000", "x::L,30,30,1,30.000000,0.000000,-30.000000"]
    );
}

on_both! {
    fn the_clearance_that_the_page_shows_is_taken(desk) {
        let page = include_str!("../../docs/SUSPICION.md");
        let shown = page.split("```csv\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_says(&desk.import("clearances", "page.csv", shown).ok(), "took 1 row");
    }
}
