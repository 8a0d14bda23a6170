//! How one recording's part of a pool comes about, for a person who redoes it.

use std::collections::HashMap;

use super::bands;
use super::hold::without_held;
use super::models::{AllocateError, Inputs, by_weight, prepare, rate, set_aside, share};
use super::modifiers::Threshold;
use super::rate::Rate;
use super::rule::{Model, Rule};
use super::tally::Tally;
use super::weights::Weights;
use crate::ident::RecordingId;
use crate::money::{AmountOutOfRange, Micros};
use crate::usage::{Listening, Play, Sums};

/// One listener of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// By hash.
    pub listener: u128,
    /// Raw plays of the recording, and the active ones among them.
    pub plays: (u32, u32),
    /// All raw plays.
    pub plays_total: u64,
    /// Weighted plays of the recording and of all, in units of 10⁻ᵈ play.
    pub weights: (u128, u128),
    /// What the listener paid, in micros, if the rule asks.
    pub fee: Option<u64>,
    /// What they add to what the recording is owed; the plays themselves where all weigh alike.
    pub owed: u128,
}

/// A threshold and what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The threshold.
    pub threshold: Threshold,
    /// Raw plays and listeners.
    pub found: (u64, u64),
    /// True if they reach it.
    pub reached: bool,
}

/// One recording's part of what one rule shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The rule; of a blend, that of the part.
    pub rule: Rule,
    /// What it shares.
    pub shared: Micros,
    /// Its thresholds, the one for professional artists last.
    pub measured: Vec<Measured>,
    /// What a play counts, and an active one, in units of 10⁻ᵈ play.
    pub play: (u64, u64),
    /// What the recording is owed, and all: plays, weighted plays, or units of 2⁻⁶⁴ of a weighted
    /// play or of a micro.
    pub owed: (u128, u128),
    /// Listeners with weighted plays.
    pub listeners: u64,
    /// What these paid, in micros, where the rule asks.
    pub fees: u128,
    /// Of `scaled_user`: what those who stay under their fee share, in micros, and their weight.
    pub under_their_fee: Option<(u64, u128)>,
    /// Of bands: its artist's weighted plays, what these count for in millionths of their unit,
    /// and what all artists' count for.
    pub banded: Option<(u128, u128, u128)>,
    /// What the recording gets.
    pub amount: Micros,
    /// Its listeners, by hash.
    pub heard: Vec<Heard>,
}

/// How a recording's part comes about: one detail, or one for each part of a blend.
pub fn detail<L: Listening>(
    rule: &Rule,
    pool: Micros,
    recording: &RecordingId,
    inputs: &Inputs<'_, L>,
) -> Result<Vec<Detail>, AllocateError<L::Error>> {
    match &rule.hold {
        None => details(rule, pool, recording, inputs),
        Some(hold) => without_held(hold, inputs, |inputs| details(rule, pool, recording, inputs)),
    }
}

fn details<L: Listening>(
    rule: &Rule,
    pool: Micros,
    recording: &RecordingId,
    inputs: &Inputs<'_, L>,
) -> Result<Vec<Detail>, AllocateError<L::Error>> {
    if rule.model != Model::Blend {
        return Ok(vec![of_rule(rule, pool, recording, inputs)?]);
    }
    let listeners = inputs.listening.listeners().map_err(AllocateError::Usage)?;
    let apart = set_aside(rule, pool, Some(listeners), inputs)?;
    let shared = pool.minus(apart).map_err(|AmountOutOfRange| AllocateError::Negative)?;
    let weights: Vec<u128> = rule.parts.iter().map(|part| part.weight.units(6).into()).collect();
    let parts = rule.parts.iter().zip(by_weight(shared, &weights));
    parts.map(|(part, amount)| of_rule(&part.rule, amount, recording, inputs)).collect()
}

