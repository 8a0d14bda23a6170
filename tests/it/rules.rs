//! Rules: worked cases to the micro, and what is refused.

mod axioms;
mod plainly;

use crate::bad_input::assert_says;
use crate::support::{Said, program};

/// Runs `allocate` in a folder with these files, the first of which is the usage.
fn allocate_files(amount: &str, files: &[(&str, &str)], more: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let words = ["allocate", "--usage", files[0].0, "--amount", amount, "--currency", "EUR"];
    let said = program().args(words).args(more).current_dir(folder.path()).output().unwrap();
    said.into()
}

/// The last column: what each recording gets, by the order of ids.
fn amounts(said: Said) -> Vec<String> {
    let amount = |line: &str| line.rsplit(',').next().unwrap().to_owned();
    said.ok().lines().skip(1).map(amount).collect()
}

/// Three listeners, three artists, one published example.
const THREE: &str =
    "listener,recording,plays\nA,x::X,100\nB,x::Z,50\nC,x::X,50\nC,x::Y,50\nC,x::Z,50\n";
const FEES: &str = "listener,fee\nA,10.00\nB,10\nC,10.000000\n";

#[test]
fn every_model_pays_three_artists_as_published() {
    for (words, amount, expected) in [
        (&["--model", "pro_rata"][..], "30", ["15.000000", "5.000000", "10.000000"]),
        (&["--model", "user_centric"], "30", ["13.333334", "3.333333", "13.333333"]),
        (&["--model", "equal_per_artist"], "30", ["13.333334", "3.333333", "13.333333"]),
        // (40/3 + 15) / 2, (10/3 + 5) / 2, (40/3 + 10) / 2: the halves are divided by themselves.
        (&["--rule", "blend.toml"], "30", ["14.166667", "4.166667", "11.666666"]),
        // 21 over 300 plays would take 10.50 of C, who paid 10; 11 over the other 150 plays takes
        // 7 1/3 of A and 3 2/3 of B: 32/3, 10/3 and 7.
        (
            &["--model", "scaled_user", "--fees", "fees.csv"],
            "21.00",
            ["10.666667", "3.333333", "7.000000"],
        ),
        (
            &["--rule", "fees.toml", "--fees", "fees.csv"],
            "30",
            ["13.333334", "3.333333", "13.333333"],
        ),
    ] {
        let blend = "model = \"blend\"\n\
            [[parts]]\nweight = \"0.5\"\nrule = { model = \"pro_rata\" }\n\
            [[parts]]\nweight = \"0.5\"\nrule = { model = \"user_centric\" }\n";
        let by_fees = "model = \"user_centric\"\nbudgets = \"fees\"\n";
        let files = [
            ("usage.csv", THREE),
            ("fees.csv", FEES),
            ("blend.toml", blend),
            ("fees.toml", by_fees),
        ];
        assert_eq!(amounts(allocate_files(amount, &files, words)), expected, "{words:?}");
    }
}

/// So many listeners, each with as many plays of a recording as `plays` says, all or none active.
fn rows(
    text: &mut String,
    listeners: std::ops::Range<u32>,
    recording: &str,
    plays: u32,
    active: bool,
) {
    for listener in listeners {
        let active = if active { plays } else { 0 };
        text.push_str(&format!("u{listener},x::{recording},{plays},{active}\n"));
    }
}

#[test]
fn artist_centric_counts_as_the_service_has_published() {
    let mut usage = "listener,recording,plays,active_plays\n".to_owned();
    // A: 1,000 plays by 500 listeners, 400 of them active. B: 999 by 999, all active. C: 2,000 by
    // 600, none active. N: 1,000 plays of noise.
    rows(&mut usage, 0..200, "A", 2, true);
    rows(&mut usage, 200..500, "A", 2, false);
    rows(&mut usage, 0..999, "B", 1, true);
    rows(&mut usage, 0..200, "C", 4, false);
    rows(&mut usage, 200..600, "C", 3, false);
    rows(&mut usage, 0..1000, "N", 1, false);
    let recordings = "recording,artist,content\nx::A,a,\nx::B,b,music\nx::C,c,\nx::N,n,noise\n";
    let above = "model = \"pro_rata\"\n[factors]\ncontent = { noise = \"0\" }\nactive = \"2\"\n\
        [professional]\nfactor = \"2\"\n\
        threshold = { of = \"artist\", plays_above = 1000, listeners_above = 500 }\n";
    let files =
        [("usage.csv", usage.as_str()), ("recordings.csv", recordings), ("above.toml", above)];
    let by = |words: &[&str]| {
        amounts(allocate_files(
            "1000.00",
            &files,
            &[words, &["--recordings", "recordings.csv"]].concat(),
        ))
    };
    // Weights 1400 × 2, 1998 and 2000 × 2 of 8798.
    let at_least = ["318.254149", "227.097067", "454.648784", "0.000000"];
    assert_eq!(by(&["--model", "artist_centric"]), at_least);
    // A has 1,000 plays and not more: 1400, 1998 and 4000 of 7398.
    let above = ["189.240335", "270.072993", "540.686672", "0.000000"];
    assert_eq!(by(&["--rule", "above.toml"]), above);
}

#[test]
fn a_recording_under_the_threshold_gets_nothing_and_the_others_its_part() {
    let usage = "listener,recording,plays\nu,x::A,999\nu,x::B,1000\nu,x::C,5000\n";
    let by =
        |model| amounts(allocate_files("600.00", &[("usage.csv", usage)], &["--model", model]));
    assert_eq!(by("pro_rata"), ["85.640806", "85.726532", "428.632662"]);
    assert_eq!(by("threshold"), ["0.000000", "100.000000", "500.000000"]);
}

