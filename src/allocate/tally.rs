//! One pass over listeners: what each recording is owed before the last micros are placed.

use hashbrown::HashMap;

use super::rate::Rate;
use super::weights::Weights;
use crate::usage::{Play, Sums};

/// One recording's sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// What it is owed, in units of the rate; nothing where plays weigh alike.
    pub owed: u128,
    /// Raw plays.
    pub plays: u64,
    /// Listeners who played it.
    pub listeners: u64,
}

/// Sums by recording. Sums of parts of the listeners add up to the sums of all of them, in any
/// order and any grouping.
#[derive(Debug, Clone)]
pub struct Tally<'a> {
    rate: &'a Rate<'a>,
    weights: Option<&'a Weights>,
    /// Adding a play takes as long as it takes to reach its recording's sum, so these are as short
    /// as they can be: more of them stay in the cache. Where plays weigh alike:
    counts: Vec<Counts>,
    /// Where they do not.
    dues: Vec<Due>,
    /// What is too large for these, by recording.
    large: HashMap<u32, Sum>,
    /// One listener's weighted plays.
    weighed: Vec<u128>,
    /// Of one listener: by artist the weighted plays, then the rate; and who is among them.
    of_artists: Vec<u128>,
    touched: Vec<u32>,
    /// What all parts together say.
    pub totals: Totals,
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
        self.weight += other.weight;
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
    fn add(&mut self, plays: u32, due: u128) -> bool;

    fn sum(self) -> Sum;
}

/// From the high digits: 16 of listeners, 16 of plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts(u32);

/// From the high digits: 16 of listeners, 16 of plays, 96 of what is owed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Due(u128);

/// Plays of a listener under this, and what they come to under that, are small.
const SMALL_PLAYS: u64 = 1 << 15;
const SMALL_DUE: u128 = 1 << 95;

impl<'a> Tally<'a> {
    /// Sums of nothing yet, over so many recordings.
    pub fn new(rate: &'a Rate<'a>, weights: Option<&'a Weights>, recordings: usize) -> Self {
        let alike = matches!(rate, Rate::Alike) && weights.is_none();
        let (counts, dues) = if alike { (recordings, 0) } else { (0, recordings) };
        let artists = if let Rate::Artists { count, .. } = rate { *count } else { 0 };
        Self {
            rate,
            weights,
            counts: vec![Counts::default(); counts],
            dues: vec![Due::default(); dues],
            large: HashMap::new(),
            weighed: Vec::new(),
            of_artists: vec![0; artists],
            touched: Vec::new(),
            totals: Totals::default(),
        }
    }

    /// The sums of a recording, by its place.
    pub fn sum(&self, recording: u32) -> Sum {
        let at = recording as usize;
        let counts = self.counts.get(at).map(|sum| sum.sum());
        let due = self.dues.get(at).map(|sum| sum.sum());
        let mut sum = self.large.get(&recording).copied().unwrap_or_default();
        counts.into_iter().chain(due).for_each(|part| sum.add(part));
        sum
    }
}

impl Sums for Tally<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        let raw: u64 = plays.iter().map(|play| u64::from(play.plays)).sum();
        self.totals.plays += u128::from(raw);
        match (self.rate, self.weights) {
            (Rate::Alike, None) => {
                self.totals.add(raw.into(), 0);
                let due = |_: usize, _: u32| 0;
                add(&mut self.counts, &mut self.large, (raw, 0), plays, due);
            }
            (Rate::Equal { pool, listeners }, None) => {
                let rate = Rate::of_budget(*pool, *listeners, raw.into());
                let whole = u128::from(raw) * rate;
                self.totals.add(raw.into(), whole);
                let due = |_: usize, plays: u32| u128::from(plays) * rate;
                add(&mut self.dues, &mut self.large, (raw, whole), plays, due);
            }
            _ => self.add_weighed(listener, plays, raw),
        }
    }
}

