//! Suspicious listening, as the command reports it.

use crate::bad_input::assert_says;
use crate::support::{Said, json, program};

/// 60 ordinary listeners, of whom each plays the hit 10 times and one of six songs 10 times: 1,200
/// plays. 30 accounts of a farm, of which each plays the same ten recordings 4 times: 1,200 plays.
/// One listener who plays one recording 2,400 times. 4,800 plays of 91 listeners.
fn usage() -> String {
    let mut text = "listener,recording,plays\n".to_owned();
    for listener in 0..60 {
        let song = listener % 6;
        text += &format!("u{listener},demo::hit,10\nu{listener},demo::song-{song},10\n");
    }
    for account in 0..30 {
        for recording in 0..10 {
            text += &format!("bot{account},demo::farm-{recording},4\n");
        }
    }
    text + "loop,demo::loop,2400\n"
}

/// Runs the command on that usage and these files.
fn suspicious(files: &[(&str, &str)], words: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usage.csv"), usage()).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = program();
    command.args(["suspicious", "--usage", "usage.csv"]).args(words);
    command.current_dir(folder.path()).output().unwrap().into()
}

const POOL: [&str; 6] = ["--amount", "48.00", "--currency", "EUR", "--model", "pro_rata"];

#[test]
fn a_farm_and_a_loop_are_found_among_ordinary_listeners() {
    let found = json(&suspicious(&[], &["--format", "json"]).ok());
    assert_eq!((&found["plays"], &found["listeners"]), (&4800.into(), &91.into()));
    let case = |at: usize| {
        let case = &found["cases"][at];
        let text = |name: &str| case[name].as_str().unwrap().to_owned();
        (text("signal"), text("state"), text("sentence"))
    };
    let said = |signal: &str, sentence: &str| {
        (signal.to_owned(), "reported".to_owned(), sentence.to_owned())
    };
    // 2,400 plays are at least 2,000 and all of the listener's; and all of the recording's.
    let of_listener = "one listener: 2,400 of 2,400 plays (100.0 %) are of demo::loop";
    assert_eq!(case(0), said("recording_of_listener", of_listener));
    let of_recording = "demo::loop: 2,400 of 2,400 plays (100.0 %) are one listener's";
    assert_eq!(case(1), said("listener_of_recording", of_recording));
    // 30 × 10 × 4 of 4,800.
    let farm = "30 listeners play nearly the same 10 recordings: 1,200 plays, 25.0 % of all \
        plays, most of demo::farm-0";
    assert_eq!(case(2), said("alike", farm));
    assert_eq!(found["cases"].as_array().unwrap().len(), 3);
    assert_eq!(found["cases"][2]["listeners_of_group"].as_array().unwrap().len(), 30);
    // The loop's plays are in two cases and count once.
    assert_eq!(found["suspicious"], serde_json::json!({ "listeners": 31, "plays": 3600 }));
    assert_eq!(found["held"], serde_json::json!({ "listeners": 0, "plays": 0 }));
}

#[test]
fn its_effect_on_everyone_is_shown() {
    // 48.00 over 4,800 plays is 0.01 a play; without the 3,600 it is 0.04. The hit has 600 plays,
    // a song 100, a recording of the farm 120.
    let said = suspicious(&[], &[&POOL[..], &["--format", "csv"]].concat()).ok();
    let mut expected =
        "recording,plays,held_plays,held_listeners,amount_before,amount_after,difference\n"
            .to_owned();
    for farm in 0..10 {
        expected += &format!("demo::farm-{farm},120,120,30,1.200000,0.000000,-1.200000\n");
    }
    expected += "demo::hit,600,0,0,6.000000,24.000000,18.000000\n\
        demo::loop,2400,2400,1,24.000000,0.000000,-24.000000\n";
    for song in 0..6 {
        expected += &format!("demo::song-{song},100,0,0,1.000000,4.000000,3.000000\n");
    }
    assert_eq!(said, expected);
    let effect = json(&suspicious(&[], &[&POOL[..], &["--format", "json"]].concat()).ok());
    let effect = &effect["effect"];
    assert_eq!((&effect["lost"], &effect["gained"]), (&"36.000000".into(), &"36.000000".into()));
    assert_eq!(effect["recordings_with_less"], 11);
    assert_eq!(effect["recordings_with_more"], 7);
    assert_eq!(effect["all_held_to_see_what_it_does"], true);
}

