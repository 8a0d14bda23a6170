//! What listeners paid.

/// What each listener paid, in micros, by hash. It grows with the listeners who paid for one
/// pool: 24 bytes each.
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

    /// What a listener paid, if it is known.
    pub fn of(&self, listener: u128) -> Option<u64> {
        let at = self.listeners.binary_search(&listener).ok()?;
        self.fees.get(at).copied()
    }

    /// How many listeners paid.
    pub fn len(&self) -> u64 {
        self.listeners.len() as u64
    }

    /// True if nobody paid.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listener_paid_twice_is_added_up() {
        let fees = Fees::new(vec![(2, 5), (1, 3), (2, 7)]).unwrap();
        assert_eq!((fees.of(1), fees.of(2), fees.of(3), fees.len()), (Some(3), Some(12), None, 2));
        assert_eq!(Fees::new(vec![(1, u64::MAX), (1, 1)]), Err(FeesTooLarge));
    }
}
