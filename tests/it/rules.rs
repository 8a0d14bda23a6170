//! Rules: worked cases to the micro, what each model is known for, and a plain calculation beside
//! the engine's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use tantieme::allocate::{About, Allocation, Attributes, Fees, Inputs, Reach, Rule, allocate};
use tantieme::catalog::{Ai, Content};
use tantieme::ident::{Name, RecordingId};
use tantieme::money::Micros;
use tantieme::usage::{Listening as _, Play, PlaysInMemory};

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

/// Who listened to what: listener, recording, plays, active plays.
type Rows = Vec<(u8, u8, u32, u32)>;

const RECORDINGS: u8 = 10;

fn listening() -> impl Strategy<Value = Rows> {
    let row = (0_u8..8, 0_u8..RECORDINGS, 0_u32..60, 0_u32..60);
    let row = row.prop_map(|(u, r, n, a)| (u, r, n, a.min(n)));
    prop::collection::vec(row, 1..60)
        .prop_filter("something is played", |rows| rows.iter().any(|(.., plays, _)| *plays > 0))
}

fn usage(rows: &Rows, threads: usize) -> PlaysInMemory {
    let ids = (0..RECORDINGS).map(id).collect();
    let play = |(listener, recording, plays, active): &(u8, u8, u32, u32)| {
        let play = Play { recording: u32::from(*recording), plays: *plays, active: *active };
        (u128::from(*listener), play)
    };
    PlaysInMemory::new(ids, rows.iter().map(play).collect(), threads).unwrap()
}

fn id(recording: u8) -> RecordingId {
    RecordingId::parse(&format!("x::{recording}")).unwrap()
}

/// Recordings 0 to 5 are of artists 0 to 2; the others are their own artists. 1 is noise, 2 and 7
/// are made by a machine.
fn about(recording: u8, artists: &[Name]) -> About<'_> {
    let artist = (recording < 6).then(|| &artists[usize::from(recording / 2)]);
    let content = if recording == 1 { Content::Noise } else { Content::Music };
    let ai = if matches!(recording, 2 | 7) { Ai::Generated } else { Ai::None };
    About { artist, content, ai }
}

fn micros(value: i64) -> Micros {
    Micros::from_micros(i128::from(value)).unwrap()
}

fn share(rule: &Rule, pool: i64, rows: &Rows, threads: usize, fee: u64) -> Option<Allocation> {
    let usage = usage(rows, threads);
    let artists: Vec<Name> = ["p", "q", "r"].map(|name| Name::parse(name).unwrap()).into();
    let number = |id: &RecordingId| id.as_str()[3..].parse::<u8>().unwrap();
    let attributes = Attributes::of(usage.recordings(), |id| Some(about(number(id), &artists)));
    let fees = Fees::new((0..8).map(|listener| (listener, fee)).collect()).unwrap();
    let reach = |_| Reach::of(&usage, &attributes);
    let inputs = Inputs {
        listening: &usage,
        attributes: &attributes,
        reach: &reach,
        fees: Some(&fees),
        payers: Some(8),
    };
    allocate(rule, micros(pool), &inputs).ok()
}

const FACTORS: &str =
    "[factors]\ncontent = { noise = \"0.2\" }\nai = { generated = \"0\" }\nactive = \"2\"\n";
const PROFESSIONAL: &str =
    "[professional]\nfactor = \"1.5\"\nthreshold = { of = \"artist\", plays_at_least = 40 }\n";
const ELIGIBLE: &str = "[[eligible]]\nof = \"recording\"\nplays_above = 3\n";