fn of_rule<L: Listening>(
    rule: &Rule,
    pool: Micros,
    recording: &RecordingId,
    inputs: &Inputs<'_, L>,
) -> Result<Detail, AllocateError<L::Error>> {
    let ids = inputs.listening.recordings();
    let at = ids.iter().position(|id| id == recording).ok_or(AllocateError::NoPlays)?;
    let number = u32::try_from(at).map_err(|_| AllocateError::NoPlays)?;
    let prepared = prepare(rule, pool, inputs)?;
    let (weights, survey) = (prepared.weights.as_ref(), prepared.survey.as_ref());
    let rate = rate(rule, prepared.micros, survey, inputs)?;
    let parts = inputs.listening.fold(|| Hearing {
        tally: Tally::new(&rate, weights, ids.len()),
        recording: number,
        rate: &rate,
        weights,
        heard: Vec::new(),
    });
    let mut parts = parts.map_err(AllocateError::Usage)?;
    let owed = |number: u32| -> u128 { parts.iter().map(|part| part.tally.sum(number).owed).sum() };
    let all: Vec<u128> = (0..).take(ids.len()).map(owed).collect();
    let artists = &inputs.attributes.artists;
    let banded = (!rule.bands.is_empty()).then(|| bands::of_artist(rule, &all, artists, at));
    let listeners = parts.iter().map(|part| part.tally.totals().listeners).sum();
    let mut heard: Vec<Heard> = parts.iter_mut().flat_map(|part| part.heard.drain(..)).collect();
    heard.sort_unstable_by_key(|heard| heard.listener);
    let thresholds = rule.eligible.iter().copied();
    let thresholds = thresholds.chain(rule.professional.map(|professional| professional.threshold));
    let mut measured = Vec::new();
    for threshold in thresholds {
        let reach = (inputs.reach)(threshold).map_err(AllocateError::Usage)?;
        let found = reach.found(threshold.of, at, inputs.attributes);
        let reached = threshold.is_reached(found.0, found.1);
        measured.push(Measured { threshold, found, reached });
    }
    let play = weights.map_or((1, 1), |weights| {
        let weight = weights.of_play(number);
        (weight.play, weight.active)
    });
    let allocation = share(rule, pool, inputs)?;
    let row = allocation.recordings.iter().find(|row| row.recording == *recording);
    Ok(Detail {
        rule: rule.clone(),
        shared: prepared.amount,
        measured,
        play,
        owed: (all[at], all.iter().sum()),
        listeners,
        fees: survey.map_or(0, |survey| survey.fees),
        under_their_fee: match rate {
            Rate::UpToFee { rest, weight, .. } => Some((rest, weight)),
            _ => None,
        },
        banded,
        amount: row.map_or(Micros::ZERO, |row| row.amount),
        heard,
    })
}

/// Adds up as an allocation does, and remembers who played the recording.
struct Hearing<'a> {
    tally: Tally<'a>,
    recording: u32,
    rate: &'a Rate<'a>,
    weights: Option<&'a Weights>,
    heard: Vec<Heard>,
}

impl Sums for Hearing<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        self.tally.add(listener, plays);
        let of_recording = plays.iter().find(|play| play.recording == self.recording);
        let Some(play) = of_recording.filter(|play| play.plays > 0) else { return };
        let weigh = |play: &Play| match self.weights {
            Some(weights) => weights.weigh(play),
            None => play.plays.into(),
        };
        let total: u128 = plays.iter().map(weigh).sum();
        let eligible = || match self.weights {
            Some(weights) => weights.eligible_plays(plays),
            None => plays.iter().map(|play| u64::from(play.plays)).sum(),
        };
        let rate = match self.rate {
            Rate::Artists { pool, listeners, artists, .. } => {
                let mut of_artists: HashMap<u32, u128> = HashMap::new();
                for play in plays.iter().filter(|play| weigh(play) > 0) {
                    *of_artists.entry(artists[play.recording as usize]).or_default() += weigh(play);
                }
                let budgets = u128::from(*listeners) * of_artists.len() as u128;
                let artist = artists[self.recording as usize];
                Rate::of_budget(*pool, budgets, of_artists.get(&artist).copied().unwrap_or(0))
            }
            rate => rate.of_listener(listener, total, eligible),
        };
        self.heard.push(Heard {
            listener,
            plays: (play.plays, play.active.min(play.plays)),
            plays_total: plays.iter().map(|play| u64::from(play.plays)).sum(),
            weights: (weigh(play), total),
            fee: self.rate.fees().and_then(|fees| fees.of(listener)),
            owed: weigh(play).saturating_mul(rate),
        });
    }
}
