//! From a pool to recordings.
//!
//! In: an amount, a rule, and who listened to what. Out: an amount for each recording, which
//! add up to the pool to the micro whatever the order of the plays. Pure: no file, no database,
//! no clock, no float. Deliberately not here: who is paid for a recording.
//!
//! A rule is a model and modifiers. Modifiers become a weight for each recording before the plays
//! are read; a model becomes a rate for each listener; what a recording is owed is the sum of its
//! weighted plays, each at its listener's rate.

mod bands;
mod detail;
mod factor;
mod fees;
mod hold;
mod models;
mod modifiers;
mod rate;
mod rule;
mod survey;
mod tally;
mod weights;

pub use detail::{Detail, Heard, Measured, detail};
pub use factor::{Factor, FactorError};
pub use fees::{Fees, FeesTooLarge};
pub use hold::with_and_without;
pub use models::{AllocateError, Allocation, Inputs, RecordingAmount, allocate};
pub use modifiers::{
    Band, Budgets, Cap, CapMode, Factors, Group, OnNoPlays, Professional, Scope, Subject,
    Threshold, Within,
};
pub use rule::{Model, Part, Rule, RuleError};
pub use weights::{About, Attributes, Reach, Reaches};
