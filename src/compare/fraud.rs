//! The return on fraud: what somebody gets out of a pool who pays for accounts that do nothing but
//! play one recording.
//!
//! Nothing is estimated. The bought plays are put beside the real ones, the pool grows by what the
//! bought accounts pay in, and the rule shares it as it would: its thresholds, caps and factors
//! see the bought plays as they see all others.

use ruint::aliases::U256;

use super::measures::Measure;
use crate::allocate::{AllocateError, Attributes, Fees, Inputs, Reach, Rule, Threshold, allocate};
use crate::ident::RecordingId;
use crate::money::{AmountOutOfRange, Micros, half_even};
use crate::usage::{Listening, Play, Sums};

/// Accounts that are bought, each to play one new recording of one new artist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// How many.
    pub accounts: u32,
    /// How often each plays it in the month. The plays count as chosen: a script can choose.
    pub plays_each: u32,
}

impl Default for Purchase {
    /// A thousand accounts that play 30 seconds at a time, day and night for 30 days.
    fn default() -> Self {
        Self { accounts: 1000, plays_each: 2 * 60 * 24 * 30 }
    }
}

/// Real plays of a pool and bought ones.
pub struct Bought<'a, L> {
    purchase: Purchase,
    listening: &'a L,
    /// The real ones, and the bought one at the end.
    recordings: Vec<RecordingId>,
    attributes: Attributes<'a>,
    /// The hashes of the bought accounts.
    accounts: Vec<u128>,
    fees: Option<Fees>,
    /// How many real listeners played anything.
    listeners: u64,
}

/// What bought accounts pay into a pool and take out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extraction {
    /// How many accounts were bought.
    pub accounts: u32,
    /// By how much the pool has grown: for each account what it has on average of a listener who
    /// plays.
    pub brought_in: Micros,
    /// What the bought recording gets.
    pub extracted: Micros,
}

/// Why it cannot be said what bought accounts would take.
#[derive(Debug, thiserror::Error)]
pub enum NotExtracted<E> {
    /// The pool does not fit.
    #[error("the pool with what bought accounts bring in: {0}")]
    Pool(#[from] AmountOutOfRange),
    /// The rule does not share it.
    #[error(transparent)]
    Allocate(#[from] AllocateError<E>),
}

/// How many listeners play, and what those of whom it is known have paid.
#[derive(Debug, Default)]
struct Playing<'a> {
    fees: Option<&'a Fees>,
    listeners: u64,
    known: u64,
    paid: u128,
}

impl Sums for Playing<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        if plays.iter().all(|play| play.plays == 0) {
            return;
        }
        self.listeners += 1;
        if let Some(fee) = self.fees.and_then(|fees| fees.of(listener)) {
            self.known += 1;
            self.paid += u128::from(fee);
        }
    }
}

impl<'a, L: Listening> Bought<'a, L> {
    /// Puts bought plays beside the real ones. Where fees are known, each account has paid what a
    /// listener who plays has paid on average, up to the next micro, so that a pool of all that
    /// was paid stays within what was paid.
    pub fn new(
        purchase: Purchase,
        listening: &'a L,
        attributes: &Attributes<'a>,
        fees: Option<&Fees>,
    ) -> Result<Self, L::Error> {
        let mut recordings = listening.recordings().to_vec();
        recordings.push(unused(&recordings));
        // Hashes are even over 128 bits, so no real listener has any of these; a fee would tell.
        let is_free = |hash: &u128| fees.is_none_or(|fees| fees.of(*hash).is_none());
        let hashes = (0..=u128::MAX).rev().filter(is_free);
        let accounts: Vec<u128> = hashes.take(purchase.accounts as usize).collect();
        let mut bought = Self {
            purchase,
            listening,
            recordings,
            attributes: attributes.and_unknown(),
            accounts,
            fees: None,
            listeners: 0,
        };
        let Some(fees) = fees else {
            bought.listeners = listening.listeners()?;
            return Ok(bought);
        };
        let parts = listening.fold(|| Playing { fees: Some(fees), ..Playing::default() })?;
        bought.listeners = parts.iter().map(|part| part.listeners).sum();
        let known: u64 = parts.iter().map(|part| part.known).sum();
        let paid: u128 = parts.iter().map(|part| part.paid).sum();
        let average = paid.div_ceil(u128::from(known.max(1)));
        let average = u64::try_from(average).unwrap_or(u64::MAX); // a mean of such
        bought.fees = Some(fees.with(bought.accounts.iter().map(|account| (*account, average))));
        Ok(bought)
    }

