//! One pass over listeners: what each recording is owed before the last micros are placed.

use crate::usage::Play;

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

/// Sums by recording. Sums of parts of the listeners add up to the sums of all of them, in any
/// order and any grouping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Plays of each recording.
    pub plays: Vec<u64>,
    /// Listeners who played each recording.
    pub listeners: Vec<u64>,
    /// What each recording is owed in units of 2⁻⁶⁴ micro; empty where plays weigh alike.
    pub owed: Vec<u128>,
    /// All plays; the sums by recording hold only while this is under 2⁶⁴.
    pub plays_total: u128,
    /// Listeners with plays.
    pub listeners_total: u64,
}

impl Tally {
    /// Adds one listener. Each recording stands once in `plays`.
    pub fn add(&mut self, plays: &[Play], rule: &Rule) {
        let total: u64 = plays.iter().map(|play| u64::from(play.plays)).sum();
        let rate = match rule {
            Rule::EqualBudgets { pool, listeners } if total > 0 => {
                // q = ⌊A·2⁶⁴ / (N·E)⌋; a divisor over 2¹²⁸ leaves nothing.
                let divisor = u128::from(*listeners).checked_mul(u128::from(total));
                Some(divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0))
            }
            Rule::EqualBudgets { .. } => Some(0),
            Rule::Plays => None,
        };
        for play in plays {
            let at = play.recording as usize;
            if at >= self.plays.len() {
                self.grow(at + 1, rate.is_some());
            }
            // Wrapping: `plays_total` tells whether any of these sums could have wrapped.
            self.plays[at] = self.plays[at].wrapping_add(u64::from(play.plays));
            self.listeners[at] += u64::from(play.plays > 0);
            if let Some(rate) = rate {
                // Σ ≤ A·2⁶⁴ < 2¹²⁷, if `listeners` is what the tally will have counted.
                self.owed[at] = self.owed[at].wrapping_add(u128::from(play.plays) * rate);
            }
        }
        self.plays_total += u128::from(total);
        self.listeners_total += u64::from(total > 0);
    }

    /// Adds another part's sums.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.grow(other.plays.len().max(self.plays.len()), !other.owed.is_empty());
        for (sum, part) in self.plays.iter_mut().zip(&other.plays) {
            *sum = sum.wrapping_add(*part);
        }
        for (sum, part) in self.listeners.iter_mut().zip(&other.listeners) {
            *sum += part;
        }
        for (sum, part) in self.owed.iter_mut().zip(&other.owed) {
            *sum = sum.wrapping_add(*part);
        }
        self.plays_total += other.plays_total;
        self.listeners_total += other.listeners_total;
        self
    }

    fn grow(&mut self, recordings: usize, owed: bool) {
        self.plays.resize(recordings, 0);
        self.listeners.resize(recordings, 0);
        if owed || !self.owed.is_empty() {
            self.owed.resize(recordings, 0);
        }
    }
}
