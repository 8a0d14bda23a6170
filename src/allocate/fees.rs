//! What listeners paid.

/// What each listener paid, in micros, by hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fees {
    /// In order; the fees stand at the same places.
    listeners: Vec<u128>,
    fees: Vec<u64>,
}

/// A listener of whom a fee is said twice, by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twice(pub u128);

impl Fees {
    /// Fees by listener, in any order.
    pub fn new(mut fees: Vec<(u128, u64)>) -> Result<Self, Twice> {
        fees.sort_unstable();
        if let Some(pair) = fees.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Twice(pair[0].0));
        }
        let (listeners, fees) = fees.into_iter().unzip();
        Ok(Self { listeners, fees })
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

    /// How many listeners paid.
    pub fn len(&self) -> u64 {
        self.listeners.len() as u64
    }

    /// True if nobody paid.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }
}
