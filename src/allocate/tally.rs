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
    open: Open,
    /// Until then, by the recording's place among all.
    pub recordings: Vec<Sum>,
    /// All plays; the sums by recording hold only while this is under 2⁶⁴.
    pub plays_total: u128,
    /// Listeners with plays.
    pub listeners_total: u64,
}

/// Sums that are still by the numbers of a part's plays. Adding a play takes as long as it takes
/// to reach its recording's, so as much of them as can be stays in the cache: counts are kept
/// apart from what is owed, and short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Open {
    counts: Vec<Counts>,
    owed: Vec<u128>,
    /// What did not fit in the counts.
    over: Vec<(u32, Sum)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    plays: u32,
    listeners: u32,
}

impl Tally {
    /// Sums of nothing yet.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            open: Open::default(),
            recordings: Vec::new(),
            plays_total: 0,
            listeners_total: 0,
        }
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
            Rule::Plays => plays.for_each(|play| self.open.count(play)),
            Rule::EqualBudgets { pool, listeners } => {
                // q = ⌊A·2⁶⁴ / (N·E)⌋; a divisor over 2¹²⁸ leaves nothing.
                let divisor = u128::from(listeners).checked_mul(u128::from(total));
                let rate = divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0);
                plays.for_each(|play| {
                    self.open.count(play);
                    let owed = at(&mut self.open.owed, play.recording);
                    *owed = owed.wrapping_add(u128::from(play.plays) * rate);
                });
            }
        }
        self.plays_total += u128::from(total);
        self.listeners_total += u64::from(total > 0);
    }

    fn close(&mut self, numbers: &[u32]) {
        let Open { counts, owed, over } = &mut self.open;
        owed.resize(counts.len(), 0);
        for ((counts, owed), number) in counts.iter_mut().zip(owed).zip(numbers) {
            let Counts { plays, listeners } = std::mem::take(counts);
            let (plays, listeners, owed) = (plays.into(), listeners.into(), std::mem::take(owed));
            at(&mut self.recordings, *number).add(Sum { owed, plays, listeners });
        }
        for (code, sum) in over.drain(..) {
            at(&mut self.recordings, numbers[code as usize]).add(sum);
        }
    }
}

impl Open {
    #[inline]
    fn count(&mut self, Play { recording, plays: played }: Play) {
        let counts = at(&mut self.counts, recording);
        let (plays, plays_over) = counts.plays.overflowing_add(played);
        let (listeners, listeners_over) = counts.listeners.overflowing_add(u32::from(played > 0));
        *counts = Counts { plays, listeners };
        if plays_over || listeners_over {
            let over = |over| u64::from(over) << 32;
            let (plays, listeners) = (over(plays_over), over(listeners_over));
            self.over.push((recording, Sum { owed: 0, plays, listeners }));
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

#[inline]
fn at<T: Copy + Default>(sums: &mut Vec<T>, number: u32) -> &mut T {
    let at = number as usize;
    if at >= sums.len() {
        sums.resize(at + 1, T::default());
    }
    &mut sums[at]
}
