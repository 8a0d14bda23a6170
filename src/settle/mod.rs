//! From recordings to people: claims first, then what rights holders pay on.
//!
//! In: the month's facts, and what each pool gives each recording. Out: lines, each a movement
//! from a payer to a payee; money that cannot be paid moves to suspense with its reason. Every
//! pool and every sale is proven to be conserved. Pure: no file, no database, no clock, no float.
//! Deliberately not here: whether anything is ever posted.

mod account;
mod line;
mod month;
mod plan;
mod receipt;

pub use account::{Account, Suspense, party_of, shown};
pub use line::{Kind, LAYOUT, Line, LineId, LineRow, Origin, canonical};
pub use month::{
    Allocated, Facts, SettleError, order, settle_adjustment, settle_pool, settle_sales,
};
pub use plan::{Imported, Opening, Pool, Refusal, plan};
