//! Rules in agreements: a close shares by them as `allocate` does, and explains it.

use std::collections::BTreeMap;

use crate::bad_input::{assert_says, draft, quarantined};
use crate::support::{Desk, json, program};

const PARTIES: &str = "party,name\nana,Ana\nben,Ben\ncora,Cora\n";
const RECORDINGS: &str = "recording,title,artist,content,ai\n\
    x::A,Anchor,ana,music,\nx::B,Beacon,ana,music,\nx::C,Comet,ben,music,\n\
    x::D,Drift,cora,music,generated\nx::N,Night Rain,cora,noise,\n";
const CLAIMS: &str = "recording,right,party,share\nx::A,recording,ana,100\nx::B,recording,ana,100\n\
    x::C,recording,ben,100\nx::D,recording,cora,100\nx::N,recording,cora,100\n";
const PLAYS: [&str; 11] = [
    "u1,x::A,7,3",
    "u1,x::C,2,0",
    "u1,x::N,40,0",
    "u2,x::A,1,1",
    "u2,x::B,5,0",
    "u2,x::D,3,0",
    "u3,x::C,60,20",
    "u3,x::A,1,0",
    "u4,x::B,2,2",
    "u4,x::D,11,4",
    "u4,x::N,9,0",
];
const FEES: [&str; 5] = ["u1,10.00", "u2,10.00", "u3,5.00", "u4,12.50", "u5,10.00"];

/// A rule of every model, with every modifier in some of them.
const RULES: [(&str, &str); 9] = [
    ("plain", "model = \"user_centric\"\n"),
    (
        "fees",
        "model = \"user_centric\"\nbudgets = \"fees\"\n[factors]\nai = { generated = \"0.5\" }\n",
    ),
    ("shapley", "model = \"equal_per_artist\"\n[factors]\nactive = \"2\"\n"),
    ("scaled", "model = \"scaled_user\"\n"),
    (
        "centric",
        "model = \"pro_rata\"\ncap = { plays = 30, mode = \"clamp\" }\n[factors]\nactive = \"2\"\n\
         content = { noise = \"0.2\" }\n[professional]\nfactor = \"1.5\"\n\
         threshold = { of = \"artist\", plays_at_least = 16, listeners_at_least = 3, scope = \"pool\" }\n",
    ),
    (
        "eligible",
        "model = \"pro_rata\"\n[[eligible]]\nof = \"recording\"\nplays_above = 8\nscope = \"pool\"\n",
    ),
    (
        "bands",
        "model = \"pro_rata\"\nbands = [ { up_to = 10, factor = \"1\" }, { factor = \"0.25\" } ]\n",
    ),
    ("half", "model = \"pro_rata\"\ncap = { plays = 10, mode = \"half\" }\n"),
    (
        "blend",
        "model = \"blend\"\n[[parts]]\nweight = \"0.25\"\nrule = { model = \"pro_rata\" }\n\
         [[parts]]\nweight = \"0.75\"\nrule = { model = \"user_centric\", factors = { content = { noise = \"0\" } } }\n",
    ),
];

/// An agreement with a pool for each offer, whose rule is written below it.
fn agreement(rules: &[(&str, &str)]) -> String {
    let mut text = "[agreement]\nid = \"cloud\"\nvalid_from = 2025-01-01\n".to_owned();
    for (offer, rule) in rules {
        text += &format!(
            "[[pool]]\nservice = \"cloud\"\noffers = [\"{offer}\"]\nright = \"recording\"\nrate = \"50\"\n"
        );
        // `model` first, then tables under the pool's rule.
        let mut table = "[pool.rule]\n".to_owned();
        for line in rule.lines() {
            let line = match line.strip_prefix("[[").or_else(|| line.strip_prefix('[')) {
                Some(_) => {
                    line.replacen('[', "[pool.rule.", 1).replace("[pool.rule.[", "[[pool.rule.")
                }
                None => line.to_owned(),
            };
            table += &(line + "\n");
        }
        text += &table;
    }
    text
}

