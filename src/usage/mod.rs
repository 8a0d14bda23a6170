//! Plays, sealed: columnar, ordered by hashed listener and recording, one file for each pool key
//! and batch.
//!
//! In: rows of usage. Out: sealed Parquet files, and a scan over the month's files that hands
//! out one listener at a time. A listener's id is hashed in the row reader, before anything is
//! kept: nothing in this room can name a listener. Deliberately not here: money.

mod cursor;
mod decode;
mod encode;
mod gather;
mod listening;
mod merge;
mod packing;
mod paid;
mod raw;
mod recordings;
mod scan;
mod seal;
mod sealed;
mod sealed_file;
mod secret;
mod unsealed;

use std::path::PathBuf;

pub use gather::{Gatherer, NotGathered, POOLS_MAX};
pub use listening::{Listening, Play, PlaysInMemory, Sums};
pub use merge::Gathered;
pub use paid::{PAID, PAID_COLUMNS, read_paid, read_paid_row};
pub(crate) use raw::check_listener;
pub use raw::{COLUMNS, PLACES, Places, UsageKey, is_small};
pub use scan::SealedScan;
pub use seal::{SealedUsage, seal};
pub use sealed::{Parts, SealedRow, SealedTotals, SealedWriter};
pub use secret::{ListenerKey, Secret, SecretError};
pub use unsealed::{UnsealedError, UnsealedPlays, read_unsealed};

/// Why usage could not be sealed or read back.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The file system said no; on a full disk nothing has been taken.
    #[error("cannot write or read {path}: {source}{}", crate::on_full_disk(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A sealed file that cannot be decoded.
    #[error("{path} is not a sealed usage file: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of which every pool would become a file.
    #[error(
        "over {0} different months, services, offers and territories in one file: look whether one of \
         these columns holds something else, such as listeners; else split the file"
    )]
    TooManyPools(u32),
    /// One listener's plays of one recording do not fit.
    #[error("one listener has over 4294967295 plays of {recording} in {place}")]
    TooManyPlays {
        /// The recording.
        recording: String,
        /// The pool key.
        place: String,
    },
}