/// A rule of every model, with any of the modifiers that go with it.
fn rule() -> impl Strategy<Value = Rule> {
    let model =
        prop::sample::select(vec!["pro_rata", "user_centric", "equal_per_artist", "scaled_user"]);
    let cap =
        prop::option::of((1_u32..80, prop::sample::select(vec!["clamp", "normalise", "half"])));
    (model, any::<bool>(), cap, any::<[bool; 4]>()).prop_map(
        |(model, fees, cap, [factors, professional, eligible, bands])| {
            let mut text = format!("model = \"{model}\"\n");
            if model == "pro_rata" {
                match cap {
                    Some((plays, mode)) => {
                        text.push_str(&format!("cap = {{ plays = {plays}, mode = \"{mode}\" }}\n"));
                    }
                    None if bands => text.push_str(
                        "bands = [ { up_to = 20, factor = \"1\" }, { factor = \"0.3\" } ]\n",
                    ),
                    None => {}
                }
            }
            if model == "user_centric" && fees {
                text.push_str("budgets = \"fees\"\n");
            }
            let parts = [(factors, FACTORS), (professional, PROFESSIONAL), (eligible, ELIGIBLE)];
            parts.iter().filter(|(on, _)| *on).for_each(|(_, part)| text.push_str(part));
            Rule::parse(&text).unwrap()
        },
    )
}

/// The same rule as anybody would calculate it, in floating point: good to a small part of a micro.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::too_many_lines,
    reason = "a plain calculation beside the exact one"
)]
fn plain(rule: &Rule, pool: i64, rows: &Rows, fee: u64) -> BTreeMap<u8, f64> {
    let mut plays: BTreeMap<(u8, u8), (u32, u32)> = BTreeMap::new();
    for (listener, recording, count, active) in rows {
        let sum = plays.entry((*listener, *recording)).or_default();
        *sum = (sum.0 + count, sum.1 + active);
    }
    let artists: Vec<Name> = ["p", "q", "r"].map(|name| Name::parse(name).unwrap()).into();
    let artist = |recording: u8| if recording < 6 { recording / 2 } else { recording + 10 };
    let total = |of: &dyn Fn(u8) -> bool| -> u32 {
        plays.iter().filter(|((_, r), _)| of(*r)).map(|(_, (n, _))| n).sum()
    };
    let eligible = |r: u8| rule.eligible.is_empty() || total(&|other| other == r) > 3;
    let factored = !rule.factors.is_empty();
    let factor = |r: u8| {
        let about = about(r, &artists);
        let mut factor = if eligible(r) { 1.0 } else { 0.0 };
        if factored && about.content == Content::Noise {
            factor *= 0.2;
        }
        if factored && about.ai == Ai::Generated {
            factor *= 0.0;
        }
        if rule.professional.is_some() && total(&|other| artist(other) == artist(r)) >= 40 {
            factor *= 1.5;
        }
        factor
    };
    let weight = |r: u8, (n, a): (u32, u32)| {
        f64::from(n - a) * factor(r) + f64::from(a) * factor(r) * if factored { 2.0 } else { 1.0 }
    };
    let weights: BTreeMap<(u8, u8), f64> =
        plays.iter().map(|((u, r), count)| ((*u, *r), weight(*r, *count))).collect();
    let of_listener =
        |u: u8| weights.iter().filter(|((v, _), _)| *v == u).map(|(_, w)| w).sum::<f64>();
    let listeners: BTreeSet<u8> =
        plays.keys().map(|(u, _)| *u).filter(|u| of_listener(*u) > 0.0).collect();
    let (pool, fee) = (pool as f64, fee as f64);
    let mut paid: BTreeMap<u8, f64> = (0..RECORDINGS).map(|r| (r, 0.0)).collect();
    let mut pay = |r: u8, amount: f64| *paid.get_mut(&r).unwrap() += amount;
    match rule.model.as_str() {
        "pro_rata" => {
            let scale = |u: u8| {
                let raw: u32 = plays
                    .iter()
                    .filter(|((v, r), _)| *v == u && eligible(*r))
                    .map(|(_, (n, _))| n)
                    .sum();
                let (raw, cap) = (f64::from(raw.max(1)), rule.cap);
                cap.map_or(1.0, |cap| {
                    let k = f64::from(cap.plays);
                    match cap.mode.as_str() {
                        "clamp" => k.min(raw) / raw,
                        "normalise" => k / raw,
                        _ => {
                            if raw > k {
                                (k + (raw - k) / 2.0) / raw
                            } else {
                                1.0
                            }
                        }
                    }
                })
            };
            let mut of: BTreeMap<u8, f64> = BTreeMap::new();
            for ((u, r), weight) in &weights {
                *of.entry(*r).or_default() += weight * scale(*u);
            }
            if !rule.bands.is_empty() {
                let mut of_artist: HashMap<u8, f64> = HashMap::new();
                for (r, w) in &of {
                    *of_artist.entry(artist(*r)).or_default() += w;
                }
                for (r, weight) in &mut of {
                    let all = of_artist[&artist(*r)];
                    let counted = all.min(20.0) + (all - 20.0).max(0.0) * 0.3;
                    *weight *= if all > 0.0 { counted / all } else { 0.0 };
                }
            }
            let all: f64 = of.values().sum();
            for (r, weight) in of {
                pay(r, pool * weight / all);
            }
        }
        "equal_per_artist" => {
            for u in &listeners {
                let mut of_artist: HashMap<u8, f64> = HashMap::new();
                let own = || weights.iter().filter(|((v, _), w)| v == u && **w > 0.0);
                own().for_each(|((_, r), w)| *of_artist.entry(artist(*r)).or_default() += w);
                let budget = pool / listeners.len() as f64 / of_artist.len() as f64;
                own().for_each(|((_, r), w)| pay(*r, budget * w / of_artist[&artist(*r)]));
            }
        }
        model => {
            let mut budgets: BTreeMap<u8, f64> =
                listeners.iter().map(|u| (*u, pool / listeners.len() as f64)).collect();
            if model == "scaled_user" {
                // Those over their fee are set to it, until nobody is.
                let mut capped: BTreeSet<u8> = BTreeSet::new();
                loop {
                    let rest = pool - fee * capped.len() as f64;
                    let free = || listeners.iter().filter(|u| !capped.contains(u));
                    let all: f64 = free().map(|u| of_listener(*u)).sum();
                    budgets = listeners
                        .iter()
                        .map(|u| {
                            (
                                *u,
                                if capped.contains(u) { fee } else { rest * of_listener(*u) / all },
                            )
                        })
                        .collect();
                    let over: Vec<u8> = free().filter(|u| budgets[*u] > fee).copied().collect();
                    if over.is_empty() {
                        break;
                    }
                    capped.extend(over);
                }
            }
            for ((u, r), weight) in weights.iter().filter(|(_, weight)| **weight > 0.0) {
                pay(*r, budgets[u] * weight / of_listener(*u));
            }
        }
    }
    paid
}

