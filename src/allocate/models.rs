//! The models, each as its formula.

use super::tally::{Rule, Tally};
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
    let parts = listening.fold(Tally::default, |sum, plays| sum.add(plays, &rule));
    let parts = parts.map_err(AllocateError::Usage)?;
    let tally = parts.iter().fold(Tally::default(), Tally::merge);
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
    let mut order: Vec<usize> = (0..tally.plays.len()).collect();
    order.sort_unstable_by(|a, b| ids[*a].cmp(&ids[*b]));
    let amounts = match rule {
        Rule::Plays => by_plays(pool, &tally, &order),
        Rule::EqualBudgets { .. } => by_budgets(amount, &tally, &order),
    };
    let recordings = order
        .iter()
        .zip(amounts)
        .map(|(at, amount)| RecordingAmount {
            recording: ids[*at].clone(),
            plays: tally.plays[*at],
            listeners: tally.listeners[*at],
            amount,
        })
        .collect();
    Ok(Allocation { recordings, plays, listeners: tally.listeners_total })
}

fn by_plays(pool: Micros, tally: &Tally, order: &[usize]) -> Vec<Micros> {
    let weights: Vec<u128> = order.iter().map(|at| u128::from(tally.plays[*at])).collect();
    match apportion(pool, &weights) {
        Ok(amounts) => amounts,
        // There are plays, and fewer than 2⁶⁴ of them.
        Err(ApportionError::NoWeight | ApportionError::WeightOverflow) => {
            unreachable!("plays were checked")
        }
    }
}

/// Each recording gets ⌊v / 2⁶⁴⌋ of what it is owed, v; the micros left over go one each to the largest low 64 bits, ties by id.
fn by_budgets(pool: u64, tally: &Tally, order: &[usize]) -> Vec<Micros> {
    let owed = |at: &usize| tally.owed[*at];
    let whole = |at: &usize| u64::try_from(owed(at) >> 64).unwrap_or(u64::MAX); // ≤ the pool
    let mut amounts: Vec<u64> = order.iter().map(whole).collect();
    // Never negative: the budgets of all listeners together are at most the pool.
    let left_over = pool - amounts.iter().sum::<u64>();
    // A recording without plays gets none of them: those with plays come first, and the
    // micros left over are never more than these are.
    let fractions: Vec<(bool, u128)> =
        order.iter().map(|at| (tally.plays[*at] > 0, owed(at) & u128::from(u64::MAX))).collect();
    for place in crate::money::largest(&fractions, left_over) {
        amounts[place] += 1;
    }
    let micros = |amount: u64| Micros::from_micros(i128::from(amount)).unwrap_or(Micros::MAX); // ≤ the pool
    amounts.into_iter().map(micros).collect()
}
