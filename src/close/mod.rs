//! The conductor of a month: freeze, allocate, settle, draft, approve, publish.
//!
//! In: facts. Out: a manifest that names every fact, files named by their content, a result hash
//! that a person approves, and, with `publish`, one posting. A close is a pure function of what
//! is frozen: a step whose output exists is skipped, which is what resuming means. Deliberately
//! not here: any rule about money.

mod arriving;
mod comparing;
mod conduct;
mod crash;
mod explain;
mod freeze;
mod lines;
mod manifest;
mod pools;
mod publish;
mod published;
mod read;
mod reasons;
mod reopened;
mod run;
mod sentence;
mod steps;
mod suspecting;
mod verify;

use std::path::PathBuf;

pub use comparing::{Compared, Proposal, compare};
pub use conduct::{Closed, approve, close, deny};
pub use explain::{Explanation, Listener, explain};
pub use lines::Lines;
pub use manifest::{FrozenFile, Manifest};
pub use publish::{Published, publish};
pub use published::{
    FacesWanted, LineRows, PublishedMonth, is_published, published_face, published_faces,
    published_months, published_rows, published_rows_of,
};
pub use read::{OpenStatements, StatementRows, drawn, held, lines, statement_rows, statements};
pub use reopened::ReopenedMonth;
pub use run::{Late, Run, State, late, runs};
pub use suspecting::{PoolSuspects, suspicious};
pub use verify::{Verified, verify};

use crate::columnar::TableError;
use crate::facts::FactsError;
use crate::ingest::IngestError;
use crate::ledger::{Broken, PostError};
use crate::money::Micros;
use crate::period::Period;
use crate::settle::{Refusal, SettleError};
use crate::statements::DrawError;
use crate::store::StoreError;
use crate::usage::UsageError;

/// Why a month did not move on.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Somebody else is at it.
    #[error("{0} is being closed or published by another process right now; wait for it")]
    Busy(Period),
    /// The month cannot be frozen.
    #[error("{period} cannot be frozen:\n{}", refusals.iter().map(|r| format!("  - {r}")).collect::<Vec<_>>().join("\n"))]
    Refused {
        /// The month.
        period: Period,
        /// All that stands against it.
        refusals: Vec<Refusal>,
    },
    /// There is no run.
    #[error("{0} has no close: run `tantieme close {0} --as NAME` first")]
    NotClosed(Period),
    /// The run was frozen with another acceptance.
    #[error(
        "{period} was frozen with {accepted} quarantined rows left out, not {given}: deny it and close it again"
    )]
    Accepted {
        /// The month.
        period: Period,
        /// How many were accepted.
        accepted: u64,
        /// How many are now.
        given: u64,
    },
    /// The run is in another state.
    #[error("{period} is {state}: {advice}")]
    State {
        /// The month.
        period: Period,
        /// Where it is.
        state: State,
        /// What can be done.
        advice: &'static str,
    },
    /// Months are published one after the other.
    #[error(
        "{period} cannot be closed after {later}, which is published: what was late for it belongs to an open month"
    )]
    OutOfOrder {
        /// The month.
        period: Period,
        /// The published one.
        later: String,
    },
    /// An earlier month is not done.
    #[error(
        "{earlier} holds plays, revenue or a close that is not published: publish it before {period}, or deny its \
         close and withdraw what is in it"
    )]
    EarlierFirst {
        /// The month.
        period: Period,
        /// The earlier one.
        earlier: String,
    },
    /// Another month settled a batch after this one was frozen.
    #[error("batch {batch} was settled by {by} meanwhile: deny {period} and close it again")]
    SettledMeanwhile {
        /// The month.
        period: Period,
        /// The batch.
        batch: String,
        /// The month that settled it.
        by: String,
    },
    /// An earlier month left something for a pool after this one was frozen.
    #[error(
        "pool {pool} was shared with {frozen} carried from earlier months, which is {now} meanwhile: deny {period} and \
         close it again"
    )]
    OpeningChanged {
        /// The month.
        period: Period,
        /// The pool.
        pool: String,
        /// What it was shared with.
        frozen: Micros,
        /// What there is.
        now: Micros,
    },
    /// An earlier month was published with other clearances after this one was frozen.
    #[error(
        "an earlier month was published after {0} was frozen, and what is let go of it is not settled in {0}: deny {0} \
         and close it again"
    )]
    ClearedMeanwhile(Period),
    /// The hash is of another result.
    #[error(
        "the result of {period} is {found}, not {given}: look at the draft again before approving it"
    )]
    StaleHash {
        /// The month.
        period: Period,
        /// The run's.
        found: String,
        /// What was given.
        given: String,
    },
    /// The preparer approves.
    #[error("{name} prepared the close of {period}: another person must approve it")]
    OwnDraft {
        /// The month.
        period: Period,
        /// Who.
        name: String,
    },
    /// Nobody's name.
    #[error("--as needs a name")]
    Nobody,
    /// A denial without a reason.
    #[error("--reason needs a reason")]
    NoReason,
    /// The month has no statement of that payee.
    #[error("{payee} has no statement for {period}")]
    NoStatement {
        /// The month.
        period: Period,
        /// Whose.
        payee: String,
    },
    /// No line of that name.
    #[error("no close has a line {0}; a line's id is the `line` column of a statement")]
    NoLine(String),
    /// A file of a close is not what it was.
    #[error("{path} {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of the workspace.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A frozen fact.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A frozen agreement, sales or workspace.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pool's plays.
    #[error("pool {pool}: {reason}")]
    Allocate {
        /// The pool.
        pool: String,
        /// Why.
        reason: String,
    },
    /// Sealed usage.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// Sealed sales.
    #[error(transparent)]
    Sales(#[from] crate::sales::SalesError),
    /// A defect in settlement.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// A defect in statements.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// A step's file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The ledger refused.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The ledger is broken.
    #[error(transparent)]
    Broken(#[from] Broken),
}