/// True if an amount is within a micro of what it should be.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "compares with the plain calculation"
)]
fn is_near(amount: Micros, expected: f64) -> bool {
    (amount.micros() as f64 - expected).abs() < 1.01
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_rule_pays_what_anybody_would_calculate_to_the_micro(
        rule in rule(), rows in listening(), pool in 0_i64..1_000_000_000, threads in 1_usize..5,
    ) {
        let fee = u64::try_from(pool).unwrap() / 2 + 1;
        let Some(allocation) = share(&rule, pool, &rows, threads, fee) else {
            // Nothing counts, or the fees do not come to the pool.
            let paid = plain(&rule, pool, &rows, fee);
            let nothing = paid.values().all(|paid| paid.is_nan() || *paid == 0.0);
            prop_assert!(nothing || rule.model.as_str() == "scaled_user");
            return Ok(());
        };
        let total = Micros::sum(allocation.recordings.iter().map(|row| row.amount));
        prop_assert_eq!(total, Ok(micros(pool)));
        let paid = plain(&rule, pool, &rows, fee);
        for row in &allocation.recordings {
            let expected = paid[&row.recording.as_str()[3..].parse::<u8>().unwrap()];
            prop_assert!(is_near(row.amount, expected), "{}: {}, not {expected}", row.recording, row.amount);
            prop_assert!(expected > 0.0 || row.amount.is_zero(), "{} is paid for nothing", row.recording);
        }
        // The order of rows and the number of threads change nothing.
        let backwards: Rows = rows.iter().rev().copied().collect();
        prop_assert_eq!(share(&rule, pool, &backwards, 1, fee), Some(allocation));
    }

    #[test]
    fn a_cap_that_normalises_is_an_equal_budget_for_each(
        rows in listening(), pool in 0_i64..1_000_000_000, cap in 1_u32..50,
    ) {
        let normalised = format!("model = \"pro_rata\"\ncap = {{ plays = {cap}, mode = \"normalise\" }}\n");
        let one = share(&Rule::parse(&normalised).unwrap(), pool, &rows, 2, 0).unwrap();
        let other = share(&Rule::named("user_centric").unwrap(), pool, &rows, 2, 0).unwrap();
        for (one, other) in one.recordings.iter().zip(&other.recordings) {
            prop_assert!((one.amount.micros() - other.amount.micros()).abs() <= 1);
        }
    }

    #[test]
    fn a_second_name_for_the_same_plays_gains_nothing_but_where_artists_share_equally(
        rows in listening(), pool in 0_i64..1_000_000_000,
    ) {
        // Recording 9 hands half of its plays to recording 8, which nobody else has.
        let before: Rows = rows.iter().copied().filter(|(_, r, ..)| *r != 8).collect();
        prop_assume!(before.iter().any(|(.., plays, _)| *plays > 0));
        let after: Rows = before
            .iter()
            .flat_map(|(u, r, n, _)| match r {
                9 => vec![(*u, 9, n / 2, 0), (*u, 8, n - n / 2, 0)],
                _ => vec![(*u, *r, *n, 0)],
            })
            .collect();
        for model in ["pro_rata", "user_centric", "scaled_user"] {
            let rule = Rule::named(model).unwrap();
            let both = |rows: &Rows| {
                let fee = u64::try_from(pool).unwrap() + 1;
                let allocation = share(&rule, pool, rows, 1, fee).unwrap();
                let of = |row: &&tantieme::allocate::RecordingAmount| matches!(row.recording.as_str(), "x::8" | "x::9");
                allocation.recordings.iter().filter(of).map(|row| row.amount.micros()).sum::<i64>()
            };
            prop_assert!((both(&before) - both(&after)).abs() <= 2, "{model}");
        }
    }

    #[test]
    fn bought_accounts_get_back_at_most_their_fees_where_users_are_scaled(
        rows in listening(), bots in 1_u8..4, plays in 1_u32..100_000,
    ) {
        // Real listeners 0 to 4; bots 5 and more, who play nothing but recording 9.
        let fee = 10_000_000_u64;
        let real: Rows = rows.into_iter().filter(|(u, r, n, _)| *u < 5 && *r != 9 && *n > 0).collect();
        prop_assume!(!real.is_empty());
        let mut bought = real.clone();
        bought.extend((5..5 + bots).map(|bot| (bot, 9, plays, 0)));
        let listeners: BTreeSet<u8> = bought.iter().map(|(u, ..)| *u).collect();
        // 70 % of what everybody paid.
        let pool = i64::try_from(listeners.len() as u64 * fee * 7 / 10).unwrap();
        let share = share(&Rule::named("scaled_user").unwrap(), pool, &bought, 2, fee).unwrap();
        let got = share.recordings.iter().find(|row| row.recording.as_str() == "x::9").unwrap();
        prop_assert!(got.amount.micros() <= i64::from(bots) * i64::try_from(fee).unwrap() + 1);
    }
}

#[test]
fn a_second_name_gains_where_artists_share_equally() {
    let rule = Rule::named("equal_per_artist").unwrap();
    let of_fraud = |rows: &Rows| {
        let allocation = share(&rule, 12, rows, 1, 0).unwrap();
        let of = allocation
            .recordings
            .iter()
            .filter(|row| matches!(row.recording.as_str(), "x::8" | "x::9"));
        of.map(|row| row.amount.micros()).sum::<i64>()
    };
    assert_eq!(of_fraud(&vec![(0, 6, 4, 0), (0, 9, 4, 0)]), 6);
    assert_eq!(of_fraud(&vec![(0, 6, 4, 0), (0, 9, 2, 0), (0, 8, 2, 0)]), 8);
}
