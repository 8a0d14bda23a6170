//! Rules side by side: what a negotiator reads, and the numbers under it.

use crate::bad_input::assert_says;
use crate::support::{Said, json, program};

/// Three listeners, three recordings, one published example.
const THREE: &str =
    "listener,recording,plays\nA,x::X,100\nB,x::Z,50\nC,x::X,50\nC,x::Y,50\nC,x::Z,50\n";

/// Runs `compare` over 30.00 EUR in a folder with these files; also gives what stands in a file
/// that it has written there.
fn compare_in(files: &[(&str, &str)], models: &str, more: &[&str], read: &str) -> (Said, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let words = ["compare", "--usage", files[0].0, "--amount", "30", "--currency", "EUR"];
    let mut command = program();
    command.args(words).args(["--models", models]).args(more).current_dir(folder.path());
    let said = command.output().unwrap().into();
    (said, std::fs::read_to_string(folder.path().join(read)).unwrap_or_default())
}

fn compare(models: &str, more: &[&str]) -> Said {
    compare_in(&[("usage.csv", THREE)], models, more, "").0
}

fn models_of(said: Said) -> Vec<serde_json::Value> {
    json(&said.ok())["models"].as_array().unwrap().clone()
}

#[test]
fn two_rules_can_have_the_same_gini_and_pay_others() {
    // By plays 15, 5 and 10; by listeners 13 1/3, 3 1/3 and 13 1/3. Sorted, both have a Gini of
    // 2/9: (2 (5 + 20 + 45) − 120) / 90, and (2 (10/3 + 80/3 + 120/3) − 120) / 90.
    let models = models_of(compare("pro_rata,user_centric", &["--format", "json"]));
    for model in &models {
        let gini = model["measures"]["gini"].as_f64().unwrap();
        assert_eq!(format!("{gini:.6}"), "0.222222", "{model}");
        assert_eq!(model["total"], "30.000000");
    }
    let pro_rata = &models[0]["measures"];
    assert_eq!(pro_rata["hhi"], 0.388_888_889);
    assert_eq!(format!("{:.6}", pro_rata["theil"].as_f64().unwrap()), "0.087208");
    assert_eq!(format!("{:.6}", pro_rata["atkinson_one"].as_f64().unwrap()), "0.091440");
    assert_eq!(models[0]["against_baseline"], serde_json::Value::Null);
    let expected = serde_json::json!({
        "better": {
            "artists": 1, "total": "3.333333", "median": "3.333333",
            "largest": { "artist": "x::Z", "amount": "3.333333" },
        },
        "worse": {
            "artists": 2, "total": "3.333333", "median": "1.666666",
            "largest": { "artist": "x::Y", "amount": "1.666667" },
        },
        "unchanged": 0,
    });
    assert_eq!(models[1]["against_baseline"], expected);
}

#[test]
fn bought_accounts_double_their_money_by_plays_and_get_it_back_by_listeners() {
    // One account plays 300 times, as the three listeners do together. It brings in 30/3 = 10. By
    // plays it takes half of 40; by listeners a quarter. Clamped at 100 plays there are 100, 50
    // and 100 real ones and 100 bought ones: 40 × 100 / 350. Nothing with one listener counts
    // where two are needed.
    let cap = "model = \"pro_rata\"\ncap = { plays = 100, mode = \"clamp\" }\n";
    let two = "model = \"pro_rata\"\n[[eligible]]\nof = \"recording\"\nlisteners_at_least = 2\n";
    let files = [("usage.csv", THREE), ("cap.toml", cap), ("two.toml", two)];
    let words = ["--accounts", "1", "--plays-each", "300", "--format", "json"];
    let (said, _) = compare_in(&files, "pro_rata,user_centric,cap.toml,two.toml", &words, "");
    let models = models_of(said);
    for (model, (name, extracted, from_others, returned)) in models.iter().zip([
        ("pro_rata", "20.000000", "10.000000", 2.0),
        ("user_centric", "10.000000", "0.000000", 1.0),
        ("cap", "11.428571", "1.428571", 1.142_857_1),
        ("two", "0.000000", "-10.000000", 0.0),
    ]) {
        let expected = serde_json::json!({
            "brought_in": "10.000000", "extracted": extracted, "from_others": from_others,
            "return": returned, "break_even_price": extracted,
        });
        assert_eq!(model["model"], name);
        assert_eq!(model["fraud"], expected, "{name}");
    }
}

