//! The API from outside: a real server, asked over a socket. The files mirror the URL tree.

mod client;
mod downloads;
mod errors;
mod health;
mod keys;
mod openapi;
mod periods;
mod server;
mod sight;
mod statements;

use crate::support::Desk;
use client::Client;

/// A desk with the demo month published, and its server.
fn demo(desk: &Desk) -> Client {
    desk.import_demo();
    desk.publish("2026-10");
    Client::serve(desk)
}

/// A key for that scope, such as `--all` or `--payee`, `mei`.
fn key(desk: &Desk, scope: &[&str]) -> String {
    let words = [&["key", "add", "--name", "a test's"], scope].concat();
    desk.run(&words).ok().trim_end().to_owned()
}

/// A month of one pool: who claims which recording, and who pays on to whom.
///
/// The pool is 1000.00 CNY, shared by plays; every recording has one play.
fn month(desk: &Desk, parties: &[&str], recordings: &[(&str, &str)], royalties: &str) {
    let mut text = "party,name\n".to_owned();
    for party in parties {
        text += &format!("\"{party}\",\"The {party}\"\n");
    }
    desk.import("parties", "parties.csv", &text).ok();
    let (mut catalogue, mut claims, mut usage) = (
        "recording,title,artist\n".to_owned(),
        "recording,right,party,share\n".to_owned(),
        "period,service,offer,territory,listener,recording,plays\n".to_owned(),
    );
    for (recording, holder) in recordings {
        catalogue += &format!("{recording},Song {recording},{holder}\n");
        claims += &format!("{recording},recording,\"{holder}\",100\n");
        usage += &format!("2026-10,cloud,svip,CN,u1,{recording},1\n");
    }
    desk.import("recordings", "recordings.csv", &catalogue).ok();
    desk.import("claims", "claims.csv", &claims).ok();
    desk.import("usage", "usage.csv", &usage).ok();
    let revenue = "period,service,offer,territory,currency,net_revenue\n\
        2026-10,cloud,svip,CN,CNY,1000.00\n";
    desk.import("revenue", "revenue.csv", revenue).ok();
    let agreement = format!(
        "[agreement]\nid = \"small\"\nvalid_from = 2026-01-01\n[[pool]]\nservice = \"cloud\"\n\
         right = \"recording\"\nrate = \"100\"\nmodel = \"pro_rata\"\n{royalties}"
    );
    desk.import("agreements", "agreement.toml", &agreement).ok();
}