    /// What the bought accounts get out of a pool by a rule. `reach` is that of the real plays, as
    /// for [`allocate`]; `payers` are those who really paid.
    pub fn extract(
        &self,
        rule: &Rule,
        pool: Micros,
        reach: &dyn Fn(Threshold) -> Result<Reach, L::Error>,
        payers: Option<u64>,
    ) -> Result<Extraction, NotExtracted<L::Error>> {
        let Purchase { accounts, plays_each } = self.purchase;
        if self.listeners == 0 {
            return Err(AllocateError::NoPlays.into());
        }
        let part = i128::from(pool.micros()) * i128::from(accounts);
        let brought_in = Micros::from_micros(half_even(part, i128::from(self.listeners)))?;
        let plays = u64::from(accounts) * u64::from(plays_each);
        let reach = |threshold| Ok(reach(threshold)?.and(plays, accounts.into()));
        let inputs = Inputs {
            listening: self,
            attributes: &self.attributes,
            reach: &reach,
            fees: self.fees.as_ref(),
            payers: payers.map(|payers| payers + u64::from(accounts)),
            released: None,
        };
        let shared = allocate(rule, pool.plus(brought_in)?, &inputs)?.recordings;
        let bought = self.recordings.last();
        let found = bought
            .and_then(|id| shared.binary_search_by(|row| row.recording.cmp(id)).ok())
            .map(|at| shared[at].amount);
        Ok(Extraction { accounts, brought_in, extracted: found.unwrap_or_default() })
    }
}

/// An id that none of these recordings has.
fn unused(recordings: &[RecordingId]) -> RecordingId {
    let mut number = 0_u64;
    loop {
        number += 1;
        match RecordingId::parse(&format!("bought::{number}")) {
            Ok(id) if !recordings.contains(&id) => return id,
            _ => {}
        }
    }
}

impl<L: Listening> Listening for Bought<'_, L> {
    type Error = L::Error;

    fn recordings(&self) -> &[RecordingId] {
        &self.recordings
    }

    fn threads(&self) -> usize {
        self.listening.threads()
    }

    fn listeners(&self) -> Result<u64, L::Error> {
        let playing = if self.purchase.plays_each == 0 { 0 } else { self.purchase.accounts };
        Ok(self.listeners + u64::from(playing))
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, L::Error> {
        let mut parts = self.listening.fold(&start)?;
        let mut sums = parts.pop().unwrap_or_else(&start);
        let plays = self.purchase.plays_each;
        let recording = u32::try_from(self.listening.recordings().len()).unwrap_or(u32::MAX);
        for account in &self.accounts {
            sums.add(*account, &[Play { recording, plays, active: plays }]);
        }
        parts.push(sums);
        Ok(parts)
    }
}

impl Extraction {
    /// What comes back of each unit that was paid in: 1 where the accounts get back their own
    /// money, more where others pay. None if nothing was paid in.
    pub fn returned(&self) -> Option<Measure> {
        let micros = |amount: Micros| U256::from(amount.micros().unsigned_abs());
        let paid = !self.brought_in.is_zero();
        paid.then(|| Measure::ratio(micros(self.extracted), micros(self.brought_in)))
    }

    /// What others lose by it; negative where the accounts lose.
    pub fn from_others(&self) -> Micros {
        // Both are amounts of one pool, and not negative.
        self.extracted.minus(self.brought_in).unwrap_or_default()
    }

