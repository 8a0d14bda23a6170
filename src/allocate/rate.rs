//! What a listener's weighted plays are due.

use ruint::aliases::U256;

use super::fees::Fees;
use super::modifiers::{Cap, CapMode};

/// How one listener's weighted plays become what recordings are owed.
#[derive(Debug, Clone)]
pub enum Rate<'a> {
    /// One for one: plays weigh alike, whoever played.
    Alike,
    /// In units of 2⁻⁶⁴ weighted play, scaled by how much the listener plays.
    Capped(Cap),
    /// In units of 2⁻⁶⁴ micro, from a budget that is the same for all.
    Equal {
        /// The pool in micros × 2⁶⁴.
        pool: u128,
        /// Listeners with weighted plays.
        listeners: u64,
    },
    /// The same, from budgets by what each paid.
    ByFee {
        /// The pool in micros.
        pool: u64,
        /// What each paid.
        fees: &'a Fees,
        /// What all listeners with weighted plays paid, in micros.
        total: u128,
    },
    /// The same, each budget split equally over the artists.
    Artists {
        /// The pool in micros × 2⁶⁴.
        pool: u128,
        /// Listeners with weighted plays.
        listeners: u64,
        /// Each recording's artist.
        artists: &'a [u32],
        /// How many artists there are.
        count: usize,
    },
    /// The same, by weighted plays up to what each paid.
    UpToFee {
        /// What each paid.
        fees: &'a Fees,
        /// What is left of the pool for those who stay under their fee, in micros.
        rest: u64,
        /// Their weighted plays.
        weight: u128,
    },
}

impl<'a> Rate<'a> {
    /// What each listener paid, where it asks.
    pub(super) const fn fees(&self) -> Option<&'a Fees> {
        match self {
            Self::ByFee { fees, .. } | Self::UpToFee { fees, .. } => Some(fees),
            _ => None,
        }
    }
}

impl Rate<'_> {
    /// ⌊pool / (parts × weight)⌋, with the pool in micros × 2⁶⁴.
    pub(super) fn of_budget(pool: u128, parts: impl Into<u128>, weight: u128) -> u128 {
        // A divisor over 2¹²⁸ leaves nothing.
        let divisor = parts.into().checked_mul(weight);
        divisor.and_then(|divisor| pool.checked_div(divisor)).unwrap_or(0)
    }

    /// What a unit of weight of one listener is due. `eligible` are the listener's raw plays that
    /// count.
    pub(super) fn of_listener(
        &self,
        listener: u128,
        weight: u128,
        eligible: impl FnOnce() -> u64,
    ) -> u128 {
        if weight == 0 {
            return 0;
        }
        match self {
            Self::Alike => 1,
            Self::Capped(cap) => cap.scale(eligible()),
            Self::Equal { pool, listeners } => Self::of_budget(*pool, *listeners, weight),
            Self::ByFee { pool, fees, total } => {
                let budget = U256::from(*pool) * U256::from(fees.of(listener).unwrap_or(0));
                let divisor = U256::from(*total) * U256::from(weight);
                let rate: Option<U256> = (budget << 64_usize).checked_div(divisor);
                u128::try_from(rate.unwrap_or_default()).unwrap_or(u128::MAX) // at most the pool × 2⁶⁴
            }
            // The budget of one artist is not that of another: see `Tally`.
            Self::Artists { .. } => 0,
            Self::UpToFee { fees, rest, weight: weights } => {
                let fee = fees.of(listener).unwrap_or(0);
                let (paid, over) = (u128::from(fee), u128::from(*rest));
                if is_capped((paid, weight), (over, *weights)) {
                    (paid << 64) / weight
                } else {
                    (over << 64) / weights
                }
            }
        }
    }
}

/// True if a listener's fee is at most what their plays would bring at the common rate.
pub(super) fn is_capped((fee, weight): (u128, u128), (rest, weights): (u128, u128)) -> bool {
    U256::from(fee) * U256::from(weights) <= U256::from(rest) * U256::from(weight)
}

impl Cap {
    /// ⌊2⁶⁴ × what each of so many plays counts for⌋.
    fn scale(self, plays: u64) -> u128 {
        let (cap, plays) = (u128::from(self.plays), u128::from(plays.max(1)));
        let (part, of) = match self.mode {
            CapMode::Clamp => (cap.min(plays), plays),
            CapMode::Normalise => (cap, plays),
            CapMode::Half if plays <= cap => (1, 1),
            CapMode::Half => (cap + plays, 2 * plays),
        };
        (part << 64) / of
    }
}
