//! What was imported, under which name, and what superseded what.
//!
//! In: users' files. Out: facts in the database, usage and sales sealed in the data folder, bad
//! rows in quarantine. An import is atomic for each file and idempotent by content. Deliberately
//! not here: what facts mean together; that is asked when a month is frozen.

mod batches;
mod crash;
mod import;
mod listeners;
mod quarantine;
mod rows;
mod usage;
mod workspace;

pub use import::{FileKind, Import, Options, Outcome, Report, Step};
pub use quarantine::{Quarantined, quarantined, restore};
pub use workspace::{Workspace, WorkspaceError};

use std::path::PathBuf;

use crate::agreements::AgreementError;
use crate::ingest::IngestError;
use crate::sales::SalesOverflow;
use crate::store::StoreError;
use crate::usage::UsageError;

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The file cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The database did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be sealed.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// It adds up to too much.
    #[error(transparent)]
    Sales(#[from] SalesOverflow),
    /// The plays of a pool key add up to too much.
    #[error("the plays of {0} add up to more than can be held")]
    TooManyPlays(String),
    /// What a listener paid adds up to too much.
    #[error("what one listener of {0} paid adds up to more than can be held")]
    TooMuchPaid(String),
    /// It is not an agreement.
    #[error("{}:{source}", path.display())]
    Agreement {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        source: AgreementError,
    },
    /// Another file has that batch's name.
    #[error(
        "batch {name:?} was taken with other content: choose another name with --batch, or \
         supersede it with --replace"
    )]
    NameTaken {
        /// The batch's name.
        name: String,
    },
    /// A known key with another value.
    #[error("{file}:{line}: {kind} of {key} is known with another value: --replace supersedes it")]
    NeedsReplace {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// What it is.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// Nothing to withdraw.
    #[error("no batch of usage, sales or listeners is named {0:?}; see `tantieme status`")]
    NoBatch(String),
    /// Batches of several kinds and one name.
    #[error(
        "batches of several kinds are named {0:?}: say which with --kind usage, --kind sales or \
         --kind listeners"
    )]
    TwoBatches(String),
    /// Far too many bad rows.
    #[error("{file}: over {count} rows are bad, the first in {first}; is this a file of {kind}?")]
    TooManyFaults {
        /// The file.
        file: String,
        /// What it was read as.
        kind: &'static str,
        /// How many.
        count: usize,
        /// The first one's part, line and reason.
        first: String,
    },
    /// A folder or file of the workspace.
    #[error("cannot write {path}: {source}{}", crate::on_full_disk(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The rows asked for are of another file.
    #[error("no quarantined row is from {0}: it is not the file that was imported, byte for byte")]
    OtherFile(PathBuf),
    /// What can be read only once has been read by the import.
    #[error("{0} can be read only once: save it in a file, and export the rows from that")]
    Once(PathBuf),
    /// Bad rows of a folder from before their parts were kept.
    #[error(
        "the quarantined rows of {0} were kept without the names of its parts: import it again \
         with --replace, then export them"
    )]
    NoParts(PathBuf),
    /// Rows of a columnar file cannot be shown as they are.
    #[error("{0} is Parquet: `tantieme quarantine list` gives the numbers of its bad rows")]
    NotText(PathBuf),
    /// The listeners in the database were hashed with another secret.
    #[error(
        "the data was hashed with the secret {theirs} and this workspace has {ours}: put the right \
         secret into secret.key or TANTIEME_SECRET"
    )]
    Secret {
        /// The fingerprint in the database.
        theirs: String,
        /// The fingerprint of this workspace's secret.
        ours: String,
    },
}
