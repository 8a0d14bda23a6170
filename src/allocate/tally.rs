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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By the recording's number.
    pub recordings: Vec<Sum>,
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
                divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0)
            }
            Rule::EqualBudgets { .. } | Rule::Plays => 0,
        };
        for play in plays {
            let at = play.recording as usize;
            if at >= self.recordings.len() {
                self.recordings.resize(at + 1, Sum::default());
            }
            let sum = &mut self.recordings[at];
            // Wrapping: `plays_total` tells whether any of these sums could have wrapped, and
            // Σ owed ≤ A·2⁶⁴ < 2¹²⁷, if `listeners` is what the tally will have counted.
            sum.owed = sum.owed.wrapping_add(u128::from(play.plays) * rate);
            sum.plays = sum.plays.wrapping_add(u64::from(play.plays));
            sum.listeners += u64::from(play.plays > 0);
        }
        self.plays_total += u128::from(total);
        self.listeners_total += u64::from(total > 0);
    }

    /// Adds another part's sums.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        let recordings = other.recordings.len().max(self.recordings.len());
        self.recordings.resize(recordings, Sum::default());
        for (sum, part) in self.recordings.iter_mut().zip(&other.recordings) {
            sum.owed = sum.owed.wrapping_add(part.owed);
            sum.plays = sum.plays.wrapping_add(part.plays);
            sum.listeners += part.listeners;
        }
        self.plays_total += other.plays_total;
        self.listeners_total += other.listeners_total;
        self
    }
}
