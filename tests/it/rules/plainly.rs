//! Small worlds of plays and rules, and what anybody would calculate of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use tantieme::allocate::{
    About, Allocation, Attributes, Fees, Inputs, Reach, Rule, Threshold, allocate,
};
use tantieme::catalog::{Ai, Content};
use tantieme::ident::{Name, RecordingId};
use tantieme::money::Micros;
use tantieme::usage::{Listening as _, Play, PlaysInMemory};

/// Who listened to what: listener, recording, plays, active plays.
pub(super) type Rows = Vec<(u8, u8, u32, u32)>;

pub(super) const RECORDINGS: u8 = 10;

pub(super) fn listening() -> impl Strategy<Value = Rows> {
    let row = (0_u8..8, 0_u8..RECORDINGS, 0_u32..60, 0_u32..60);
    let row = row.prop_map(|(u, r, n, a)| (u, r, n, a.min(n)));
    prop::collection::vec(row, 1..60)
        .prop_filter("something is played", |rows| rows.iter().any(|(.., plays, _)| *plays > 0))
}

pub(super) fn usage(rows: &Rows, threads: usize) -> PlaysInMemory {
    let ids = (0..RECORDINGS).map(id).collect();
    let play = |(listener, recording, plays, active): &(u8, u8, u32, u32)| {
        let play = Play { recording: u32::from(*recording), plays: *plays, active: *active };
        (u128::from(*listener), play)
    };
    PlaysInMemory::new(ids, rows.iter().map(play).collect(), threads).unwrap()
}

pub(super) fn id(recording: u8) -> RecordingId {
    RecordingId::parse(&format!("x::{recording}")).unwrap()
}

/// Recordings 0 to 5 are of artists 0 to 2; the others are their own artists. 1 is noise, 2 and 7
/// are made by a machine.
pub(super) fn about(recording: u8, artists: &[Name]) -> About<'_> {
    let artist = (recording < 6).then(|| &artists[usize::from(recording / 2)]);
    let content = if recording == 1 { Content::Noise } else { Content::Music };
    let ai = if matches!(recording, 2 | 7) { Ai::Generated } else { Ai::None };
    About { artist, content, ai }
}

pub(super) fn micros(value: i64) -> Micros {
    Micros::from_micros(i128::from(value)).unwrap()
}

pub(super) fn share(
    rule: &Rule,
    pool: i64,
    rows: &Rows,
    threads: usize,
    fee: u64,
) -> Option<Allocation> {
    let usage = usage(rows, threads);
    let artists: Vec<Name> = ["p", "q", "r"].map(|name| Name::parse(name).unwrap()).into();
    let number = |id: &RecordingId| id.as_str()[3..].parse::<u8>().unwrap();
    let attributes = Attributes::of(usage.recordings(), |id| Some(about(number(id), &artists)));
    let fees = Fees::new((0..8).map(|listener| (listener, fee)).collect()).unwrap();
    let reach = |threshold: Threshold| Reach::of(&usage, &attributes, threshold.of);
    let inputs = Inputs {
        listening: &usage,
        attributes: &attributes,
        reach: &reach,
        fees: Some(&fees),
        payers: Some(8),
        released: None,
    };
    allocate(rule, micros(pool), &inputs).ok()
}

pub(super) const FACTORS: &str =
    "[factors]\ncontent = { noise = \"0.2\" }\nai = { generated = \"0\" }\nactive = \"2\"\n";
pub(super) const PROFESSIONAL: &str =
    "[professional]\nfactor = \"1.5\"\nthreshold = { of = \"artist\", plays_at_least = 40 }\n";
pub(super) const ELIGIBLE: &str = "[[eligible]]\nof = \"recording\"\nplays_above = 3\n";

/// A rule of every model, with any of the modifiers that go with it.
pub(super) fn rule() -> impl Strategy<Value = Rule> {
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
pub(super) fn plain(rule: &Rule, pool: i64, rows: &Rows, fee: u64) -> BTreeMap<u8, f64> {
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
pub(super) fn is_near(amount: Micros, expected: f64) -> bool {
    (amount.micros() as f64 - expected).abs() < 1.01
}
