//! A pool over recordings, by a rule.

use std::ops::Range;

use super::bands;
use super::fees::Fees;
use super::hold::without_held;
use super::modifiers::{Budgets, OnNoPlays, Threshold};
use super::rate::Rate;
use super::rule::{Model, Rule};
use super::survey::{Survey, Surveying};
use super::tally::{Sum, Tally, Totals};
use super::weights::{Attributes, Reach, Weights};
use crate::ident::RecordingId;
use crate::money::{AmountOutOfRange, ApportionError, Micros, apportion, half_even};
use crate::suspicion::Released;
use crate::threads::in_parts;
use crate::usage::Listening;

/// What a rule looks at.
pub struct Inputs<'a, L: Listening> {
    /// Who listened to what.
    pub listening: &'a L,
    /// What is known of the recordings.
    pub attributes: &'a Attributes<'a>,
    /// What a threshold is measured by.
    pub reach: &'a dyn Fn(Threshold) -> Result<Reach, L::Error>,
    /// What each listener paid, if it is known.
    pub fees: Option<&'a Fees>,
    /// How many listeners paid, if it is known.
    pub payers: Option<u64>,
    /// What is not held, whatever finds it.
    pub released: Option<&'a Released>,
}

impl<'a, L: Listening> Inputs<'a, L> {
    /// Listening and nothing else: enough for a model without modifiers that asks for no artist
    /// and no fee.
    pub fn plain(listening: &'a L, attributes: &'a Attributes<'a>) -> Self {
        let reach = &|_| Ok(Reach::default());
        Self { listening, attributes, reach, fees: None, payers: None, released: None }
    }
}

/// Why a pool was not shared.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocateError<E> {
    /// There is nobody to share it over.
    #[error("no plays")]
    NoPlays,
    /// There are plays, and the rule counts none of them.
    #[error("the rule counts none of the plays")]
    NothingCounts {
        /// How many there are.
        plays: u64,
    },
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
    /// The rule needs what each listener paid.
    #[error("the rule shares by what each listener paid, and that is not known")]
    NoFees,
    /// Listeners with plays of whom it is not known what they paid.
    #[error("{0} listeners have plays and no fee")]
    Unpaid(u64),
    /// Those who have plays have paid nothing.
    #[error("the rule shares by what each listener paid, and those who played have paid nothing")]
    NothingPaid,
    /// A defect: what is given is not the pool.
    #[error("{pool} was to be shared, and {found} micros were")]
    NotConserved {
        /// The pool.
        pool: Micros,
        /// What recordings get and what is set aside.
        found: i128,
    },
    /// A pool that the listeners did not pay.
    #[error("the amount is over {0}, which is what those who played have paid")]
    OverFees(Micros),
    /// The rule needs to know how many paid.
    #[error(
        "the rule sets aside the part of those who pay and play nothing, and how many pay is not known"
    )]
    NoPayers,
    /// Fewer are said to have paid than have played.
    #[error("{payers} listeners have paid and {listeners} have played")]
    Payers {
        /// How many paid.
        payers: u64,
        /// How many played.
        listeners: u64,
    },
    /// There is too much to look at.
    #[error("{0}")]
    NotLookedAt(String),
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
    /// Listeners with weighted plays.
    pub listeners: u64,
    /// The part of those who pay and play nothing, where the rule takes it out first.
    pub set_aside: Micros,
}

/// Shares an amount over recordings.
///
/// The amounts and what is set aside add up to `pool` exactly and do not depend on the order of
/// the plays, nor on how they were split over threads or files.
pub fn allocate<L: Listening>(
    rule: &Rule,
    pool: Micros,
    inputs: &Inputs<'_, L>,
) -> Result<Allocation, AllocateError<L::Error>> {
    if pool.is_negative() {
        return Err(AllocateError::Negative);
    }
    let shared = match &rule.hold {
        None => share(rule, pool, inputs),
        Some(hold) => without_held(hold, inputs, |inputs| share(rule, pool, inputs)),
    }?;
    shared.proven(pool)
}

impl Allocation {
    /// Proves that it gives the pool, and nothing else.
    fn proven<E>(self, pool: Micros) -> Result<Self, AllocateError<E>> {
        let amounts = self.recordings.iter().map(|row| row.amount).chain([self.set_aside]);
        let found: i128 = amounts.map(|amount| i128::from(amount.micros())).sum();
        let whole = found == i128::from(pool.micros()) && !self.set_aside.is_negative();
        if whole { Ok(self) } else { Err(AllocateError::NotConserved { pool, found }) }
    }
}