fn catalogue(desk: &Desk, rules: &[(&str, &str)]) {
    desk.import("parties", "parties.csv", PARTIES).ok();
    desk.import("recordings", "recordings.csv", RECORDINGS).ok();
    desk.import("claims", "claims.csv", CLAIMS).ok();
    desk.import("agreements", "cloud.toml", &agreement(rules)).ok();
}

fn revenue(desk: &Desk, month: &str, offers: &[&str], net: &str, subscribers: &str) {
    let mut text = "period,service,offer,territory,currency,net_revenue,subscribers\n".to_owned();
    for offer in offers {
        text += &format!("{month},cloud,{offer},CN,EUR,{net},{subscribers}\n");
    }
    desk.import("revenue", &format!("revenue-{month}-{}.csv", offers.join("-")), &text).ok();
}

/// Rows of one kind for a month and offers: each row is said of every offer.
fn rows(desk: &Desk, kind: &str, month: &str, offers: &[&str], last: &str, rows: &[&str]) {
    let mut text = format!("period,service,offer,territory,listener,{last}\n");
    for offer in offers {
        for row in rows {
            text += &format!("{month},cloud,{offer},CN,{row}\n");
        }
    }
    let name = format!("{kind}-{month}-{}.csv", offers.join("-"));
    desk.import(kind, &name, &text).ok();
}

const USAGE: &str = "recording,plays,active_plays";

