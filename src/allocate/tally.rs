//! One pass over listeners: what each recording is owed before the last micros are placed.

use hashbrown::HashMap;

use crate::usage::{Play, Sums};

/// How one listener's plays weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Plays weigh alike.
    Plays,
    /// Each listener has the same budget, spread over their own plays.
    EqualBudgets {
        /// The pool in micros × 2⁶⁴.
        pool: u128,
        /// Listeners who played anything.
        listeners: u64,
    },
}

/// One recording's sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// What it is owed in units of 2⁻⁶⁴ micro; nothing where plays weigh alike.
    pub owed: u128,
    /// Plays.
    pub plays: u64,
    /// Listeners who played it.
    pub listeners: u64,
}

/// Sums by recording. Sums of parts of the listeners add up to the sums of all of them, in any
/// order and any grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    rule: Rule,
    /// Adding a play takes as long as it takes to reach its recording's sum, so these are as short
    /// as they can be: more of them stay in the cache. Where plays weigh alike:
    counts: Vec<Counts>,
    /// Where listeners have budgets.
    dues: Vec<Due>,
    /// What is too large for these, by recording.
    large: HashMap<u32, Sum>,
    /// All plays; the sums by recording hold only while this is under 2⁶⁴.
    pub plays_total: u128,
    /// Listeners with plays.
    pub listeners_total: u64,
}

/// A sum of few digits, the first of which tells that it is full.
trait Short: Copy + Default {
    /// Adds plays at a rate, both small; true if no more should be added.
    fn add(&mut self, plays: u32, rate: u128) -> bool;

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

impl Tally {
    /// Sums of nothing yet, over so many recordings.
    pub fn new(rule: Rule, recordings: usize) -> Self {
        let (counts, dues) = match rule {
            Rule::Plays => (recordings, 0),
            Rule::EqualBudgets { .. } => (0, recordings),
        };
        Self {
            rule,
            counts: vec![Counts::default(); counts],
            dues: vec![Due::default(); dues],
            large: HashMap::new(),
            plays_total: 0,
            listeners_total: 0,
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

impl Sums for Tally {
    fn add(&mut self, plays: &[Play]) {
        let total: u64 = plays.iter().map(|play| u64::from(play.plays)).sum();
        let rate = self.rule.rate(total);
        if total >= SMALL_PLAYS || u128::from(total) * rate >= SMALL_DUE {
            self.add_large(plays, rate);
        } else {
            match self.rule {
                Rule::Plays => add_short(&mut self.counts, &mut self.large, plays, 0),
                Rule::EqualBudgets { .. } => {
                    add_short(&mut self.dues, &mut self.large, plays, rate);
                }
            }
        }
        self.plays_total += u128::from(total);
        self.listeners_total += u64::from(total > 0);
    }
}

impl Rule {
    /// What a play of a listener with so many is owed: q = ⌊A·2⁶⁴ / (N·E)⌋.
    fn rate(&self, total: u64) -> u128 {
        let Self::EqualBudgets { pool, listeners } = self else { return 0 };
        // A divisor over 2¹²⁸ leaves nothing.
        let divisor = u128::from(*listeners).checked_mul(u128::from(total));
        divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0)
    }
}

impl Tally {
    fn add_large(&mut self, plays: &[Play], rate: u128) {
        for Play { recording, plays } in plays {
            let owed = u128::from(*plays) * rate;
            let listeners = u64::from(*plays > 0);
            let sum = Sum { owed, plays: u64::from(*plays), listeners };
            self.large.entry(*recording).or_default().add(sum);
        }
    }
}

/// Adds small plays; a sum that is full becomes a large one.
#[inline]
fn add_short<S: Short>(sums: &mut [S], large: &mut HashMap<u32, Sum>, plays: &[Play], rate: u128) {
    for Play { recording, plays } in plays {
        let sum = &mut sums[*recording as usize];
        if sum.add(*plays, rate) {
            let full = std::mem::take(sum).sum();
            large.entry(*recording).or_default().add(full);
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
    fn add(&mut self, plays: u32, rate: u128) -> bool {
        let counts = u32::from(plays > 0) << 16 | plays;
        self.0 += (u128::from(counts) << 96) + u128::from(plays) * rate;
        self.0 & (0x8000_8000 << 96 | SMALL_DUE) != 0
    }

    fn sum(self) -> Sum {
        let counts = Counts((self.0 >> 96) as u32).sum();
        Sum { owed: self.0 & ((1 << 96) - 1), ..counts }
    }
}

impl Sum {
    /// Wrapping: `plays_total` tells whether any sum could have wrapped, and Σ owed ≤ A·2⁶⁴ <
    /// 2¹²⁷, if the rule's `listeners` is what the tally will have counted.
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
            let rule = if equal { Rule::EqualBudgets { pool, listeners: count } } else { Rule::Plays };
            let mut tally = Tally::new(rule, 6);
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
                let plays = plays.iter().map(|(recording, plays)| Play { recording: *recording, plays: *plays });
                tally.add(&plays.collect::<Vec<_>>());
            }
            let sums: Vec<Sum> = (0..6).map(|recording| tally.sum(recording)).collect();
            prop_assert_eq!(sums, expected);
        }
    }
}