#[test]
fn a_thousand_accounts_get_back_what_they_paid_where_each_listener_has_a_part() {
    let fees = "listener,fee\nA,9.99\nB,9.99\nC,14.99\n";
    let by_fees = "model = \"user_centric\"\nbudgets = \"fees\"\n";
    let files = [("usage.csv", THREE), ("fees.csv", fees), ("by_fees.toml", by_fees)];
    let words = ["--fees", "fees.csv", "--format", "json"];
    let models = "user_centric,by_fees.toml,equal_per_artist,scaled_user";
    for model in models_of(compare_in(&files, models, &words, "").0) {
        let returned = model["fraud"]["return"].as_f64().unwrap();
        if model["model"] == "scaled_user" {
            // A listener's plays never take more than the fee, whatever the pool has of it.
            let price = model["fraud"]["break_even_price"].as_str().unwrap();
            assert!(price <= "11.656667" && returned > 1.0, "{model}");
        } else {
            assert_eq!(format!("{returned:.6}"), "1.000000", "{model}");
        }
        assert_eq!(model["fraud"]["brought_in"], "10000.000000");
    }
}

#[test]
fn every_artists_amount_by_model_is_a_row() {
    let recordings = "recording,artist\nx::Y,mei\nx::X,mei|ben\n";
    let files = [("usage.csv", THREE), ("recordings.csv", recordings)];
    let words = ["--recordings", "recordings.csv", "--format", "csv", "--out", "artists.csv"];
    let (said, rows) = compare_in(&files, "pro_rata,user_centric", &words, "artists.csv");
    assert_says(&said.stderr, "1 recording has no known artist");
    assert_eq!(said.ok(), "");
    let expected = "artist,recordings,plays,pro_rata,user_centric\n\
        mei,2,200,20.000000,16.666667\nx::Z,1,100,10.000000,13.333333\n";
    assert_eq!(rows, expected);
}

#[test]
fn the_curves_are_drawn_in_a_file_of_their_own() {
    let rule = "model = \"user_centric\"\n";
    let files = [("usage.csv", THREE), ("R&D.toml", rule)];
    let words = ["--plot", "lorenz.svg", "--accounts", "0"];
    let (said, svg) = compare_in(&files, "pro_rata,R&D.toml", &words, "lorenz.svg");
    let table = said.ok();
    assert!(!table.contains("bought"), "{table}");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(svg.contains(">R&amp;D</text>") && svg.contains("Gini 0.222"), "{svg}");
    assert_eq!(svg.matches("<polyline").count(), 4, "a curve and its sample for each model");
}

#[test]
fn the_table_is_held_against_the_baseline_that_is_asked_for() {
    let words = ["--baseline", "user_centric", "--living", "10"];
    let table = compare("pro_rata,user_centric", &words).ok();
    assert_says(&table, "Who moves, against user_centric");
    assert_says(&table, "artists with 10.00 or more");
    assert_says(&table, "Without --recordings, every recording counts as an artist of its own.");
}

#[test]
fn models_that_cannot_be_compared_are_refused() {
    let usage = |models: &str, more: &[&str]| {
        let said = compare(models, more);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        said.stderr
    };
    assert_says(&usage("magic", &[]), "--models magic: neither one of pro_rata, user_centric,");
    assert_says(&usage("pro_rata,pro_rata", &[]), "--models: two are called pro_rata");
    let other = ["--baseline", "user_centric"];
    assert_says(&usage("pro_rata", &other), "--baseline user_centric: it is not one of --models");
    let said = compare("pro_rata,scaled_user", &[]).refused();
    assert_says(&said, "usage.csv: scaled_user: the rule shares by what each listener paid");
    assert_says(&compare("there-is-none.toml", &[]).refused(), "there-is-none.toml");
}

#[test]
fn where_nothing_is_paid_nothing_is_measured_or_drawn() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usage.csv"), THREE).unwrap();
    let words = "compare --usage usage.csv --amount 0 --currency JPY --models pro_rata";
    let run = |more: &[&str]| -> Said {
        let mut command = program();
        command.args(words.split(' ')).args(more).current_dir(folder.path());
        command.output().unwrap().into()
    };
    let model = models_of(run(&["--format", "json"])).remove(0);
    assert_eq!(model["measures"], serde_json::Value::Null);
    assert_eq!(model["fraud"]["return"], serde_json::Value::Null);
    run(&[]).ok();
    assert_says(&run(&["--plot", "a.svg"]).refused(), "nothing is paid");
}
