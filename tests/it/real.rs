//! Real listening, read where it lies.

use crate::support::{program, real_data};
use std::collections::BTreeMap;
use std::path::Path;

const POOL: &str = "12285.702";

fn allocate(usage: &Path, model: &str) -> BTreeMap<String, (u64, String)> {
    let output = program()
        .args(["allocate", "--amount", POOL, "--currency", "EUR", "--model", model, "--usage"])
        .arg(usage)
        .output()
        .unwrap();
    let said = crate::support::Said::from(output).ok();
    let mut rows = csv::Reader::from_reader(said.as_bytes());
    let rows = rows.records().map(Result::unwrap);
    rows.map(|row| (row[0].to_owned(), (row[1].parse().unwrap(), row[3].to_owned()))).collect()
}

#[test]
fn listening_of_2011_is_shared_to_the_micro() {
    let Some(folder) = real_data() else { return };
    let usage = folder.join("lastfm/usage.csv");
    let by_plays = allocate(&usage, "pro_rata");
    let by_listener = allocate(&usage, "user_centric");
    assert_eq!(by_plays.len(), 17_632);
    assert_eq!(by_plays.values().map(|(plays, _)| plays).sum::<u64>(), 69_183_975);
    assert_eq!(by_plays["lastfm::289"].1, "424.974207");
    assert_eq!(by_listener["lastfm::289"].1, "280.990788");
    let micros = |amount: &str| tantieme::money::Micros::parse(amount).unwrap();
    for amounts in [&by_plays, &by_listener] {
        let total =
            tantieme::money::Micros::sum(amounts.values().map(|(_, amount)| micros(amount)));
        assert_eq!(total, Ok(micros(POOL)));
    }
    let gain =
        by_listener.iter().filter(|(id, (_, a))| micros(a) > micros(&by_plays[*id].1)).count();
    assert_eq!(gain, 13_420);
}

on_both! {
    fn listening_of_2011_comes_out_the_same_through_a_whole_month(desk) {
        let Some(folder) = real_data() else { return };
        let folder = folder.join("lastfm");
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        desk.run(&["import", "parties", &path("parties.csv")]).ok();
        desk.run(&["import", "recordings", &path("recordings.csv")]).ok();
        let mut claims = String::from("recording,right,party,share\n");
        let mut recordings = csv::Reader::from_path(folder.join("recordings.csv")).unwrap();
        for row in recordings.records().map(Result::unwrap) {
            claims += &format!("{},recording,{},100\n", &row[0], &row[2]);
        }
        desk.import("claims", "claims.csv", &claims).ok();
        for (offer, model) in [("standard", "user_centric"), ("ad", "pro_rata")] {
            let agreement = format!(
                "[agreement]\nid = \"{offer}\"\nvalid_from = 2011-01-01\n[[pool]]\nservice = \"radio\"\n\
                 offers = [\"{offer}\"]\nright = \"recording\"\nrate = \"65\"\nmodel = \"{model}\"\n"
            );
            desk.import("agreements", &format!("{offer}.toml"), &agreement).ok();
            let key = ["--period", "2011-05", "--service", "radio", "--offer", offer, "--territory", "GB"];
            let usage = path("usage.csv");
            let words: Vec<&str> =
                ["import", "usage", &usage, "--batch", offer].into_iter().chain(key).collect();
            desk.run(&words).ok();
        }
        // 1,892 listeners × 9.99; 65 % of it is the pool.
        let revenue = "period,service,offer,territory,currency,net_revenue\n\
            2011-05,radio,standard,GB,EUR,18901.08\n2011-05,radio,ad,GB,EUR,18901.08\n";
        desk.import("revenue", "revenue.csv", revenue).ok();
        desk.publish("2011-05");
        let lines = desk.run(&["statements", "2011-05"]).ok();
        let mut lines = csv::Reader::from_reader(lines.as_bytes());
        let mut found = BTreeMap::new();
        for line in lines.records().map(Result::unwrap) {
            found.insert((line[5].to_owned(), line[9].to_owned()), line[15].to_owned());
        }
        assert_eq!(found.len(), 2 * 17_632);
        let of = |offer: &str| found[&("lastfm::289".to_owned(), offer.to_owned())].clone();
        assert_eq!(of("ad"), "424.974207");
        assert_eq!(of("standard"), "280.990788");
        desk.run(&["verify"]).ok();
    }
}

#[test]
fn a_labels_half_year_is_taken_to_its_last_decimal() {
    let Some(folder) = real_data() else { return };
    let desk = crate::support::Desk::new(crate::support::Database::Sqlite).unwrap();
    let mut rows = csv::Reader::from_path(folder.join("label-sales/2020H2.csv")).unwrap();
    let mut out = csv::Writer::from_path(desk.dir().join("sales.csv")).unwrap();
    let columns = "period,source,release,territory,channel,quantity,amount,currency,sale_date";
    out.write_record(columns.split(',')).unwrap();
    let header = rows.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (date, source, release, channel, quantity, net) = (
        column("date"),
        column("distributor"),
        column("Catalog Number"),
        column("Customer"),
        column("Quantity"),
        column("Net"),
    );
    let or = |text: &str, other: &str| {
        if text.trim().is_empty() { other.into() } else { text.trim().to_owned() }
    };
    for row in rows.records().map(Result::unwrap) {
        out.write_record([
            &row[date][..7],
            &row[source],
            &or(&row[release], "unknown"),
            "WW",
            &or(&row[channel], "unknown"),
            &row[quantity],
            &row[net],
            "EUR",
            &row[date][..10],
        ])
        .unwrap();
    }
    out.flush().unwrap();
    let path = desk.dir().join("sales.csv");
    let said = desk.run(&["import", "sales", path.to_str().unwrap()]).ok();
    assert!(said.contains("took 17,490 rows"), "{said}");
    assert!(said.contains("quantity 366784, amount 20105.51993718"), "{said}");
    let mut total = tantieme::money::Micros::ZERO;
    for month in 7..=12 {
        let month = format!("2020-{month:02}");
        let result = desk.run(&["close", &month, "--as", "anna", "--format", "json"]).ok();
        let result = crate::support::json(&result);
        let money_in = result["totals"]["EUR"]["money_in"].as_str().unwrap();
        total = total.plus(tantieme::money::Micros::parse(money_in).unwrap()).unwrap();
    }
    // Each month's source is rounded once: six halves of a micro at most for each.
    let exact = tantieme::money::Micros::parse("20105.519937").unwrap();
    let apart = total.minus(exact).unwrap().micros().abs();
    assert!(apart <= 6, "{total}");
}
