//! One pass over listeners: what each recording is owed before the last micros are placed.

use hashbrown::HashMap;

use super::rate::Rate;
use super::weights::Weights;
use crate::usage::{Play, Sums};

/// One recording's sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// What it is owed, in units of the rate.
    pub owed: u128,
    /// Raw plays.
    pub plays: u64,
    /// Listeners who played it.
    pub listeners: u64,
}

/// Sums by recording. Sums of parts of the listeners add up to the sums of all of them, in any
/// order and any grouping.
///
/// Adding a play takes as long as it takes to reach its recording's sum, so sums are as short as
/// they can be: more of them stay in the cache.
#[derive(Debug, Clone)]
pub struct Tally<'a> {
    rate: &'a Rate<'a>,
    weights: Option<&'a Weights>,
    sums: Shorts,
    /// What is too large for these, by recording.
    large: HashMap<u32, Sum>,
    /// One listener's weighted plays.
    weighed: Vec<u64>,
    /// Where a listener's plays are shared by artist.
    artists: Artists,
    totals: Totals,
}

/// The short sums of all recordings.
#[derive(Debug, Clone)]
enum Shorts {
    /// Where a play counts for the same whoever played: it is weighed when all are added up.
    Counts(Vec<Counts>),
    /// The same, where plays that were chosen count for something else.
    Chosen(Vec<Chosen>),
    /// Where each listener's plays count for something else.
    Dues(Vec<Due>),
}

/// What is added up beside the recordings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// All raw plays.
    pub plays: u128,
    /// All weighted plays.
    pub weight: u128,
    /// Listeners with weighted plays.
    pub listeners: u64,
    /// At least what is owed to all together, in units of 2⁶⁴. The sums by recording hold while
    /// this and the others are under 2⁶⁴.
    pub owed: u128,
}

impl Totals {
    fn add(&mut self, weight: u128, owed: u128) {
        self.weight += weight;
        self.listeners += u64::from(weight > 0);
        self.owed += (owed >> 64) + u128::from(owed > 0);
    }

    /// Adds another part's.
    pub fn merge(mut self, other: Self) -> Self {
        self.plays += other.plays;
        self.weight = self.weight.saturating_add(other.weight);
        self.listeners += other.listeners;
        self.owed += other.owed;
        self
    }

    /// True if no sum can have wrapped.
    pub fn hold(&self) -> bool {
        self.plays.max(self.weight).max(self.owed) <= u64::MAX.into()
    }
}

/// A sum of few digits, the first of which tells that it is full.
trait Short: Copy + Default {
    /// Adds plays and what they are due, both small; true if no more should be added.
    fn add(&mut self, play: &Play, due: u128) -> bool;

    /// What it holds; chosen plays stand in the place of what is owed.
    fn sum(self) -> Sum;
}

/// From the high digits: 16 of listeners, 16 of plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts(u32);

/// From the high digits: 16 of listeners, 24 of plays, 24 of chosen plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Chosen(u64);

/// From the high digits: 16 of listeners, 16 of plays, 96 of what is owed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Due(u128);

/// Plays of a listener under this, and what they come to under that, are small.
const SMALL_PLAYS: u64 = 1 << 15;
const SMALL_DUE: u128 = 1 << 95;

impl<'a> Tally<'a> {
    /// Sums of nothing yet, over so many recordings.
    pub fn new(rate: &'a Rate<'a>, weights: Option<&'a Weights>, recordings: usize) -> Self {
        let sums = match (rate, weights) {
            (Rate::Alike, Some(weights)) if weights.by_choice() => {
                Shorts::Chosen(vec![Chosen::default(); recordings])
            }
            (Rate::Alike, _) => Shorts::Counts(vec![Counts::default(); recordings]),
            _ => Shorts::Dues(vec![Due::default(); recordings]),
        };
        let artists = if let Rate::Artists { count, .. } = rate { *count } else { 0 };
        Self {
            rate,
            weights,
            sums,
            large: HashMap::new(),
            weighed: Vec::new(),
            artists: Artists {
                of_all: vec![Known::default(); artists],
                of_weights: vec![(0, 0); OFTEN],
                ..Artists::default()
            },
            totals: Totals::default(),
        }
    }