/// What `allocate` makes of the same plays, by recording.
fn stateless(rule: &str, amount: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let usage = format!("listener,{USAGE}\n{}\n", PLAYS.join("\n"));
    let fees = format!("listener,fee\n{}\n", FEES.join("\n"));
    for (name, text) in [
        ("usage.csv", usage.as_str()),
        ("fees.csv", &fees),
        ("r.csv", RECORDINGS),
        ("rule.toml", rule),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let words = [
        "allocate",
        "--usage",
        "usage.csv",
        "--amount",
        amount,
        "--currency",
        "EUR",
        "--rule",
        "rule.toml",
        "--recordings",
        "r.csv",
        "--fees",
        "fees.csv",
    ];
    let said: crate::support::Said =
        program().args(words).current_dir(folder.path()).output().unwrap().into();
    let rows = said.ok();
    let cells = rows.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    cells.map(|cells| (cells[0].to_owned(), cells[3].to_owned())).collect()
}

/// Every line of a month's draft.
fn lines(desk: &Desk, month: &str) -> Vec<serde_json::Value> {
    let said = json(&desk.run(&["statements", month, "--draft", "--format", "json"]).ok());
    let statements = said.as_array().unwrap().clone();
    statements.iter().flat_map(|statement| statement["lines"].as_array().unwrap().clone()).collect()
}

/// Recording and amount of an offer's lines.
fn paid(desk: &Desk, month: &str, offer: &str) -> BTreeMap<String, String> {
    let text = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_owned();
    let of_offer = lines(desk, month).into_iter().filter(|line| line["offer"] == offer);
    of_offer.map(|line| (text(&line, "recording"), text(&line, "amount"))).collect()
}

on_both! {
    fn a_close_shares_by_every_rule_as_allocate_does_and_explains_it(desk) {
        catalogue(desk, &RULES);
        let offers = RULES.map(|(offer, _)| offer);
        revenue(desk, "2026-10", &offers, "60.00", "");
        rows(desk, "usage", "2026-10", &offers, USAGE, &PLAYS);
        rows(desk, "listeners", "2026-10", &["fees", "scaled"], "fee", &FEES);
        draft(desk, "2026-10");
        for (offer, rule) in RULES {
            assert_eq!(paid(desk, "2026-10", offer), stateless(rule, "30"), "{offer}");
        }
        for line in lines(desk, "2026-10") {
            let (id, offer) = (line["line"].as_str().unwrap(), line["offer"].as_str().unwrap());
            let said = json(&desk.run(&["explain", id, "--listeners", "--format", "json"]).ok());
            let steps: Vec<&str> =
                said["arithmetic"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
            let steps = steps.join("\n");
            assert_says(&steps, &format!("= {}", line["amount"].as_str().unwrap()));
            // What listeners add up to is what a model that gives each a part pays.
            let per_listener = ["plain", "fees", "shapley", "scaled"].contains(&offer);
            if per_listener {
                let owed = |listener: &serde_json::Value| {
                    listener["owed"].as_str().unwrap().parse::<u128>().unwrap()
                };
                let owed: u128 = said["listeners"].as_array().unwrap().iter().map(owed).sum();
                let amount = line["amount"].as_str().unwrap().replace('.', "").parse::<u128>().unwrap();
                assert!(amount - (owed >> 64) <= 1, "{offer}: {owed} and {amount}");
            }
        }
        let explained = |offer: &str, recording: &str| {
            let is = |line: &serde_json::Value| line["offer"] == offer && line["recording"] == recording;
            let line = lines(desk, "2026-10").into_iter().find(is).unwrap();
            desk.run(&["explain", line["line"].as_str().unwrap(), "--listeners"]).ok()
        };
        // Ana has 7 + 1 + 1 + 5 + 2 = 16 plays by u1, u2, u3 and u4. A play counts 1.5, an active one
        // 3; u1 has 49 plays, of which each counts for 30 / 49.
        let said = explained("centric", "x::A");
        assert_says(&said, "its artist's 16 plays by 4 listeners in the month in this pool reach at least 16 plays and at least 3 listeners");
        assert_says(&said, "a play of x::A counts 1.5, an active one 3");
        assert_says(&said, "each play of a listener with L plays counts min(30, L) / L");
        // 4 plays and 3 active ones are 4 × 1.5 + 3 × 3 = 15; u1's others are 2 of Ben's and 40 of noise,
        // 0.2 × 1.5 each: 14.
        assert_says(&said, "15 of 29");
        let said = explained("eligible", "x::B");
        assert_says(&said, "its 7 plays by 2 listeners in the month in this pool do not reach over 8 plays");
        assert_says(&said, "x::B = 0 of 30.000000 EUR = 0.000000 (pro_rata)");
        let said = explained("scaled", "x::C");
        assert_says(&said, "the sum over its 2 listeners of the less of their fee");
        assert_says(&said, "5.000000");
        let said = explained("blend", "x::A");
        assert_says(&said, "part 1 of the blend shares 7.500000:");
        assert_says(&said, "all parts together");
        desk.publish("2026-10");
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
    }
}

on_both! {
    fn a_threshold_counts_all_offers_of_the_service_and_twelve_months(desk) {
        let rule = "model = \"pro_rata\"\n[[eligible]]\nof = \"recording\"\nplays_at_least = 10\n\
            listeners_at_least = 2\nwithin = \"twelve_months\"\n";
        catalogue(desk, &[("svip", rule), ("ad", "model = \"pro_rata\"\n")]);
        // A has 4 + 3 + 2 + 1 plays in twelve months, by u1 and u2; B has 9; C has 10 by one
        // listener; D has 10, but 5 of them thirteen months ago.
        for (month, offer, plays) in [
            ("2026-10", "svip", &["u1,x::A,4,", "u1,x::B,9,", "u1,x::C,5,", "u2,x::D,5,"][..]),
            ("2026-10", "ad", &["u1,x::A,3,", "u1,x::C,5,"]),
            ("2026-09", "svip", &["u1,x::A,2,"]),
            ("2025-11", "ad", &["u2,x::A,1,"]),
            ("2025-10", "ad", &["u2,x::D,5,", "u1,x::D,5,"]),
        ] {
            rows(desk, "usage", month, &[offer], USAGE, plays);
        }
        revenue(desk, "2026-10", &["svip", "ad"], "60.00", "");
        draft(desk, "2026-10");
        let zero = "0.000000".to_owned();
        let of_svip = paid(desk, "2026-10", "svip");
        assert_eq!(of_svip["x::A"], "30.000000");
        assert_eq!([&of_svip["x::B"], &of_svip["x::C"], &of_svip["x::D"]], [&zero; 3]);
        let is_a = |line: &serde_json::Value| line["offer"] == "svip" && line["recording"] == "x::A";
        let line = lines(desk, "2026-10").into_iter().find(is_a).unwrap();
        let said = desk.run(&["explain", line["line"].as_str().unwrap()]).ok();
        assert_says(&said, "its 10 plays by 2 listeners in twelve months on the service reach");
        // A batch of an earlier month is frozen with the close: without it the result is another.
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "november was wrong"]).ok();
        desk.run(&["withdraw", "usage-2025-11-ad.csv"]).ok();
        let totals = draft(desk, "2026-10")["totals"]["EUR"].clone();
        assert_eq!(totals["held"]["undistributed"], "30.000000");
    }
}

