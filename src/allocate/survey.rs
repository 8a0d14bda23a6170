//! A pass before the pass: what the rates of a rule depend on.

use hashbrown::HashMap;
use ruint::aliases::U256;

use super::fees::Fees;
use super::rate::is_capped;
use super::weights::Weights;
use crate::usage::{Play, Sums};

/// What is found out about the listeners who have weighted plays.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// How many they are.
    pub listeners: u64,
    /// How many of them paid nothing that is known.
    pub unpaid: u64,
    /// What all paid, in micros.
    pub fees: u128,
    /// How many have such a fee and such a weight.
    pub kinds: HashMap<(u64, u128), u64>,
}

/// Finds that out.
pub(super) struct Surveying<'a> {
    pub weights: Option<&'a Weights>,
    pub fees: Option<&'a Fees>,
    /// True if fees must be compared with plays.
    pub kinds: bool,
    pub found: Survey,
}

impl Sums for Surveying<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        let weigh = |play: &Play| match self.weights {
            Some(weights) => weights.weigh(play),
            None => play.plays.into(),
        };
        if !plays.iter().any(|play| weigh(play) > 0) {
            return;
        }
        self.found.listeners += 1;
        let Some(fees) = self.fees else { return };
        let Some(fee) = fees.of(listener) else {
            self.found.unpaid += 1;
            return;
        };
        self.found.fees += u128::from(fee);
        if self.kinds {
            let weight = plays.iter().map(weigh).sum();
            *self.found.kinds.entry((fee, weight)).or_default() += 1;
        }
    }
}

impl Survey {
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.listeners += other.listeners;
        self.unpaid += other.unpaid;
        self.fees += other.fees;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self
    }

    /// What is left of the pool, and the weight of those who share it, when those whose fee is
    /// less than their plays would bring have paid all of it. The pool is at most all fees.
    pub(super) fn under_their_fee(&self, pool: u64) -> (u64, u128) {
        let mut kinds: Vec<((u64, u128), u64)> =
            self.kinds.iter().map(|(kind, count)| (*kind, *count)).collect();
        // By fee / weight, those who reach their fee first in front.
        kinds.sort_unstable_by(|((fee, weight), _), ((other, others), _)| {
            let one = U256::from(*fee) * U256::from(*others);
            one.cmp(&(U256::from(*other) * U256::from(*weight))).then(weight.cmp(others))
        });
        let mut rest = u128::from(pool);
        let mut weights: u128 =
            kinds.iter().map(|((_, weight), count)| weight * u128::from(*count)).sum();
        for ((fee, weight), count) in kinds {
            if !is_capped((fee.into(), weight), (rest, weights)) {
                break;
            }
            rest = rest.saturating_sub(u128::from(fee) * u128::from(count));
            weights -= weight * u128::from(count);
        }
        (u64::try_from(rest).unwrap_or(pool), weights)
    }
}