/// Shares an amount by the plays that are left.
pub(super) fn share<L: Listening>(
    rule: &Rule,
    pool: Micros,
    inputs: &Inputs<'_, L>,
) -> Result<Allocation, AllocateError<L::Error>> {
    use AllocateError::{NoFees, NoPayers, NoPlays, NothingPaid, OverFees, Payers, Unpaid, Usage};
    match share_by(rule, pool, inputs) {
        // Who paid does not matter where nobody has played.
        Err(NoFees | NoPayers | NothingPaid | OverFees(_) | Payers { .. } | Unpaid(_))
            if inputs.listening.listeners().map_err(Usage)? == 0 =>
        {
            Err(NoPlays)
        }
        shared => shared,
    }
}

fn share_by<L: Listening>(
    rule: &Rule,
    pool: Micros,
    inputs: &Inputs<'_, L>,
) -> Result<Allocation, AllocateError<L::Error>> {
    if rule.model == Model::Blend {
        return blend(rule, pool, inputs);
    }
    let ids = inputs.listening.recordings();
    let Prepared { weights, survey, set_aside, amount, micros } = prepare(rule, pool, inputs)?;
    let rate = rate(rule, micros, survey.as_ref(), inputs)?;
    let parts = inputs.listening.fold(|| Tally::new(&rate, weights.as_ref(), ids.len()));
    let parts = parts.map_err(AllocateError::Usage)?;
    let totals = parts.iter().map(Tally::totals).fold(Totals::default(), Totals::merge);
    check(&totals, survey.as_ref())?;
    let plays = u64::try_from(totals.plays).map_err(|_| AllocateError::TooManyPlays)?;
    let threads = inputs.listening.threads();
    let InOrder { order, mut recordings, owed } = by_id(ids, threads, |order, in_order| {
        for at in order {
            let mut sum = Sum::default();
            for part in &parts {
                sum.add(part.sum(at));
            }
            let Sum { owed, plays, listeners } = sum;
            let recording = ids[at as usize].clone();
            let amount = Micros::ZERO; // for now
            in_order.order.push(at);
            in_order.recordings.push(RecordingAmount { recording, plays, listeners, amount });
            in_order.owed.push(owed);
        }
    });
    let amounts = if rule.model.is_per_listener() {
        by_budgets(micros, &owed)
    } else if rule.bands.is_empty() {
        by_weight(amount, &owed)
    } else {
        let artists: Vec<u32> =
            order.iter().map(|at| inputs.attributes.artists[*at as usize]).collect();
        let nothing = AllocateError::NothingCounts { plays };
        bands::share(amount, rule, &owed, &artists).ok_or(nothing)?
    };
    for (recording, amount) in recordings.iter_mut().zip(amounts) {
        recording.amount = amount;
    }
    Ok(Allocation { recordings, plays, listeners: totals.listeners, set_aside })
}

/// What is known before the plays are shared.
pub(super) struct Prepared {
    pub(super) weights: Option<Weights>,
    pub(super) survey: Option<Survey>,
    pub(super) set_aside: Micros,
    /// What is left to share.
    pub(super) amount: Micros,
    /// The same, in micros.
    pub(super) micros: u64,
}

/// Finds out what the rates of a rule that is no blend depend on.
pub(super) fn prepare<L: Listening>(
    rule: &Rule,
    pool: Micros,
    inputs: &Inputs<'_, L>,
) -> Result<Prepared, AllocateError<L::Error>> {
    let reach = |threshold| (inputs.reach)(threshold).map_err(AllocateError::Usage);
    let weights = Weights::of(rule, inputs.listening.recordings(), inputs.attributes, reach)?;
    let survey = survey(rule, weights.as_ref(), inputs)?;
    let set_aside = set_aside(rule, pool, survey.as_ref().map(|survey| survey.listeners), inputs)?;
    let amount = pool.minus(set_aside).map_err(|AmountOutOfRange| AllocateError::Negative)?;
    let micros = u64::try_from(amount.micros()).map_err(|_| AllocateError::Negative)?;
    Ok(Prepared { weights, survey, set_aside, amount, micros })
}

/// Shares by several rules and adds up what each gives.
fn blend<L: Listening>(
    rule: &Rule,
    pool: Micros,
    inputs: &Inputs<'_, L>,
) -> Result<Allocation, AllocateError<L::Error>> {
    let listeners = match rule.on_no_plays {
        OnNoPlays::Pool => None,
        _ => Some(inputs.listening.listeners().map_err(AllocateError::Usage)?),
    };
    let set_aside = set_aside(rule, pool, listeners, inputs)?;
    let amount = pool.minus(set_aside).map_err(|AmountOutOfRange| AllocateError::Negative)?;
    let weights: Vec<u128> = rule.parts.iter().map(|part| part.weight.units(6).into()).collect();
    let mut all: Option<Allocation> = None;
    for (part, amount) in rule.parts.iter().zip(by_weight(amount, &weights)) {
        let part = share(&part.rule, amount, inputs)?;
        let Some(all) = &mut all else {
            all = Some(part);
            continue;
        };
        all.listeners = all.listeners.max(part.listeners);
        for (sum, part) in all.recordings.iter_mut().zip(part.recordings) {
            sum.amount = sum.amount.plus(part.amount).unwrap_or(Micros::MAX); // at most the pool
        }
    }
    all.map(|all| Allocation { set_aside, ..all }).ok_or(AllocateError::NoPlays)
}

