//! The one canonical form of a posting, and its hash.

use std::fmt;
use std::sync::Arc;

use crate::digest::{Canonical, Digest, Fields};
use crate::money::{Currency, Micros};

/// The version of the form that is hashed. A new form gets a new number and a branch here.
pub const FORM_VERSION: i64 = 1;

/// One transfer as it is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its number, counted through all postings.
    pub id: i64,
    /// Who pays: an account's code.
    pub debit: Arc<str>,
    /// Who is paid.
    pub credit: Arc<str>,
    /// In what.
    pub currency: Currency,
    /// How much; over zero.
    pub amount: Micros,
    /// What it is.
    pub kind: &'static str,
    /// SHA-256 of the lines it sums.
    pub lines: Digest,
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

/// A posting as people keep it: who has the hash of one can prove it and all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// Its number.
    pub number: i64,
    /// Its hash.
    pub hash: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "posting {} {}", self.number, self.hash)
    }
}

/// The hash of a posting: the one before it, its head, and its transfers in their order.
pub struct PostingHash {
    record: Canonical,
    fields: Fields,
    effective_on: String,
}

impl PostingHash {
    /// Begins with the head; all transfers count for the day `effective_on`.
    pub fn new(head: &PostingHead, effective_on: &str) -> Self {
        let record = Canonical::new("tantieme posting")
            .int(FORM_VERSION)
            .bytes(head.previous.bytes())
            .int(head.id)
            .text(&head.period)
            .text(&head.result)
            .text(&head.posted_by)
            .text(&head.recorded_at);
        Self { record, fields: Fields::default(), effective_on: effective_on.to_owned() }
    }

    /// Adds a transfer.
    pub fn add(&mut self, transfer: &Transfer) {
        self.fields.clear();
        self.fields
            .int(transfer.id)
            .text(&transfer.debit)
            .text(&transfer.credit)
            .text(transfer.currency.code())
            .int(transfer.amount.micros())
            .text(transfer.kind)
            .bytes(transfer.lines.bytes())
            .text(&self.effective_on);
        self.record.fields(&self.fields);
    }

    /// The hash.
    pub fn digest(self) -> Digest {
        self.record.digest()
    }
}
