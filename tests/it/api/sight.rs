//! Who sees what: every route, every scope, one's own and others' statements.

use super::client::{Answer, Client};
use super::{demo, key, month};
use crate::support::Desk;

const MONTH: &str = "/v1/periods/2026-10";

/// Rows of an export that a test picks, with the header.
fn picked(export: &str, pick: impl Fn(&[&str]) -> bool) -> String {
    let mut lines = export.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    for line in lines.filter(|line| pick(&line.split(',').collect::<Vec<_>>())) {
        text += line;
        text.push('\n');
    }
    text
}

/// What a route gives about a payee: rows, or nothing.
fn rows(answer: &Answer) -> Option<usize> {
    match answer.status {
        200 if answer.header("content-type").unwrap().starts_with("text/csv") => {
            Some(answer.text().lines().count() - 1)
        }
        200 => Some(answer.json()["data"].as_array().map_or(1, Vec::len)),
        _ => {
            assert_eq!(answer.problem(), (404, "not-found".to_owned()));
            None
        }
    }
}

on_both! {
    fn every_route_shows_each_scope_what_it_may_see(desk) {
        let api = demo(desk);
        let export = desk.run(&["statements", "2026-10"]).ok();
        // Of a statement, or of all of a payee's, as far as they are picked.
        let lines = |statements: &str, pick: &dyn Fn(&[&str]) -> bool| {
            let rows = picked(&export, |row| row[0].starts_with(statements) && pick(row));
            Some(rows.lines().count() - 1).filter(|count| *count > 0)
        };
        // Orrery pays brask, and neither pays kestrel nor is paid by kestrel.
        let paid_by_orrery = |row: &[&str]| row[4] == "royalty" && [row[2], row[3]].contains(&"orrery");
        assert_eq!(lines("2026-10/kestrel/", &paid_by_orrery), None);
        let routes = [
            "/statements?currency=CNY&payee=PAYEE",
            "/statements/PAYEE/CNY",
            "/statements/PAYEE/CNY/lines",
            "/statements/PAYEE/CNY/lines.csv",
            "/lines.csv?payee=PAYEE",
        ];
        for (scope, words) in [
            ("payee", ["--payee", "orrery"].as_slice()),
            ("label", &["--label", "orrery"]),
            ("all", &["--all"]),
        ] {
            let key = key(desk, words);
            for payee in ["orrery", "brask", "kestrel", "nobody"] {
                let nothing = |_: &[&str]| false;
                let pick: &dyn Fn(&[&str]) -> bool = match (scope, payee) {
                    ("all", _) | (_, "orrery") => &|_| true,
                    ("label", "brask") => &paid_by_orrery,
                    _ => &nothing,
                };
                let some = lines(&format!("2026-10/{payee}/CNY"), pick);
                let month = lines(&format!("2026-10/{payee}/"), pick);
                let face = some.filter(|_| scope == "all" || payee == "orrery").map(|_| 1);
                // A listing that shows nothing is empty, as it is for a payee who is not there.
                let expected = [Some(face.unwrap_or_default()), face, some, some, month];
                for (route, expected) in routes.into_iter().zip(expected) {
                    let ask = |payee: &str| api.get(&key, &format!("{MONTH}{}", route.replace("PAYEE", payee)));
                    let answer = ask(payee);
                    assert_eq!(rows(&answer), expected, "{scope} {route} {payee}");
                    if expected.is_none_or(|rows| rows == 0) {
                        let nobody = ask("nobody").without_request();
                        assert_eq!(answer.without_request(), nobody, "{scope} {route} {payee}");
                    }
                }
            }
        }
    }
}

/// A cursor as somebody would make it up who has read how they are made but has no secret.
fn forged(payee: &str, place: &str) -> String {
    let record = tantieme::digest::Canonical::new("tantieme cursor 1");
    let parts = ["lines", "2026-10", payee, "CNY", "label orrery"];
    let digest = parts.iter().fold(record, |record, part| record.text(part)).digest();
    const_hex::encode([&digest.bytes()[..8], place.as_bytes()].concat())
}

