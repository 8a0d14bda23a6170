//! What is wrong is refused, quarantined or held, with its place and its reason.

mod approval;
mod files;
mod freeze;
mod ledger;
mod month;
mod privacy;
mod rows;
mod stray;
mod workspace;

use std::path::{Path, PathBuf};

use crate::support::{Desk, json};

pub const PARTIES: &str = "party,name\nlabel,Label North\nmei,Mei\n";
pub const RECORDINGS: &str = "recording,title,artist\nx::A,Anchor,mei\nx::B,Beacon,mei\n";
pub const CLAIMS: &str =
    "recording,right,party,share\nx::A,recording,label,100\nx::B,recording,mei,100\n";
pub const AGREEMENT: &str = r#"[agreement]
id = "cloud"
valid_from = 2026-01-01

[[pool]]
service = "cloud"
right = "recording"
rate = "50"
model = "pro_rata"
"#;
pub const REVENUE: &str = "period,service,offer,territory,currency,net_revenue\n\
    2026-10,cloud,svip,CN,CNY,100.00\n";
pub const SALES_HEADER: &str = "period,source,recording,territory,channel,quantity,amount,currency";

/// Usage of `cloud/svip/CN` in October 2026: each row is `listener,recording,plays,active_plays`.
pub fn usage(rows: &[&str]) -> String {
    let mut text =
        "period,service,offer,territory,listener,recording,plays,active_plays\n".to_owned();
    for row in rows {
        text += &format!("2026-10,cloud,svip,CN,{row}\n");
    }
    text
}

/// Parties, recordings, claims and the agreement of a month that is small enough for the head.
pub fn import_catalogue(desk: &Desk) {
    desk.import("parties", "parties.csv", PARTIES).ok();
    desk.import("recordings", "recordings.csv", RECORDINGS).ok();
    desk.import("claims", "claims.csv", CLAIMS).ok();
    desk.import("agreements", "cloud.toml", AGREEMENT).ok();
}

/// The whole small month: 50 % of 100.00 is 50.00; A has 3 of 4 plays, so `label` gets 37.50, and
/// `mei` gets 12.50 for B.
pub fn import_month(desk: &Desk) {
    import_catalogue(desk);
    desk.import("revenue", "revenue.csv", REVENUE).ok();
    desk.import("usage", "usage.csv", &usage(&["u1,x::A,3,", "u2,x::B,1,"])).ok();
}

/// Closes a month and returns all that `close` says of it, as JSON.
#[track_caller]
pub fn draft(desk: &Desk, period: &str) -> serde_json::Value {
    json(&desk.run(&["close", period, "--as", "anna", "--format", "json"]).ok())
}

/// What a month's totals say in CNY, at a path such as `/held/parked`.
#[track_caller]
pub fn total(desk: &Desk, period: &str, path: &str) -> String {
    let totals = &draft(desk, period)["totals"]["CNY"];
    totals.pointer(path).unwrap_or_else(|| panic!("no {path} in {totals}")).as_str().unwrap().into()
}

/// The rows in quarantine.
#[track_caller]
pub fn quarantined(desk: &Desk) -> Vec<serde_json::Value> {
    let list = json(&desk.run(&["quarantine", "list", "--format", "json"]).ok());
    list.as_array().unwrap().clone()
}

/// All that has been imported, and how far each month has come.
#[track_caller]
pub fn status(desk: &Desk) -> serde_json::Value {
    json(&desk.run(&["status", "--format", "json"]).ok())
}

#[track_caller]
pub fn assert_says(text: &str, words: &str) {
    assert!(text.contains(words), "expected: {words}\nfound: {text}");
}

/// All files under a folder, in the order of their paths.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