on_both! {
    fn what_nobody_shares_is_carried_into_the_next_pool_of_its_key(desk) {
        catalogue(desk, &[("svip", "model = \"pro_rata\"\n"), ("ad", "model = \"pro_rata\"\n")]);
        revenue(desk, "2026-10", &["svip"], "60.00", "");
        // November was frozen before October left anything.
        revenue(desk, "2026-11", &["svip", "ad"], "40.00", "");
        rows(desk, "usage", "2026-11", &["svip", "ad"], USAGE, &["u1,x::A,1,", "u1,x::C,3,"]);
        let early = desk.close("2026-11");
        desk.run(&["approve", "2026-11", "--as", "ben", "--result", &early]).ok();
        desk.publish("2026-10");
        let said = desk.run(&["publish", "2026-11", "--as", "ben"]).refused();
        assert_says(&said, "pool cloud/svip/CN/recording was shared with 0.000000 carried from earlier months, which is 30.000000 meanwhile: deny 2026-11");
        desk.run(&["deny", "2026-11", "--as", "ben", "--reason", "october left something"]).ok();
        let totals = draft(desk, "2026-11")["totals"]["EUR"].clone();
        assert_eq!((totals["money_in"].as_str(), totals["carried_in"].as_str()), (Some("40.000000"), Some("30.000000")));
        let of_svip = paid(desk, "2026-11", "svip");
        assert_eq!((&*of_svip["x::A"], &*of_svip["x::C"]), ("12.500000", "37.500000"));
        assert_eq!(paid(desk, "2026-11", "ad")["x::C"], "15.000000");
        let is_a = |line: &serde_json::Value| line["offer"] == "svip" && line["recording"] == "x::A";
        let line = lines(desk, "2026-11").into_iter().find(is_a).unwrap();
        let said = desk.run(&["explain", line["line"].as_str().unwrap()]).ok();
        assert_says(&said, "what is shared = 20.000000 and 30.000000 that earlier months left undistributed = 50.000000 EUR");
        desk.publish("2026-11");
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
        // It is taken once.
        revenue(desk, "2026-12", &["svip"], "40.00", "");
        rows(desk, "usage", "2026-12", &["svip"], USAGE, &["u1,x::A,1,"]);
        assert_eq!(draft(desk, "2026-12")["totals"]["EUR"]["carried_in"], "0.000000");
    }
}

