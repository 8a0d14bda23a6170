//! The models, each as its formula.

use super::tally::{Rule, Sum, Tally};
use crate::ident::RecordingId;
use crate::money::{ApportionError, Micros, apportion};
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
    listening: &mut L,
) -> Result<Allocation, AllocateError<L::Error>> {
    let amount = u64::try_from(pool.micros()).map_err(|_| AllocateError::Negative)?;
    let rule = match model {
        Model::ProRata => Rule::Plays,
        Model::UserCentric => Rule::EqualBudgets {
            pool: u128::from(amount) << 64,
            listeners: listening.listeners().map_err(AllocateError::Usage)?,
        },
    };
    let parts = listening.fold(|| Tally::new(rule)).map_err(AllocateError::Usage)?;
    let tally = parts.into_iter().reduce(|sum, part| sum.merge(&part));
    let tally = tally.unwrap_or_else(|| Tally::new(rule));
    let plays = u64::try_from(tally.plays_total).map_err(|_| AllocateError::TooManyPlays)?;
    if plays == 0 {
        return Err(AllocateError::NoPlays);
    }
    if let Rule::EqualBudgets { listeners, .. } = rule
        && listeners != tally.listeners_total
    {
        return Err(AllocateError::Listeners { said: listeners, found: tally.listeners_total });
    }
    let ids = listening.recordings();
    let order = by_id(&ids[..tally.recordings.len()]);
    let sums: Vec<Sum> = order.iter().map(|at| tally.recordings[*at as usize]).collect();
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
    Ok(Allocation { recordings, plays, listeners: tally.listeners_total })
}

/// The numbers of recordings by the bytes of their ids. The first twelve bytes, of which an ISRC
/// has no more, are sorted with the number behind them as one integer.
#[expect(clippy::stable_sort_primitive, reason = "the stable sort merges sorted halves")]
fn by_id(ids: &[RecordingId]) -> Vec<u32> {
    let number = |key: u128| u32::try_from(key & u128::from(u32::MAX)).unwrap_or(u32::MAX);
    let first = |id: &RecordingId| RecordingId::first_bytes(id.as_str()) >> 32 << 32;
    let mut keys: Vec<u128> = (0_u128..).zip(ids).map(|(number, id)| first(id) | number).collect();
    let half = keys.len() / 2;
    let (left, right) = keys.split_at_mut(half);
    std::thread::scope(|scope| {
        scope.spawn(|| left.sort_unstable());
        right.sort_unstable();
    });
    keys.sort(); // merges the halves
    for alike in keys.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|alike| alike.len() > 1) {
        alike.sort_unstable_by_key(|key| &ids[number(*key) as usize]);
    }
    keys.into_iter().map(number).collect()
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
    let fractions: Vec<(bool, u64)> =
        sums.iter().map(|sum| (sum.plays > 0, fraction(sum))).collect();
    for place in crate::money::largest(&fractions, left_over) {
        amounts[place] += 1;
    }
    let micros = |amount: u64| Micros::from_micros(i128::from(amount)).unwrap_or(Micros::MAX); // ≤ the pool
    amounts.into_iter().map(micros).collect()
}