    /// The sums of a recording, by its place.
    pub fn sum(&self, recording: u32) -> Sum {
        let at = recording as usize;
        let mut sum = match &self.sums {
            Shorts::Counts(sums) => sums[at].sum(),
            Shorts::Chosen(sums) => sums[at].sum(),
            Shorts::Dues(sums) => sums[at].sum(),
        };
        if let Some(large) = self.large.get(&recording) {
            sum.add(*large);
        }
        if matches!(self.rate, Rate::Alike) {
            sum.owed = match self.weights {
                Some(weights) => weights.weigh_sum(recording, sum.plays, sum.owed),
                None => sum.plays.into(),
            };
        }
        sum
    }

    /// What its part of the listeners says.
    pub fn totals(&self) -> Totals {
        let (Rate::Alike, Some(weights)) = (self.rate, self.weights) else { return self.totals };
        let sums = (0..).take(weights.recordings()).map(|at| self.sum(at).owed);
        Totals { weight: sums.fold(0, u128::saturating_add), ..self.totals }
    }
}

impl Sums for Tally<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        let raw: u64 = plays.iter().map(|play| u64::from(play.plays)).sum();
        self.totals.plays += u128::from(raw);
        // A product may wrap where the whole is cut short, and then the totals refuse the pool.
        match &mut self.sums {
            Shorts::Counts(sums) => {
                self.totals.add_alike(self.weights, plays, raw);
                let none = plays.iter().map(|_| 0);
                add(sums, &mut self.large, (raw, 0), plays, none);
            }
            Shorts::Chosen(sums) => {
                self.totals.add_alike(self.weights, plays, raw);
                let chosen = plays.iter().map(|play| play.active.min(play.plays).into());
                add(sums, &mut self.large, (raw, 0), plays, chosen);
            }
            Shorts::Dues(sums) => match (self.rate, self.weights) {
                (Rate::Artists { pool, listeners, artists, .. }, weights) => {
                    let weight = weigh(weights, plays, &mut self.weighed);
                    let budgets = (*pool, *listeners);
                    let whole = self.artists.share(budgets, artists, plays, &self.weighed);
                    self.totals.add(weight, whole);
                    let dues = self.artists.dues(&self.weighed);
                    add(sums, &mut self.large, (raw, whole), plays, dues);
                }
                (rate, None) => {
                    let rate = rate.of_listener(listener, raw.into(), || raw);
                    let whole = u128::from(raw).saturating_mul(rate);
                    self.totals.add(raw.into(), whole);
                    let due = |play: &Play| u128::from(play.plays).wrapping_mul(rate);
                    add(sums, &mut self.large, (raw, whole), plays, plays.iter().map(due));
                }
                (rate, Some(weights)) => {
                    let weight = weights.weigh_all(plays, &mut self.weighed);
                    let eligible = || weights.eligible_plays(plays);
                    let rate = rate.of_listener(listener, weight, eligible);
                    let whole = weight.saturating_mul(rate);
                    self.totals.add(weight, whole);
                    let due = |weight: &u64| u128::from(*weight).wrapping_mul(rate);
                    add(sums, &mut self.large, (raw, whole), plays, self.weighed.iter().map(due));
                }
            },
        }
    }
}

impl Totals {
    /// Adds a listener whose plays are weighed later, if there is weight among them.
    fn add_alike(&mut self, weights: Option<&Weights>, plays: &[Play], raw: u64) {
        match weights {
            None => self.add(raw.into(), 0),
            Some(weights) => self.listeners += u64::from(weights.count_any(plays)),
        }
    }
}

