//! Plays that are held leave numerator and denominator.

use super::models::{AllocateError, Inputs};
use super::modifiers::Threshold;
use super::weights::Reaches;
use crate::suspicion::{Held, Suspicion};
use crate::usage::Listening;

/// Calls `then` with the inputs as they are without the plays that are held. What a threshold is
/// measured by loses them too, as far as they are plays of this pool.
pub(super) fn without_held<L: Listening, R>(
    hold: &Suspicion,
    inputs: &Inputs<'_, L>,
    then: impl FnOnce(&Inputs<'_, Held<'_, L>>) -> Result<R, AllocateError<L::Error>>,
) -> Result<R, AllocateError<L::Error>> {
    let Inputs { listening, attributes, fees, payers, released, .. } = *inputs;
    let artists = Some(attributes.artists()).filter(|artists| !artists.is_empty());
    let suspects = hold.look(listening, artists).map_err(|error| match error.of_usage() {
        Ok(error) => AllocateError::Usage(error),
        Err(reason) => AllocateError::NotLookedAt(reason),
    })?;
    let suspects = match released {
        Some(released) => suspects.release(released.clone(), listening.recordings()),
        None => suspects,
    };
    let held = suspects.held(listening);
    let (all, left) = (Reaches::default(), Reaches::default());
    let reach = |threshold: Threshold| {
        let of = threshold.of;
        let (all, left) = (all.of(listening, attributes, of)?, left.of(&held, attributes, of)?);
        Ok((inputs.reach)(threshold)?.less(&all, &left))
    };
    then(&Inputs { listening: &held, attributes, reach: &reach, fees, payers, released: None })
}