impl Tally<'_> {
    fn add_weighed(&mut self, listener: u128, plays: &[Play], raw: u64) {
        self.weighed.clear();
        self.weighed.extend(plays.iter().map(|play| match self.weights {
            Some(weights) => weights.weigh(play),
            None => play.plays.into(),
        }));
        let weight: u128 = self.weighed.iter().sum();
        let whole = match self.rate {
            Rate::Artists { pool, listeners, artists, .. } => {
                self.weigh_by_artist(*pool, *listeners, artists, plays)
            }
            rate => {
                let eligible = || match self.weights {
                    Some(weights) => weights.eligible_plays(plays),
                    None => raw,
                };
                let rate = rate.of_listener(listener, weight, eligible);
                // Where a product is cut short, so is the whole, and the totals refuse the pool.
                self.weighed.iter_mut().for_each(|weight| *weight = weight.saturating_mul(rate));
                weight.saturating_mul(rate)
            }
        };
        self.totals.add(weight, whole);
        let weighed = &self.weighed;
        let due = |at: usize, _: u32| weighed[at];
        add(&mut self.dues, &mut self.large, (raw, whole), plays, due);
    }

    /// Turns weighted plays into what they are due, where a listener's budget is split equally
    /// over the artists; returns what all are due.
    fn weigh_by_artist(
        &mut self,
        pool: u128,
        listeners: u64,
        artists: &[u32],
        plays: &[Play],
    ) -> u128 {
        let artist = |play: &Play| artists[play.recording as usize] as usize;
        for (play, weight) in plays.iter().zip(&self.weighed).filter(|(_, weight)| **weight > 0) {
            let sum = &mut self.of_artists[artist(play)];
            if *sum == 0 {
                self.touched.push(artists[play.recording as usize]);
            }
            *sum += weight;
        }
        let budgets = u128::from(listeners) * self.touched.len() as u128;
        let mut whole = 0;
        for touched in &self.touched {
            let sum = &mut self.of_artists[*touched as usize];
            let rate = Rate::of_budget(pool, budgets, *sum);
            whole += rate * std::mem::replace(sum, rate);
        }
        for (play, weight) in plays.iter().zip(&mut self.weighed) {
            *weight *= self.of_artists[artist(play)];
        }
        for touched in self.touched.drain(..) {
            self.of_artists[touched as usize] = 0;
        }
        whole
    }
}

/// Adds a listener's plays, all of which are so many and come to so much. A sum that is full
/// becomes a large one.
#[inline]
fn add<S: Short>(
    sums: &mut [S],
    large: &mut HashMap<u32, Sum>,
    (raw, whole): (u64, u128),
    plays: &[Play],
    due: impl Fn(usize, u32) -> u128,
) {
    let small = raw < SMALL_PLAYS && whole < SMALL_DUE;
    for (at, Play { recording, plays, .. }) in plays.iter().enumerate() {
        if small {
            let sum = &mut sums[*recording as usize];
            if sum.add(*plays, due(at, *plays)) {
                let full = std::mem::take(sum).sum();
                large.entry(*recording).or_default().add(full);
            }
        } else {
            let owed = due(at, *plays);
            let sum = Sum { owed, plays: u64::from(*plays), listeners: u64::from(*plays > 0) };
            large.entry(*recording).or_default().add(sum);
        }
    }
}

impl Short for Counts {
    #[inline]
    fn add(&mut self, plays: u32, _: u128) -> bool {
        self.0 += u32::from(plays > 0) << 16 | plays;
        self.0 & 0x8000_8000 != 0
    }

    fn sum(self) -> Sum {
        Sum { owed: 0, plays: u64::from(self.0 & 0xffff), listeners: u64::from(self.0 >> 16) }
    }
}

impl Short for Due {
    #[inline]
    fn add(&mut self, plays: u32, due: u128) -> bool {
        let counts = u32::from(plays > 0) << 16 | plays;
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
                let rate = if equal && total > 0 {
                    pool / (u128::from(count) * u128::from(total))
                } else {
                    0
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