/// One listener's weighted plays; returns all of them together.
fn weigh(weights: Option<&Weights>, plays: &[Play], weighed: &mut Vec<u64>) -> u128 {
    if let Some(weights) = weights {
        return weights.weigh_all(plays, weighed);
    }
    weighed.clear();
    weighed.extend(plays.iter().map(|play| u64::from(play.plays)));
    weighed.iter().map(|plays| u128::from(*plays)).sum()
}

/// One listener's artists, where the budget is split equally over them.
#[derive(Debug, Clone, Default)]
struct Artists {
    /// By artist, the listener that it was last played by, and its place among theirs. So nothing
    /// has to be put back before the next listener.
    of_all: Vec<Known>,
    listener: u32,
    /// By play, the place of its artist.
    places: Vec<u32>,
    /// By place, the weighted plays and what each of them is due.
    weights: Vec<u64>,
    rates: Vec<u128>,
    /// What a weight is due, by weight, and the listener for whom that holds: few weights differ,
    /// and to divide takes long.
    of_weights: Vec<(u32, u128)>,
}

/// Weights under this occur often.
const OFTEN: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    listener: u32,
    place: u32,
}

impl Artists {
    /// Finds out what one listener's weighted plays are due; returns what all are.
    fn share(
        &mut self,
        (pool, listeners): (u128, u64),
        artists: &[u32],
        plays: &[Play],
        weighed: &[u64],
    ) -> u128 {
        let Self { of_all, listener, places, weights, rates, of_weights } = self;
        *listener += 1; // fewer than 2³² listeners are in one part
        places.clear();
        weights.clear();
        weights.resize(plays.len(), 0);
        let mut count = 0;
        // Whether an artist was met before is anyone's guess, so nothing branches on it.
        places.extend(plays.iter().zip(weighed).map(|(play, weight)| {
            let known = &mut of_all[artists[play.recording as usize] as usize];
            let new = known.listener != *listener;
            let place = if new { count } else { known.place };
            *known = Known { listener: *listener, place };
            count += u32::from(new);
            let sum = &mut weights[place as usize];
            *sum = sum.saturating_add(*weight);
            place
        }));
        weights.truncate(count as usize);
        let played = weights.iter().filter(|weight| **weight > 0).count();
        // ⌊⌊pool / budgets⌋ / weight⌋ is ⌊pool / (budgets × weight)⌋.
        let budget = Rate::of_budget(pool, u128::from(listeners) * played as u128, 1);
        let divide = |weight: u64| budget.checked_div(u128::from(weight)).unwrap_or(0);
        rates.clear();
        rates.extend(weights.iter().map(|weight| {
            let known = usize::try_from(*weight).ok().and_then(|weight| of_weights.get_mut(weight));
            let Some((of, rate)) = known else { return divide(*weight) };
            if *of != *listener {
                (*of, *rate) = (*listener, divide(*weight));
            }
            *rate
        }));
        rates.iter().zip(weights).map(|(rate, weight)| rate * u128::from(*weight)).sum()
    }

    /// What each of the plays is due.
    fn dues(&self, weighed: &[u64]) -> impl Iterator<Item = u128> {
        let rate = |place: &u32| self.rates[*place as usize];
        self.places
            .iter()
            .zip(weighed)
            .map(move |(place, weight)| rate(place).wrapping_mul(u128::from(*weight)))
    }
}

/// Adds a listener's plays, all of which are so many and come to so much. A sum that is full
/// becomes a large one.
#[inline(never)] // so that each kind of due has a loop of its own
fn add<S: Short>(
    sums: &mut [S],
    large: &mut HashMap<u32, Sum>,
    (raw, whole): (u64, u128),
    plays: &[Play],
    dues: impl Iterator<Item = u128>,
) {
    if raw >= SMALL_PLAYS || whole >= SMALL_DUE {
        for (Play { recording, plays, .. }, owed) in plays.iter().zip(dues) {
            let sum = Sum { owed, plays: u64::from(*plays), listeners: u64::from(*plays > 0) };
            large.entry(*recording).or_default().add(sum);
        }
        return;
    }
    for (play, due) in plays.iter().zip(dues) {
        let sum = &mut sums[play.recording as usize];
        if sum.add(play, due) {
            let full = std::mem::take(sum).sum();
            large.entry(play.recording).or_default().add(full);
        }
    }
}

