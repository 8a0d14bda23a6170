//! The ledger: accounts, transfers, the chain that binds them.
//!
//! In: a month's lines in their order. Out: transfers, each the sum of the lines with the same
//! debit, credit and kind, posted all together or not at all. Balances are sums over transfers;
//! nothing here repairs one. Deliberately not here: why a line is what it is.

mod chain;
mod posting;
mod verify;

pub use chain::{FORM_VERSION, PostingHead, Transfer, posting_hash};
pub use posting::{Face, PostError, Posting, SumOfLines, post, sum_lines};
pub use verify::{Broken, balances, verify};