/// What the rule must know of the listeners before the plays are shared; none where the usage
/// itself says it.
fn survey<L: Listening>(
    rule: &Rule,
    weights: Option<&Weights>,
    inputs: &Inputs<'_, L>,
) -> Result<Option<Survey>, AllocateError<L::Error>> {
    let by_fee = rule.budgets == Budgets::Fees || rule.model == Model::ScaledUser;
    if !rule.model.is_per_listener() && rule.on_no_plays == OnNoPlays::Pool {
        return Ok(None);
    }
    if !by_fee && weights.is_none_or(Weights::count_all) {
        let listeners = inputs.listening.listeners().map_err(AllocateError::Usage)?;
        return Ok(Some(Survey { listeners, ..Survey::default() }));
    }
    let fees = match inputs.fees {
        Some(fees) if by_fee => Some(fees),
        None if by_fee => return Err(AllocateError::NoFees),
        _ => None,
    };
    let kinds = rule.model == Model::ScaledUser;
    let start = || Surveying { weights, fees, kinds, found: Survey::default() };
    let parts = inputs.listening.fold(start).map_err(AllocateError::Usage)?;
    let survey = parts.into_iter().map(|part| part.found).fold(Survey::default(), Survey::merge);
    if survey.unpaid > 0 { Err(AllocateError::Unpaid(survey.unpaid)) } else { Ok(Some(survey)) }
}

/// The part of those who pay and play nothing: A·(S − N) / S, half to even.
pub(super) fn set_aside<L: Listening>(
    rule: &Rule,
    pool: Micros,
    listeners: Option<u64>,
    inputs: &Inputs<'_, L>,
) -> Result<Micros, AllocateError<L::Error>> {
    if rule.on_no_plays == OnNoPlays::Pool {
        return Ok(Micros::ZERO);
    }
    let (payers, listeners) =
        (inputs.payers.ok_or(AllocateError::NoPayers)?, listeners.unwrap_or(0));
    let silent = payers.checked_sub(listeners);
    let silent =
        silent.filter(|_| payers > 0).ok_or(AllocateError::Payers { payers, listeners })?;
    let part = half_even(i128::from(pool.micros()) * i128::from(silent), i128::from(payers));
    Ok(Micros::from_micros(part).unwrap_or(pool)) // at most the pool
}

pub(super) fn rate<'a, L: Listening>(
    rule: &Rule,
    pool: u64,
    survey: Option<&Survey>,
    inputs: &Inputs<'a, L>,
) -> Result<Rate<'a>, AllocateError<L::Error>> {
    let none = Survey::default();
    let survey = survey.unwrap_or(&none);
    let (listeners, scaled) = (survey.listeners, u128::from(pool) << 64);
    Ok(match rule.model {
        Model::ProRata | Model::Blend => rule.cap.map_or(Rate::Alike, Rate::Capped),
        Model::UserCentric if rule.budgets == Budgets::Equal => {
            Rate::Equal { pool: scaled, listeners }
        }
        Model::UserCentric => {
            let fees = inputs.fees.ok_or(AllocateError::NoFees)?;
            if survey.fees == 0 && pool > 0 {
                return Err(AllocateError::NothingPaid);
            }
            Rate::ByFee { pool, fees, total: survey.fees }
        }
        Model::EqualPerArtist => Rate::Artists {
            pool: scaled,
            listeners,
            artists: &inputs.attributes.artists,
            count: inputs.attributes.artists_count,
        },
        Model::ScaledUser => {
            let fees = inputs.fees.ok_or(AllocateError::NoFees)?;
            if u128::from(pool) > survey.fees {
                let fees = i128::try_from(survey.fees).unwrap_or(i128::MAX);
                return Err(AllocateError::OverFees(
                    Micros::from_micros(fees).unwrap_or(Micros::MAX),
                ));
            }
            let (rest, weight) = survey.under_their_fee(pool);
            Rate::UpToFee { fees, rest, weight }
        }
    })
}

