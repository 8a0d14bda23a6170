//! The models, each as its formula.

use super::tally::{Rule, Sum, Tally};
use crate::ident::RecordingId;
use crate::money::{ApportionError, Micros, apportion};
use crate::threads::{in_parts, joined};
use crate::usage::Listening;

/// How a pool is shared over recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// By plays.
    ProRata,
    /// An equal part for each listener, spread over that listener's own plays.
    UserCentric,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ProRata, Self::UserCentric];

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProRata => "pro_rata",
            Self::UserCentric => "user_centric",
        }
    }
}

/// Why a pool was not shared.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocateError<E> {
    /// There is nobody to share it over.
    #[error("no plays")]
    NoPlays,
    /// The pool's plays do not fit in 64 bits.
    #[error("the pool has 2^64 plays or more")]
    TooManyPlays,
    /// The usage counts its listeners wrongly, so that budgets would not add up to the pool.
    #[error("the usage says that it has {said} listeners with plays and has {found}")]
    Listeners {
        /// What it says.
        said: u64,
        /// What was counted.
        found: u64,
    },
    /// A pool under zero.
    #[error("the amount is negative")]
    Negative,
    /// The plays could not be read.
    #[error(transparent)]
    Usage(E),
}

/// What one recording gets of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingAmount {
    /// The recording.
    pub recording: RecordingId,
    /// Raw plays.
    pub plays: u64,
    /// Distinct listeners with at least one play.
    pub listeners: u64,
    /// What it gets.
    pub amount: Micros,
}

/// A pool, shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Each recording that stands in the usage, by the bytes of its id.
    pub recordings: Vec<RecordingAmount>,
    /// All plays of the pool.
    pub plays: u64,
    /// Listeners with at least one play.
    pub listeners: u64,
}

/// Shares an amount over recordings.
///
/// The amounts add up to `pool` exactly and do not depend on the order of the plays, nor on how
/// they were split over threads or files.
pub fn allocate<L: Listening>(
    model: Model,
    pool: Micros,
    listening: &L,
) -> Result<Allocation, AllocateError<L::Error>> {
    let amount = u64::try_from(pool.micros()).map_err(|_| AllocateError::Negative)?;
    let rule = match model {
        Model::ProRata => Rule::Plays,
        Model::UserCentric => Rule::EqualBudgets {
            pool: u128::from(amount) << 64,
            listeners: listening.listeners().map_err(AllocateError::Usage)?,
        },
    };
    let ids = listening.recordings();
    let parts = listening.fold(|| Tally::new(rule, ids.len())).map_err(AllocateError::Usage)?;
    let plays = parts.iter().map(|part| part.plays_total).sum::<u128>();
    let plays = u64::try_from(plays).map_err(|_| AllocateError::TooManyPlays)?;
    if plays == 0 {
        return Err(AllocateError::NoPlays);
    }
    let found = parts.iter().map(|part| part.listeners_total).sum();
    if let Rule::EqualBudgets { listeners: said, .. } = rule
        && said != found
    {
        return Err(AllocateError::Listeners { said, found });
    }
    let threads = listening.threads();
    let order = by_id(ids, threads);
    let sums = in_parts(threads, &order, |order| {
        let sum = |recording: &u32| {
            let mut sum = Sum::default();
            for part in &parts {
                sum.add(part.sum(*recording));
            }
            sum
        };
        order.iter().map(sum).collect::<Vec<_>>()
    });
    let sums: Vec<Sum> = joined(sums);
    let amounts = match rule {
        Rule::Plays => by_plays(pool, &sums),
        Rule::EqualBudgets { .. } => by_budgets(amount, &sums),
    };
    let recordings = order
        .into_iter()
        .zip(sums)
        .zip(amounts)
        .map(|((at, sum), amount)| RecordingAmount {
            recording: ids[at as usize].clone(),
            plays: sum.plays,
            listeners: sum.listeners,
            amount,
        })
        .collect();
    Ok(Allocation { recordings, plays, listeners: found })
}

/// The places of recordings by the bytes of their ids. The first twelve bytes, of which an ISRC
/// has no more, are sorted with the place behind them as one integer.
#[expect(clippy::stable_sort_primitive, reason = "the stable sort merges sorted parts")]
fn by_id(ids: &[RecordingId], threads: usize) -> Vec<u32> {
    let place = |key: u128| u32::try_from(key & u128::from(u32::MAX)).unwrap_or(u32::MAX);
    let places: Vec<u32> = (0..).take(ids.len()).collect();
    let parts = in_parts(threads, &places, |places| {
        let first = |at: &u32| RecordingId::first_bytes(ids[*at as usize].as_str()) >> 32 << 32;
        let mut keys: Vec<u128> = places.iter().map(|at| first(at) | u128::from(*at)).collect();
        keys.sort_unstable();
        keys
    });
    let mut keys = joined(parts);
    keys.sort();
    for alike in keys.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|alike| alike.len() > 1) {
        alike.sort_unstable_by_key(|key| &ids[place(*key) as usize]);
    }
    keys.into_iter().map(place).collect()
}

fn by_plays(pool: Micros, sums: &[Sum]) -> Vec<Micros> {
    let weights: Vec<u128> = sums.iter().map(|sum| u128::from(sum.plays)).collect();
    match apportion(pool, &weights) {
        Ok(amounts) => amounts,
        // There are plays, and fewer than 2⁶⁴ of them.
        Err(ApportionError::NoWeight | ApportionError::WeightOverflow) => {
            unreachable!("plays were checked")
        }
    }
}

/// Each recording gets ⌊v / 2⁶⁴⌋ of what it is owed, v; the micros left over go one each to the
/// largest low 64 bits, ties by id.
fn by_budgets(pool: u64, sums: &[Sum]) -> Vec<Micros> {
    let whole = |sum: &Sum| u64::try_from(sum.owed >> 64).unwrap_or(u64::MAX); // ≤ the pool
    let mut amounts: Vec<u64> = sums.iter().map(whole).collect();
    // Never negative: the budgets of all listeners together are at most the pool.
    let left_over = pool - amounts.iter().sum::<u64>();
    // A recording without plays gets none of them: those with plays come first, and the
    // micros left over are never more than these are.
    let fraction = |sum: &Sum| u64::try_from(sum.owed & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    let fractions = sums.iter().map(|sum| (sum.plays > 0, fraction(sum)));
    for place in crate::money::largest(fractions, left_over) {
        amounts[place] += 1;
    }
    let micros = |amount: u64| Micros::from_micros(i128::from(amount)).unwrap_or(Micros::MAX); // ≤ the pool
    amounts.into_iter().map(micros).collect()
}