impl Short for Counts {
    #[inline]
    fn add(&mut self, play: &Play, _: u128) -> bool {
        self.0 += u32::from(play.plays > 0) << 16 | play.plays;
        self.0 & 0x8000_8000 != 0
    }

    fn sum(self) -> Sum {
        Sum { owed: 0, plays: u64::from(self.0 & 0xffff), listeners: u64::from(self.0 >> 16) }
    }
}

impl Short for Chosen {
    #[inline]
    fn add(&mut self, play: &Play, chosen: u128) -> bool {
        let listeners = u64::from(play.plays > 0);
        let chosen = u64::try_from(chosen).unwrap_or(0); // at most the plays
        self.0 += listeners << 48 | u64::from(play.plays) << 24 | chosen;
        self.0 & (1 << 63 | 1 << 47) != 0
    }

    fn sum(self) -> Sum {
        let of = |shift: u32| self.0 >> shift & 0xff_ffff;
        Sum { owed: of(0).into(), plays: of(24), listeners: self.0 >> 48 }
    }
}

impl Short for Due {
    #[inline]
    fn add(&mut self, play: &Play, due: u128) -> bool {
        let counts = u32::from(play.plays > 0) << 16 | play.plays;
        self.0 += (u128::from(counts) << 96) + due;
        self.0 & (0x8000_8000 << 96 | SMALL_DUE) != 0
    }

    fn sum(self) -> Sum {
        let counts = Counts((self.0 >> 96) as u32).sum();
        Sum { owed: self.0 & ((1 << 96) - 1), ..counts }
    }
}

impl Sum {
    /// Wrapping: the totals tell whether any sum could have wrapped.
    pub const fn add(&mut self, part: Self) {
        self.owed = self.owed.wrapping_add(part.owed);
        self.plays = self.plays.wrapping_add(part.plays);
        self.listeners += part.listeners;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn listener() -> impl Strategy<Value = BTreeMap<u32, u32>> {
        let plays = prop_oneof![0_u32..50, 20_000_u32..40_000, any::<u32>()];
        prop_oneof![
            9 => prop::collection::btree_map(0_u32..6, 0_u32..3000, 1..6),
            1 => prop::collection::btree_map(0_u32..6, plays, 1..6),
        ]
    }

    proptest! {
        #[test]
        fn short_sums_lose_nothing(
            listeners in prop::collection::vec(listener(), 0..240),
            pool in prop_oneof![1_u64..1000, 1 << 30..1_u64 << 40, 1 << 60..1_u64 << 63],
            equal in any::<bool>(),
        ) {
            let count = listeners.len() as u64;
            let pool = u128::from(pool) << 64;
            let rate = if equal { Rate::Equal { pool, listeners: count } } else { Rate::Alike };
            let mut tally = Tally::new(&rate, None, 6);
            let mut expected = vec![Sum::default(); 6];
            for plays in &listeners {
                let total: u64 = plays.values().map(|plays| u64::from(*plays)).sum();
                let rate = match total {
                    _ if !equal => 1,
                    0 => 0,
                    total => pool / (u128::from(count) * u128::from(total)),
                };
                for (recording, plays) in plays {
                    let sum = &mut expected[*recording as usize];
                    sum.owed += u128::from(*plays) * rate;
                    sum.plays += u64::from(*plays);
                    sum.listeners += u64::from(*plays > 0);
                }
                let play = |(recording, plays): (&u32, &u32)| {
                    Play { recording: *recording, plays: *plays, active: 0 }
                };
                tally.add(0, &plays.iter().map(play).collect::<Vec<_>>());
            }
            let sums: Vec<Sum> = (0..6).map(|recording| tally.sum(recording)).collect();
            prop_assert_eq!(sums, expected);
        }
    }
}
