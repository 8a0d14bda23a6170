//! From a pool to recordings.
//!
//! In: an amount, a model, and who listened to what. Out: an amount for each recording, which
//! add up to the pool to the micro whatever the order of the plays. Pure: no file, no database,
//! no clock, no float. Deliberately not here: who is paid for a recording.

mod models;
mod tally;

pub use models::{AllocateError, Allocation, Model, RecordingAmount, allocate};
pub use tally::{Rule, Sum, Tally};