#[test]
fn only_what_the_thresholds_hold_is_held() {
    // The loop is held and the farm is not looked at: 2,400 plays remain, 0.02 each.
    let hold = "[listener_plays]\nplays_at_least = 2400\nhold = true\n";
    let words = [&POOL[..], &["--thresholds", "ours.toml", "--format", "csv"]].concat();
    let said = suspicious(&[("ours.toml", hold)], &words).ok();
    assert_says(&said, "demo::farm-0,120,0,0,1.200000,2.400000,1.200000");
    assert_says(&said, "demo::loop,2400,2400,1,24.000000,0.000000,-24.000000");
    let table = suspicious(&[("ours.toml", hold)], &words[..words.len() - 2]).ok();
    assert_says(&table, "What the hold moves of 48.000000 EUR by pro_rata");
    assert_says(&table, "one listener: 2,400 plays, 100.0 % of them of demo::loop");
}

#[test]
fn where_all_plays_are_held_nobody_gets_anything() {
    let all = "[listener_plays]\nplays_at_least = 1\nhold = true\n";
    let words = [&POOL[..], &["--thresholds", "ours.toml", "--format", "json"]].concat();
    let said = json(&suspicious(&[("ours.toml", all)], &words).ok());
    assert_eq!(said["effect"]["lost"], "48.000000");
    assert_eq!(said["effect"]["gained"], "0.000000");
}

#[test]
fn an_artists_share_needs_to_know_the_artists() {
    let thresholds = "[artist_of_listener]\nshare_at_least = \"100\"\nplays_at_least = 40\n";
    let mut recordings = "recording,artist\n".to_owned();
    (0..10).for_each(|farm| recordings += &format!("demo::farm-{farm},fay\n"));
    let files = [("ours.toml", thresholds), ("recordings.csv", recordings.as_str())];
    let words = ["--thresholds", "ours.toml", "--format", "json"];
    assert_eq!(json(&suspicious(&files, &words).ok())["signals"], serde_json::json!([]));
    let said = suspicious(&files, &[&words[..], &["--recordings", "recordings.csv"]].concat());
    let said = json(&said.ok());
    // The loop's only artist is its own; then 30 accounts of the farm, 40 plays each.
    assert_eq!(said["cases"].as_array().unwrap().len(), 31);
    assert_eq!(said["cases"][0]["plays"], 2400);
    assert_eq!(said["cases"][1]["artist"], "fay");
}

#[test]
fn no_listener_is_named() {
    for words in [&[][..], &["--format", "json"], &["--format", "csv"]] {
        let said = suspicious(&[], words).ok();
        assert!(!said.contains("bot1") && !said.contains("u59"), "{said}");
    }
    let cases = suspicious(&[], &["--format", "csv"]).ok();
    assert_eq!(cases.lines().count(), 1 + 1 + 1 + 30, "{cases}");
}

#[test]
fn thresholds_that_make_no_sense_are_refused_with_their_place() {
    for (text, place, reason) in [
        ("[listener_plays]\nplays_at_least = 0\n", "ours.toml:2:18:", "nonzero"),
        (
            "[alike]\nlikeness_at_least = \"50\"\nlisteners_at_least = 20\nrecordings_at_least = 8\n",
            "ours.toml:2:21:",
            "a likeness is 70 to 100 percent",
        ),
        ("[listener_plays]\nplays_above = 9\n", "ours.toml:2:1:", "unknown field `plays_above`"),
        ("", "ours.toml:", "no signal: name at least one"),
    ] {
        let refused = suspicious(&[("ours.toml", text)], &["--thresholds", "ours.toml"]).refused();
        assert_says(&refused, place);
        assert_says(&refused, reason);
    }
    let said = suspicious(&[], &POOL[..4]);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert_says(&said.stderr, "--model or --rule");
}