/// Refuses what cannot be shared, or was not what it said.
fn check<E>(totals: &Totals, survey: Option<&Survey>) -> Result<(), AllocateError<E>> {
    if !totals.hold() {
        return Err(AllocateError::TooManyPlays);
    }
    if totals.plays == 0 {
        return Err(AllocateError::NoPlays);
    }
    if totals.weight == 0 {
        let plays = u64::try_from(totals.plays).map_err(|_| AllocateError::TooManyPlays)?;
        return Err(AllocateError::NothingCounts { plays });
    }
    match survey {
        Some(survey) if survey.listeners != totals.listeners => {
            Err(AllocateError::Listeners { said: survey.listeners, found: totals.listeners })
        }
        _ => Ok(()),
    }
}

/// Recordings by the bytes of their ids.
struct InOrder {
    /// Their places in the usage.
    order: Vec<u32>,
    recordings: Vec<RecordingAmount>,
    owed: Vec<u128>,
}

impl InOrder {
    fn with_room_for(recordings: usize) -> Self {
        Self {
            order: Vec::with_capacity(recordings),
            recordings: Vec::with_capacity(recordings),
            owed: Vec::with_capacity(recordings),
        }
    }

    fn and(mut self, mut next: Self) -> Self {
        self.order.append(&mut next.order);
        self.recordings.append(&mut next.recordings);
        self.owed.append(&mut next.owed);
        self
    }
}

/// Orders the places of recordings by the bytes of their ids. Each thread does that for a range of
/// ids, and `push`es what comes of it. The first twelve bytes, of which an ISRC has no more, are
/// sorted with the place behind them as one integer.
fn by_id(
    ids: &[RecordingId],
    threads: usize,
    push: impl Fn(&mut dyn Iterator<Item = u32>, &mut InOrder) + Sync,
) -> InOrder {
    let threads = threads.max(1);
    let place = |key: &u128| u32::try_from(key & u128::from(u32::MAX)).unwrap_or(u32::MAX);
    let first = |id: &RecordingId| RecordingId::first_bytes(id.as_str()) >> 32 << 32;
    // Some of the ids tell where to cut, so that all threads have about as many.
    let mut some: Vec<u128> = ids.iter().step_by(ids.len() / 1024 + 1).map(first).collect();
    some.sort_unstable();
    let cut = |part: usize| some.get(part * some.len() / threads).copied().unwrap_or(u128::MAX);
    let ranges: Vec<Range<u128>> =
        (0..threads).map(|part| if part == 0 { 0 } else { cut(part) }..cut(part + 1)).collect();
    let parts = in_parts(threads, &ranges, |ranges| {
        // All others are put behind the first.
        let mut in_order = InOrder::with_room_for(ids.len());
        for range in ranges {
            let keys = ids.iter().map(first).zip(0_u32..);
            let inside = keys.filter(|(key, _)| range.contains(key));
            let mut keys: Vec<u128> = inside.map(|(key, at)| key | u128::from(at)).collect();
            keys.sort_unstable();
            for alike in
                keys.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|alike| alike.len() > 1)
            {
                alike.sort_unstable_by_key(|key| &ids[place(key) as usize]);
            }
            push(&mut keys.iter().map(place), &mut in_order);
        }
        in_order
    });
    parts.into_iter().reduce(InOrder::and).unwrap_or_else(|| InOrder::with_room_for(0))
}

pub(super) fn by_weight(pool: Micros, weights: &[u128]) -> Vec<Micros> {
    match apportion(pool, weights) {
        Ok(amounts) => amounts,
        // There is weight, and less than 2¹²⁸ of it.
        Err(ApportionError::NoWeight | ApportionError::WeightOverflow) => {
            unreachable!("weights were checked")
        }
    }
}

/// Each recording gets ⌊v / 2⁶⁴⌋ of what it is owed, v; the micros left over go one each to the
/// largest low 64 bits, ties by id.
fn by_budgets(pool: u64, owed: &[u128]) -> Vec<Micros> {
    let whole = |owed: &u128| u64::try_from(owed >> 64).unwrap_or(u64::MAX); // ≤ the pool
    let mut amounts: Vec<u64> = owed.iter().map(whole).collect();
    // Never negative: the budgets of all listeners together are at most the pool.
    let left_over = pool - amounts.iter().sum::<u64>();
    // They are at most as many as there are recordings with a fraction: what the rates have lost
    // is less than a micro, for it is less than a unit for each weighted play.
    let fraction = |owed: &u128| u64::try_from(owed & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    for place in crate::money::largest(owed.iter().map(fraction), left_over) {
        amounts[place] += 1;
    }
    let micros = |amount: u64| Micros::from_micros(i128::from(amount)).unwrap_or(Micros::MAX); // ≤ the pool
    amounts.into_iter().map(micros).collect()
}
