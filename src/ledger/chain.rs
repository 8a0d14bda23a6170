//! The one canonical form of a posting, and its hash.

use crate::digest::{Canonical, Digest};
use crate::money::{Currency, Micros};

/// The version of the form that is hashed. A new form gets a new number and a branch here.
pub const FORM_VERSION: i64 = 1;

/// One transfer as it is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its number, counted through all postings.
    pub id: i64,
    /// Who pays: an account's code.
    pub debit: String,
    /// Who is paid.
    pub credit: String,
    /// In what.
    pub currency: Currency,
    /// How much; over zero.
    pub amount: Micros,
    /// What it is.
    pub kind: String,
    /// SHA-256 of the lines it sums.
    pub lines: Digest,
    /// The day it counts for.
    pub effective_on: String,
}

impl Transfer {
    /// The two accounts and their currency.
    pub(super) fn accounts(&self) -> [(String, String); 2] {
        let currency = self.currency.to_string();
        [(self.debit.clone(), currency.clone()), (self.credit.clone(), currency)]
    }
}

/// What a posting says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingHead {
    /// Its number: 1, 2, 3, …
    pub id: i64,
    /// The month it closes.
    pub period: String,
    /// The result hash that was approved.
    pub result: String,
    /// Who posted it.
    pub posted_by: String,
    /// When.
    pub recorded_at: String,
    /// The hash of the posting before; zeros for the first.
    pub previous: Digest,
}

/// The hash of a posting: the one before it, its head, and its transfers in their order.
pub fn posting_hash<'a>(
    head: &PostingHead,
    transfers: impl IntoIterator<Item = &'a Transfer>,
) -> Digest {
    let record = Canonical::new("tantieme posting")
        .int(FORM_VERSION)
        .bytes(head.previous.bytes())
        .int(head.id)
        .text(&head.period)
        .text(&head.result)
        .text(&head.posted_by)
        .text(&head.recorded_at);
    let transfers = transfers.into_iter().fold(record, |record, transfer| {
        record
            .int(transfer.id)
            .text(&transfer.debit)
            .text(&transfer.credit)
            .text(transfer.currency.code())
            .int(transfer.amount.micros())
            .text(&transfer.kind)
            .bytes(transfer.lines.bytes())
            .text(&transfer.effective_on)
    });
    transfers.digest()
}