on_both! {
    fn the_part_of_those_who_play_nothing_is_carried_or_kept(desk) {
        catalogue(desk, &[
            ("carry", "model = \"user_centric\"\non_no_plays = \"carry\"\n"),
            ("keep", "model = \"user_centric\"\non_no_plays = \"retain\"\n"),
        ]);
        rows(desk, "usage", "2026-10", &["carry", "keep"], USAGE, &["u1,x::A,1,", "u2,x::C,1,"]);
        revenue(desk, "2026-10", &["carry", "keep"], "60.00", "");
        let said = desk.run(&["close", "2026-10", "--as", "anna"]).refused();
        assert_says(&said, "pool 1 of cloud sets aside the part of those who pay for 2026-10/cloud/carry/CN and play nothing: say how many pay");
        // One pool by subscribers, 2 of 3 of whom played; the other by listeners, 2 of 5.
        let header = "period,service,offer,territory,currency,net_revenue,subscribers\n";
        let row = "2026-10,cloud,carry,CN,EUR,60.00,3\n";
        let path = desk.file("three.csv", &format!("{header}{row}"));
        desk.run(&["import", "revenue", &path, "--replace"]).ok();
        rows(desk, "listeners", "2026-10", &["keep"], "fee", &FEES);
        let totals = draft(desk, "2026-10")["totals"]["EUR"].clone();
        assert_eq!(totals["held"]["undistributed"], "10.000000");
        assert_eq!(totals["held"]["retained"], "18.000000");
        assert_eq!(paid(desk, "2026-10", "carry")["x::A"], "10.000000");
        assert_eq!(paid(desk, "2026-10", "keep")["x::A"], "6.000000");
        let line = lines(desk, "2026-10").into_iter().find(|line| line["offer"] == "keep").unwrap();
        let said = desk.run(&["explain", line["line"].as_str().unwrap()]).ok();
        assert_says(&said, "set aside for those who paid and played nothing = 18.000000 EUR");
        desk.publish("2026-10");
        assert_says(&desk.run(&["verify"]).ok(), "every pool is empty, the trial balance is 0");
        // Only what was carried opens the next pool.
        rows(desk, "usage", "2026-11", &["carry", "keep"], USAGE, &["u1,x::A,1,"]);
        let later = format!("{header}2026-11,cloud,carry,CN,EUR,20.00,1\n2026-11,cloud,keep,CN,EUR,20.00,1\n");
        desk.import("revenue", "november.csv", &later).ok();
        draft(desk, "2026-11");
        assert_eq!(paid(desk, "2026-11", "carry")["x::A"], "20.000000");
        assert_eq!(paid(desk, "2026-11", "keep")["x::A"], "10.000000");
    }
}

on_both! {
    fn a_rule_that_lacks_what_it_shares_by_stops_the_close_by_name(desk) {
        catalogue(desk, &[("scaled", "model = \"scaled_user\"\n")]);
        rows(desk, "usage", "2026-10", &["scaled"], USAGE, &PLAYS);
        revenue(desk, "2026-10", &["scaled"], "60.00", "");
        let said = desk.run(&["close", "2026-10", "--as", "anna"]).refused();
        assert_says(&said, "pool 1 of cloud shares 2026-10/cloud/scaled/CN by what each listener paid: import it with `tantieme import listeners`");
        rows(desk, "listeners", "2026-10", &["scaled"], "fee", &["u1,40.00", "u2,40.00"]);
        let said = desk.run(&["close", "2026-10", "--as", "anna"]).refused();
        assert_says(&said, "pool cloud/scaled/CN/recording: 2 listeners have plays and no fee");
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "fees were missing"]).ok();
        let text = "period,service,offer,territory,listener,fee\n2026-10,cloud,scaled,CN,u3,5\n2026-10,cloud,scaled,CN,u4,12.5\n";
        desk.import("listeners", "more.csv", text).ok();
        assert_eq!(draft(desk, "2026-10")["totals"]["EUR"]["money_in"], "30.000000");
    }
}

