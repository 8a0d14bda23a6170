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
/// to reach its recording's, so they are as short as they can be: more of them stay in the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Open {
    /// Where plays weigh alike.
    counts: Vec<Counts>,
    /// Where listeners have budgets.
    dues: Vec<Due>,
    /// What did not fit in these.
    over: Vec<(u32, Sum)>,
}

/// The low digits of counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    plays: u16,
    listeners: u16,
}

/// The low 96 digits of what is owed, and counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Due {
    low: u64,
    high: u32,
    counts: Counts,
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
            Rule::Plays => {
                for play in plays {
                    let over = at(&mut self.open.counts, play.recording).add(play.plays);
                    self.open.keep(play.recording, over);
                }
            }
            Rule::EqualBudgets { pool, listeners } => {
                // q = ⌊A·2⁶⁴ / (N·E)⌋; a divisor over 2¹²⁸ leaves nothing.
                let divisor = u128::from(listeners).checked_mul(u128::from(total));
                let rate = divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0);
                for play in plays {
                    let over = at(&mut self.open.dues, play.recording).add(play.plays, rate);
                    self.open.keep(play.recording, over);
                }
            }
        }
        self.plays_total += u128::from(total);
        self.listeners_total += u64::from(total > 0);
    }

    fn close(&mut self, numbers: &[u32]) {
        let mut add = |number: &u32, sum| at(&mut self.recordings, *number).add(sum);
        for (counts, number) in self.open.counts.iter_mut().zip(numbers) {
            add(number, std::mem::take(counts).sum());
        }
        for (due, number) in self.open.dues.iter_mut().zip(numbers) {
            add(number, std::mem::take(due).sum());
        }
        for (code, sum) in self.open.over.drain(..) {
            add(&numbers[code as usize], sum);
        }
    }
}

impl Open {
    #[inline]
    fn keep(&mut self, recording: u32, over: Sum) {
        if over != Sum::default() {
            self.over.push((recording, over));
        }
    }
}

impl Counts {
    /// Adds a listener's plays; returns what does not fit.
    #[inline]
    fn add(&mut self, plays: u32) -> Sum {
        let sum = self.sum();
        let (listeners, listeners_over) = split(sum.listeners + u64::from(plays > 0));
        let (plays, plays_over) = split(sum.plays + u64::from(plays));
        *self = Self { plays, listeners };
        Sum { owed: 0, plays: plays_over, listeners: listeners_over }
    }

    #[inline]
    fn sum(self) -> Sum {
        Sum { owed: 0, plays: self.plays.into(), listeners: self.listeners.into() }
    }
}

impl Due {
    /// Adds a listener's plays at a rate; returns what does not fit.
    #[inline]
    fn add(&mut self, plays: u32, rate: u128) -> Sum {
        // Under 2⁹⁶ + A·2⁶⁴ < 2¹²⁸: a listener's plays are at most all of the listener's.
        let owed = self.sum().owed + u128::from(plays) * rate;
        self.low = (owed & u128::from(u64::MAX)) as u64;
        self.high = (owed >> 64 & u128::from(u32::MAX)) as u32;
        Sum { owed: owed >> 96 << 96, ..self.counts.add(plays) }
    }

    #[inline]
    fn sum(self) -> Sum {
        let owed = u128::from(self.high) << 64 | u128::from(self.low);
        Sum { owed, ..self.counts.sum() }
    }
}

/// The low sixteen binary digits of a number, and the rest.
#[inline]
const fn split(number: u64) -> (u16, u64) {
    let low = (number & 0xffff) as u16;
    (low, number - low as u64)
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
