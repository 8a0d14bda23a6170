//! What listeners paid.

/// What each listener paid, in micros, by hash. It grows with the listeners who paid for one
/// pool: 24 bytes each, and twice that while they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fees {
    /// In order; the fees stand at the same places.
    listeners: Vec<u128>,
    fees: Vec<u64>,
}

/// One listener's fees add up to more than can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fees of one listener add up to more than can be held")]
pub struct FeesTooLarge;

impl Fees {
    /// Fees by listener, in any order; those of one listener are added up.
    pub fn new(mut fees: Vec<(u128, u64)>) -> Result<Self, FeesTooLarge> {
        fees.sort_unstable();
        let mut fit = true;
        fees.dedup_by(|(next, fee), (listener, sum)| {
            let same = next == listener;
            if same {
                fit &= sum.checked_add(*fee).is_some();
                *sum = sum.saturating_add(*fee);
            }
            same
        });
        let (listeners, fees) = fees.into_iter().unzip();
        if fit { Ok(Self { listeners, fees }) } else { Err(FeesTooLarge) }
    }

    /// These and more, in any order; of a listener who is among these, the fee stays.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = (u128, u64)>) -> Self {
        let these = self.listeners.iter().copied().zip(self.fees.iter().copied());
        let mut all: Vec<(u128, u64)> = these.chain(more).collect();
        all.sort_by_key(|(listener, _)| *listener);
        all.dedup_by_key(|(listener, _)| *listener);
        let (listeners, fees) = all.into_iter().unzip();
        Self { listeners, fees }
    }

    /// What a listener paid, if it is known.
    pub fn of(&self, listener: u128) -> Option<u64> {
        let at = self.listeners.binary_search(&listener).ok()?;
        self.fees.get(at).copied()
    }

    /// How many listeners paid anything.
    pub fn payers(&self) -> u64 {
        self.fees.iter().filter(|fee| **fee > 0).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listener_paid_twice_is_added_up() {
        let fees = Fees::new(vec![(2, 5), (1, 3), (2, 7)]).unwrap();
        assert_eq!(
            (fees.of(1), fees.of(2), fees.of(3), fees.payers()),
            (Some(3), Some(12), None, 2)
        );
        assert_eq!(Fees::new(vec![(1, u64::MAX), (1, 1)]), Err(FeesTooLarge));
    }
}