on_both! {
    fn what_listeners_paid_is_hashed_added_up_and_quarantined_by_the_row(desk) {
        let header = "period,service,offer,territory,listener,fee\n";
        let path = desk.file(
            "paid.csv",
            &format!(
                "{header}2026-10,cloud,svip,CN,secret-one,10.00\n2026-10,cloud,svip,CN,secret-two,-1\n\
                 2026-10,cloud,svip,CN,secret-one,2.50\n2026-10,cloud,svip,CN,secret-three,much\n\
                 2026-10,cloud,svip,,secret-four,1\n"
            ),
        );
        let said = desk.run(&["import", "listeners", &path]);
        assert_eq!(said.code, Some(1));
        let text = said.stdout.clone() + &said.stderr;
        for words in [
            "took 2 rows",
            "3:6: fee: -1.000000: a fee cannot be negative",
            "5:6: fee: ",
            "6:4: territory: empty",
            "1 row repeats a listener: what they paid was added",
        ] {
            assert_says(&text, words);
        }
        assert!(!text.contains("secret-"), "{text}");
        assert_eq!(quarantined(desk).len(), 3);
        let kept = format!("{:?}", quarantined(desk));
        assert!(kept.contains("hashed:") && !kept.contains("secret-"), "{kept}");
        assert_says(&desk.run(&["import", "listeners", &path]).stdout, "nothing changed");
        desk.run(&["withdraw", "paid.csv"]).ok();
    }
}

on_both! {
    fn a_rule_in_an_agreement_is_checked_with_its_place(desk) {
        for (rule, words) in [
            ("rule = { model = \"pro_rata\", cap = { plays = 0, mode = \"clamp\" } }", "cloud.toml:4:1: a cap of 0 plays"),
            ("rule = { model = \"pro_rat\" }", "cloud.toml:8:18: unknown variant `pro_rat`"),
            ("rule = { model = \"pro_rata\", caps = 3 }", "cloud.toml:8:30: unknown field `caps`"),
            ("model = \"pro_rata\"\nrule = { model = \"pro_rata\" }", "a model and a rule"),
            ("", "neither a model nor a rule"),
            ("model = \"blend\"", "cloud.toml:8:9: unknown variant `blend`"),
        ] {
            let text = format!(
                "[agreement]\nid = \"cloud\"\nvalid_from = 2026-01-01\n[[pool]]\nservice = \"cloud\"\n\
                 right = \"recording\"\nrate = \"50\"\n{rule}\n"
            );
            assert_says(&desk.import("agreements", "cloud.toml", &text).refused(), words);
        }
    }
}

on_both! {
    fn a_month_is_compared_before_and_after_its_close(desk) {
        let rules = [("plain", "model = \"user_centric\"\n"), ("bands", RULES[6].1)];
        catalogue(desk, &rules);
        revenue(desk, "2026-10", &["plain", "bands"], "60.00", "");
        rows(desk, "usage", "2026-10", &["plain", "bands"], USAGE, &PLAYS);
        let ours = desk.file("ours.toml", "model = \"pro_rata\"\n[[eligible]]\nof = \"recording\"\nplays_above = 1000\n");
        let models = format!("agreed,pro_rata,{ours}");
        let words =
            ["compare", "2026-10", "--models", &models, "--living", "10", "--accounts", "2", "--plays-each", "100"];
        let compare = |more: &[&str]| desk.run(&[&words[..], more].concat());
        let before = compare(&["--format", "json"]).ok();
        desk.close("2026-10");
        let after = compare(&["--format", "json"]).ok();
        assert_eq!(before, after);
        let report = &json(&after)["currencies"][0];
        assert_eq!((report["amount"].as_str(), report["baseline"].as_str()), (Some("60.000000"), Some("agreed")));
        let of = |at: usize| report["models"][at].clone();
        // Agreed is what the close pays; the two pools of 30 are added up artist by artist.
        let mut agreed: BTreeMap<String, i64> = BTreeMap::new();
        for line in lines(desk, "2026-10") {
            let amount = line["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
            *agreed.entry(line["payee"].as_str().unwrap().to_owned()).or_default() += amount;
        }
        let csv = compare(&["--format", "csv"]).ok();
        assert!(csv.starts_with("currency,artist,recordings,plays,agreed,pro_rata,ours\nEUR,ana,2,"), "{csv}");
        for line in csv.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells[4].replace('.', "").parse::<i64>().unwrap(), agreed[cells[1]], "{line}");
        }
        // By plays, each pool gives 30 / 141 for a play, so both bought accounts, who bring what the
        // average of four listeners does, take 45 × 200 / 341 of one pool.
        assert_eq!(of(1)["fraud"]["brought_in"], "15.000000");
        assert_eq!(of(1)["fraud"]["extracted"], "26.392962");
        // A thousand plays are needed, and only bought ones would come to it; they do not.
        assert_eq!((of(2)["total"].as_str(), of(2)["set_aside"].as_str()), (Some("0.000000"), Some("60.000000")));
        assert_eq!(of(2)["fraud"], serde_json::Value::Null);
        let table = compare(&["--plot", desk.dir().join("l.svg").to_str().unwrap()]).ok();
        assert_says(&table, "2026-10: 60.00 EUR for 282 plays by 8 listeners, of 5 recordings by 3 artists");
        assert_says(&table, "They are bought into cloud/");
        assert_says(&std::fs::read_to_string(desk.dir().join("l.svg")).unwrap(), "<svg");
        let said = desk.run(&["compare", "2026-10", "--models", "scaled_user"]).refused();
        assert_says(&said, "the rule shares by what each listener paid, and that is not known");
        let said = desk.run(&["compare", "2026-11", "--models", "pro_rata"]).refused();
        assert_says(&said, "there is nothing to settle");
    }
}

