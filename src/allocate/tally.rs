//! One pass over listeners: what each recording is owed before the last micros are placed.

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
    /// Since the last close, by the numbers of the plays.
    open: Vec<Sum>,
    /// Until then, by the recording's place among all.
    pub recordings: Vec<Sum>,
    /// All plays; the sums by recording hold only while this is under 2⁶⁴.
    pub plays_total: u128,
    /// Listeners with plays.
    pub listeners_total: u64,
}

impl Tally {
    /// Sums of nothing yet.
    pub const fn new(rule: Rule) -> Self {
        Self { rule, open: Vec::new(), recordings: Vec::new(), plays_total: 0, listeners_total: 0 }
    }

    /// Adds another part's sums.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        let recordings = other.recordings.len().max(self.recordings.len());
        self.recordings.resize(recordings, Sum::default());
        for (sum, part) in self.recordings.iter_mut().zip(&other.recordings) {
            sum.add(*part);
        }
        self.plays_total += other.plays_total;
        self.listeners_total += other.listeners_total;
        self
    }
}

impl Sums for Tally {
    fn add(&mut self, plays: impl Iterator<Item = Play> + Clone) {
        let total: u64 = plays.clone().map(|play| u64::from(play.plays)).sum();
        match self.rule {
            Rule::Plays => {
                for play in plays {
                    let sum = at(&mut self.open, play.recording);
                    sum.plays = sum.plays.wrapping_add(u64::from(play.plays));
                    sum.listeners += u64::from(play.plays > 0);
                }
            }
            Rule::EqualBudgets { pool, listeners } => {
                let divisor = u128::from(listeners).checked_mul(u128::from(total));
                let rate = divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0);
                for play in plays {
                    let sum = at(&mut self.open, play.recording);
                    sum.owed = sum.owed.wrapping_add(u128::from(play.plays) * rate);
                    sum.plays = sum.plays.wrapping_add(u64::from(play.plays));
                    sum.listeners += u64::from(play.plays > 0);
                }
            }
        }
        self.plays_total += u128::from(total);
        self.listeners_total += u64::from(total > 0);
    }

    fn close(&mut self, numbers: &[u32]) {
        for (open, number) in self.open.iter_mut().zip(numbers) {
            at(&mut self.recordings, *number).add(std::mem::take(open));
        }
    }
}

impl Sum {
    /// Wrapping: `plays_total` tells whether any sum could have wrapped, and Σ owed ≤ A·2⁶⁴ <
    /// 2¹²⁷, if the rule's `listeners` is what the tally will have counted.
    const fn add(&mut self, part: Self) {
        self.owed = self.owed.wrapping_add(part.owed);
        self.plays = self.plays.wrapping_add(part.plays);
        self.listeners += part.listeners;
    }
}

fn at<T: Copy + Default>(sums: &mut Vec<T>, number: u32) -> &mut T {
    let at = number as usize;
    if at >= sums.len() {
        sums.resize(at + 1, T::default());
    }
    &mut sums[at]
}
