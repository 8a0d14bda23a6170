//! Agreements: what part of a revenue is shared and how, and what a rights holder pays on.
//!
//! In: TOML that a lawyer can read. Out: typed, dated terms, versioned by their content, and the
//! one term that applies to a case. Pure. Deliberately not here: amounts.

mod document;
mod terms;

pub use document::{Agreement, AgreementError, Participant, PoolTerm, RoyaltyTerm, Sharing};
pub use terms::{AgreementRef, Agreements, Ambiguous, Case, PoolMatch, RoyaltyMatch};