on_both! {
    fn no_cursor_tells_what_its_key_does_not_see(desk) {
        let api = demo(desk);
        let key = key(desk, &["--label", "orrery"]);
        let ask = |payee: &str, cursor: &str| {
            api.get(&key, &format!("{MONTH}/statements/{payee}/CNY/lines?limit=1&cursor={cursor}"))
        };
        let first = api.get(&key, &format!("{MONTH}/statements/orrery/CNY/lines?limit=1")).ok().json();
        let genuine = first["next"].as_str().unwrap();
        let changed = genuine.replacen(|c: char| c != '0', "0", 1);
        let refused = ask("nobody", "00").without_request();
        assert_eq!(refused.0, 400);
        for payee in ["orrery", "brask", "kestrel", "nobody"] {
            let places = (0..200).step_by(9).map(|row| forged(payee, &row.to_string()));
            let others = [genuine.to_owned()].into_iter().filter(|_| payee != "orrery");
            for cursor in places.chain(others).chain([changed.clone()]) {
                let answer = ask(payee, &cursor).without_request();
                assert_eq!(answer, refused, "{payee} {cursor}");
            }
        }
        ask("orrery", genuine).ok();
    }
}

on_both! {
    fn listings_and_streams_of_a_month_stop_where_sight_does(desk) {
        let api = demo(desk);
        let export = desk.run(&["statements", "2026-10"]).ok();
        let payee = |row: &[&str]| row[0].starts_with("2026-10/orrery/");
        let label = |row: &[&str]| payee(row) || (row[4] == "royalty" && [row[2], row[3]].contains(&"orrery"));
        for (words, expected) in [
            (["--payee", "orrery"], picked(&export, payee)),
            (["--label", "orrery"], picked(&export, label)),
        ] {
            let key = key(desk, &words);
            assert_eq!(api.get(&key, &format!("{MONTH}/lines.csv")).ok().text(), expected);
            let listed = api.get(&key, &format!("{MONTH}/statements")).ok().json();
            let mut payees: Vec<_> = listed["data"].as_array().unwrap().iter().map(|s| s["payee"].clone()).collect();
            payees.dedup();
            assert_eq!(payees, ["orrery"], "{words:?}");
        }
        assert!(picked(&export, label).lines().count() > picked(&export, payee).lines().count());
        // A party without a statement sees the header, and nobody else's lines.
        desk.import("parties", "more.csv", "party,name\nnewcomer,A newcomer\n").ok();
        let newcomer = key(desk, &["--payee", "newcomer"]);
        let empty = picked(&export, |_| false);
        assert_eq!(api.get(&newcomer, &format!("{MONTH}/lines.csv")).ok().text(), empty);
    }
}

/// Lines of a label's key on somebody else's statement.
fn seen(desk: &Desk, api: &Client, label: &str, payee: &str) -> u16 {
    let key = key(desk, &["--label", label]);
    let answer = api.get(&key, &format!("{MONTH}/statements/{payee}/CNY/lines"));
    rows(&answer);
    answer.status
}

on_both! {
    fn a_label_is_not_a_service_of_the_same_spelling_nor_everybody_who_names_it(desk) {
        let royalty = "[[royalty]]\npayer = \"north\"\nparticipants = [ { party = \"kay\", rate = \"10\" } ]\n";
        month(desk, &["north", "mei", "kay", "cloud", "suspense:parked"], &[("a::1", "mei"), ("a::2", "north")], royalty);
        desk.import("parties", "labels.csv", "party,name,label\nmei,Mei,north\n").ok();
        desk.publish("2026-10");
        let api = Client::serve(desk);
        // Mei's share is paid by the service `cloud`; a party has the same id.
        assert_eq!(seen(desk, &api, "cloud", "mei"), 404);
        assert_eq!(seen(desk, &api, "suspense:parked", "mei"), 404);
        // Mei names north as her label; north pays her nothing.
        assert_eq!(seen(desk, &api, "north", "mei"), 404);
        assert_eq!(seen(desk, &api, "north", "kay"), 200);
        assert_eq!(seen(desk, &api, "kay", "north"), 200);
    }
}