#[test]
fn a_listener_cap_has_three_readings() {
    // A plays X 100 times; B plays Y 10 times. k = 20.
    let usage = "listener,recording,plays\nA,x::X,100\nB,x::Y,10\n";
    let by = |mode| {
        let words = ["--model", "pro_rata", "--listener-cap", "20", "--cap-mode", mode];
        amounts(allocate_files("120.00", &[("usage.csv", usage)], &words))
    };
    assert_eq!(by("clamp"), ["80.000000", "40.000000"]); // 20 and 10 of 30
    assert_eq!(by("normalise"), ["60.000000", "60.000000"]); // 20 and 20 of 40
    assert_eq!(by("half"), ["102.857143", "17.142857"]); // 20 + 40 and 10 of 70
    let words = ["--model", "user_centric", "--listener-cap", "20", "--cap-mode", "clamp"];
    assert_says(
        &allocate_files("1", &[("usage.csv", usage)], &words).stderr,
        "a cap changes nothing",
    );
}

#[test]
fn an_equal_part_for_each_artist_is_not_one_for_each_play() {
    // One listener, budget 12: 6 for P, of whom two recordings have 1 and 2 plays; 6 for Q.
    let usage = "listener,recording,plays\nA,x::1,1\nA,x::2,2\nA,x::3,90\n";
    let recordings = "recording,artist\nx::1,p\nx::2,p\nx::3,q\n";
    let files = [("usage.csv", usage), ("recordings.csv", recordings)];
    let words = ["--model", "equal_per_artist", "--recordings", "recordings.csv"];
    assert_eq!(amounts(allocate_files("12", &files, &words)), ["2.000000", "4.000000", "6.000000"]);
}

#[test]
fn bands_make_the_next_play_of_an_artist_count_less() {
    // P has 30 plays: 10 count once, 20 half: 20. Q has 10, which count 10.
    let usage = "listener,recording,plays\nA,x::1,10\nA,x::2,20\nB,x::3,10\n";
    let recordings = "recording,artist\nx::1,p\nx::2,p\nx::3,q\n";
    let rule =
        "model = \"pro_rata\"\nbands = [ { up_to = 10, factor = \"1\" }, { factor = \"0.5\" } ]\n";
    let files = [("usage.csv", usage), ("recordings.csv", recordings), ("rule.toml", rule)];
    let words = ["--rule", "rule.toml", "--recordings", "recordings.csv"];
    // 20 of 30 for P, by 10 and 20 plays.
    assert_eq!(
        amounts(allocate_files("90", &files, &words)),
        ["20.000000", "40.000000", "30.000000"]
    );
}

#[test]
fn the_part_of_those_who_play_nothing_can_be_set_aside() {
    let usage = "listener,recording,plays\nA,x::1,1\nB,x::2,1\n";
    let fees = "listener,fee\nA,10\nB,10\nC,10\n";
    let rule = "model = \"user_centric\"\non_no_plays = \"carry\"\n";
    let files = [("usage.csv", usage), ("fees.csv", fees), ("rule.toml", rule)];
    let said = allocate_files("30", &files, &["--rule", "rule.toml", "--fees", "fees.csv"]);
    assert!(said.stderr.contains("10.000000 EUR is the part of those who paid and played nothing"));
    assert_eq!(amounts(said), ["10.000000", "10.000000"]);
}

#[test]
fn a_rule_that_makes_no_sense_is_refused_with_its_place() {
    for (rule, expected) in [
        ("model = \"magic\"\n", "rule.toml:1:9: unknown variant `magic`"),
        ("model = \"pro_rata\"\ncap = { plays = 3 }\n", "rule.toml:2:7: missing field `mode`"),
        ("model = \"pro_rata\"\nfactor = 2\n", "rule.toml:2:1: unknown field `factor`"),
        ("model = \"blend\"\n", "rule.toml: a blend needs parts"),
        ("model = \"pro_rata\"\n[[eligible]]\nof = \"artist\"\n", "rule.toml: a threshold needs"),
        ("model = \"pro_rata\"\n[factors]\nactive = \"1.0000001\"\n", "more than 6 decimals"),
        ("model = \"pro_rata\"\nbudgets = \"fees\"\n", "budgets = \"fees\" is for user_centric"),
        (
            "model = \"pro_rata\"\n[factors]\nactive = \"1.0001\"\nai = { generated = \"0.001\" }\n",
            "need over six decimals together",
        ),
    ] {
        let files = [("usage.csv", THREE), ("rule.toml", rule)];
        assert_says(&allocate_files("1", &files, &["--rule", "rule.toml"]).refused(), expected);
    }
    let said = allocate_files("1", &[("usage.csv", THREE)], &["--model", "scaled_user"]);
    assert_says(
        &said.refused(),
        "the rule shares by what each listener paid, and that is not known",
    );
    let fees = "listener,fee\nA,10\nB,10\n";
    let files = [("usage.csv", THREE), ("fees.csv", fees)];
    let by =
        |amount| allocate_files(amount, &files, &["--model", "scaled_user", "--fees", "fees.csv"]);
    assert_says(&by("1").refused(), "1 listeners have plays and no fee");
    let files = [("usage.csv", THREE), ("fees.csv", FEES)];
    let said =
        allocate_files("30.000001", &files, &["--model", "scaled_user", "--fees", "fees.csv"]);
    assert_says(
        &said.refused(),
        "the amount is over 30.000000, which is what those who played have paid",
    );
}
