//! The ledger: accounts, transfers, the chain that binds them.
//!
//! In: a month's lines in their order. Out: transfers, each the sum of the lines with the same
//! debit, credit and kind, posted all together or not at all. Balances are sums over transfers;
//! nothing here repairs one. Deliberately not here: why a line is what it is.

mod accounts;
mod chain;
mod posting;
mod sums;
mod verify;

pub use chain::{FORM_VERSION, Head, PostingHash, PostingHead, Transfer};
pub use posting::{Face, PostError, Posted, Posting, post};
pub use sums::{OutOfOrder, Sum, Sums, TooLarge};
pub use verify::{Broken, Closed, Proof};