on_both! {
    fn a_month_without_plays_is_closed_whatever_its_rule_asks(desk) {
        catalogue(desk, &[
            ("scaled", "model = \"scaled_user\"\non_no_plays = \"carry\"\n"),
            ("keep", "model = \"user_centric\"\nbudgets = \"fees\"\non_no_plays = \"retain\"\n"),
        ]);
        revenue(desk, "2026-10", &["scaled", "keep"], "20.00", "");
        assert_eq!(draft(desk, "2026-10")["totals"]["EUR"]["held"]["undistributed"], "20.000000");
        desk.publish("2026-10");
        // 10 of this month and 10 of the last are over the 15 that u1 has paid: the 10 wait.
        rows(desk, "usage", "2026-11", &["scaled", "keep"], USAGE, &["u1,x::A,4,1"]);
        rows(desk, "listeners", "2026-11", &["scaled", "keep"], "fee", &["u1,15.00"]);
        revenue(desk, "2026-11", &["scaled", "keep"], "20.00", "");
        let totals = draft(desk, "2026-11")["totals"]["EUR"].clone();
        assert_eq!((totals["carried_in"].as_str(), totals["held"]["undistributed"].as_str()), (Some("20.000000"), Some("10.000000")));
        assert_eq!(paid(desk, "2026-11", "scaled")["x::A"], "10.000000");
        assert_eq!(paid(desk, "2026-11", "keep")["x::A"], "20.000000");
        let waits = lines(desk, "2026-11").into_iter().find(|line| line["offer"] == "scaled").unwrap();
        let said = desk.run(&["explain", waits["line"].as_str().unwrap(), "--listeners"]).ok();
        assert_says(&said, "of it waits, since listeners have not paid as much = 10.000000 EUR");
        assert_says(&said, "= 10.000000 (scaled_user)");
        desk.publish("2026-11");
        // Nobody who played has paid anything.
        rows(desk, "usage", "2026-12", &["keep"], USAGE, &["u1,x::A,4,1"]);
        rows(desk, "listeners", "2026-12", &["keep"], "fee", &["u1,0"]);
        revenue(desk, "2026-12", &["keep"], "20.00", "");
        let said = desk.run(&["close", "2026-12", "--as", "anna"]).refused();
        assert_says(&said, "0 listeners have paid and 1 have played");
    }
}