    /// The price of an account under which buying it pays, half to even; none without accounts.
    pub fn break_even(&self) -> Option<Micros> {
        let accounts = Some(i128::from(self.accounts)).filter(|accounts| *accounts > 0)?;
        Micros::from_micros(half_even(i128::from(self.extracted.micros()), accounts)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::PlaysInMemory;

    fn id(name: &str) -> RecordingId {
        RecordingId::parse(name).unwrap()
    }

    fn micros(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    /// A plays X 100 times, B plays Z 50 times, C plays each of X, Y and Z 50 times.
    fn three() -> PlaysInMemory {
        let play =
            |listener: u128, recording, plays| (listener, Play { recording, plays, active: 0 });
        let rows =
            vec![play(1, 0, 100), play(2, 2, 50), play(3, 0, 50), play(3, 1, 50), play(3, 2, 50)];
        PlaysInMemory::new(["x::X", "x::Y", "bought::1"].map(id).into(), rows, 2).unwrap()
    }

    /// What one account gets of a pool of 30.00 that plays 300 times, as all others do together.
    fn one_account(rule: &str, fees: Option<&Fees>) -> Extraction {
        let usage = three();
        let attributes = Attributes::of(usage.recordings(), |_| None);
        let purchase = Purchase { accounts: 1, plays_each: 300 };
        let Ok(bought) = Bought::new(purchase, &usage, &attributes, fees);
        let reach = |threshold: Threshold| Reach::of(&usage, &attributes, threshold.of);
        let rule = Rule::parse(rule).unwrap();
        bought.extract(&rule, micros("30"), &reach, fees.map(Fees::payers)).unwrap()
    }

    #[test]
    fn bought_plays_take_half_of_a_pool_by_plays_and_their_own_money_by_listeners() {
        // The account brings in 30/3 = 10. Of 600 plays it has 300: 20 of 40 by plays. By
        // listeners it is one of four: 10 of 40.
        let by_plays = one_account("model = \"pro_rata\"", None);
        assert_eq!((by_plays.brought_in, by_plays.extracted), (micros("10"), micros("20")));
        assert_eq!(by_plays.from_others(), micros("10"));
        assert_eq!(by_plays.returned().unwrap().to_string(), "2.000000");
        assert_eq!(by_plays.break_even(), Some(micros("20")));
        for model in ["user_centric", "equal_per_artist"] {
            let by_listeners = one_account(&format!("model = \"{model}\""), None);
            assert_eq!(by_listeners.extracted, micros("10"), "{model}");
            assert_eq!(by_listeners.returned().unwrap().to_string(), "1.000000");
        }
    }

    #[test]
    fn thresholds_caps_and_factors_see_bought_plays() {
        // Clamped at 100 plays: 100, 50, 100 and 100 of 350.
        let cap = "model = \"pro_rata\"\ncap = { plays = 100, mode = \"clamp\" }";
        assert_eq!(one_account(cap, None).extracted, micros("11.428571"));
        // The bought recording has one listener.
        let listeners =
            "model = \"pro_rata\"\n[[eligible]]\nof = \"recording\"\nlisteners_at_least = 2";
        assert_eq!(one_account(listeners, None).extracted, Micros::ZERO);
        // X has 150 plays, the bought one 300: they alone count.
        let plays = "model = \"pro_rata\"\n[[eligible]]\nof = \"artist\"\nplays_above = 149";
        assert_eq!(one_account(plays, None).extracted, micros("26.666667"));
        // Twice 300 plays of a professional beside 300.
        let professional = "model = \"pro_rata\"\n[professional]\nfactor = \"2\"\n\
            threshold = { of = \"artist\", plays_at_least = 300 }";
        assert_eq!(one_account(professional, None).extracted, micros("26.666667"));
        // A play that was chosen counts twice, and no real one was.
        let active = "model = \"pro_rata\"\nfactors = { active = \"2\" }";
        assert_eq!(one_account(active, None).extracted, micros("26.666667"));
    }

    #[test]
    fn an_account_has_paid_what_others_have_on_average() {
        // 10, 11 and 11 make 10.666667, a fraction of a micro over the average.
        let fees: Vec<(u128, u64)> = vec![(1, 10_000_000), (2, 11_000_000), (3, 11_000_000)];
        let fees = Fees::new(fees).unwrap();
        let by_fees = "model = \"user_centric\"\nbudgets = \"fees\"";
        assert_eq!(one_account(by_fees, Some(&fees)).extracted, micros("10.000000"));
        // No more than the account's fee, however much it plays.
        let scaled = one_account("model = \"scaled_user\"", Some(&fees));
        assert_eq!(scaled.extracted, micros("10.666667"));
        // Who pays and plays nothing is still one of four payers, not of three.
        let fees = fees.with([(9, 8_000_000)]);
        let carried = one_account("model = \"user_centric\"\non_no_plays = \"carry\"", Some(&fees));
        assert_eq!(carried.extracted, micros("8")); // a fifth of 40
    }

    #[test]
    fn accounts_that_play_nothing_take_nothing() {
        let usage = three();
        let attributes = Attributes::of(usage.recordings(), |_| None);
        let purchase = Purchase { accounts: 5, plays_each: 0 };
        let Ok(bought) = Bought::new(purchase, &usage, &attributes, None);
        let reach = |threshold: Threshold| Reach::of(&usage, &attributes, threshold.of);
        let rule = Rule::parse("model = \"user_centric\"").unwrap();
        let nothing = bought.extract(&rule, micros("30"), &reach, None).unwrap();
        assert_eq!((nothing.brought_in, nothing.extracted), (micros("50"), Micros::ZERO));
        assert_eq!(nothing.returned().unwrap().to_string(), "0.000000");
    }
}
