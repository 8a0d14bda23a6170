//! Plays that are held leave numerator and denominator.

use super::models::{AllocateError, Inputs, RecordingAmount, share};
use super::modifiers::Threshold;
use super::rule::Rule;
use super::weights::Reaches;
use crate::money::Micros;
use crate::suspicion::{Held, Suspects, Suspicion};
use crate::usage::Listening;

/// What recordings get of an amount where nothing is held, and what where the plays of some
/// suspects are, whatever the rule itself holds. Where nothing is left to share by, nobody gets
/// anything.
pub fn with_and_without<L: Listening>(
    rule: &Rule,
    amount: Micros,
    inputs: &Inputs<'_, L>,
    suspects: &Suspects,
) -> Result<[Vec<RecordingAmount>; 2], AllocateError<L::Error>> {
    let with = share(rule, amount, inputs)?.recordings;
    let without = match left_by(suspects, inputs, |inputs| share(rule, amount, inputs)) {
        Ok(shared) => shared.recordings,
        Err(AllocateError::NoPlays | AllocateError::NothingCounts { .. }) => {
            with.iter().map(|row| RecordingAmount { amount: Micros::ZERO, ..row.clone() }).collect()
        }
        Err(error) => return Err(error),
    };
    Ok([with, without])
}

/// Calls `then` with the inputs as they are without the plays that a rule holds.
pub(super) fn without_held<L: Listening, R>(
    hold: &Suspicion,
    inputs: &Inputs<'_, L>,
    then: impl FnOnce(&Inputs<'_, Held<'_, L>>) -> Result<R, AllocateError<L::Error>>,
) -> Result<R, AllocateError<L::Error>> {
    let artists = Some(inputs.attributes.artists()).filter(|artists| !artists.is_empty());
    let suspects =
        hold.look(inputs.listening, artists).map_err(|error| match error.of_usage() {
            Ok(error) => AllocateError::Usage(error),
            Err(reason) => AllocateError::NotLookedAt(reason),
        })?;
    let suspects = match inputs.released {
        Some(released) => suspects.release(released.clone(), inputs.listening.recordings()),
        None => suspects,
    };
    match left_by(&suspects, inputs, then) {
        // There are plays, and all of them are held.
        Err(AllocateError::NoPlays) if suspects.plays > 0 => {
            Err(AllocateError::NothingCounts { plays: suspects.plays })
        }
        done => done,
    }
}

/// The same for suspects that have been found. What a threshold is measured by loses what is held
/// too, as far as it is played in this pool.
fn left_by<L: Listening, R>(
    suspects: &Suspects,
    inputs: &Inputs<'_, L>,
    then: impl FnOnce(&Inputs<'_, Held<'_, L>>) -> Result<R, AllocateError<L::Error>>,
) -> Result<R, AllocateError<L::Error>> {
    let Inputs { listening, attributes, fees, payers, .. } = *inputs;
    let held = suspects.held(listening);
    let (all, left) = (Reaches::default(), Reaches::default());
    let reach = |threshold: Threshold| {
        let of = threshold.of;
        let (all, left) = (all.of(listening, attributes, of)?, left.of(&held, attributes, of)?);
        Ok((inputs.reach)(threshold)?.less(&all, &left))
    };
    then(&Inputs { listening: &held, attributes, reach: &reach, fees, payers, released: None })
}
