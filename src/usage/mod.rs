//! Plays, sealed: columnar, ordered by hashed listener and recording, one file for each pool key
//! and batch.
//!
//! In: rows of usage. Out: sealed Parquet files, and a scan over the month's files that hands
//! out one listener at a time. A listener's id is hashed in the row reader, before anything is
//! kept: nothing in this room can name a listener. Deliberately not here: money.

mod cursor;
mod gather;
mod listening;
mod merge;
mod raw;
mod recordings;
mod scan;
mod seal;
mod sealed;
mod sealed_file;
mod secret;
mod unsealed;

use std::path::PathBuf;

pub use gather::{Gatherer, NotGathered};
pub use listening::{Listening, Play, PlaysInMemory, Sums};
pub use merge::Gathered;
pub use raw::{COLUMNS, PLACES, Places, UsageKey, is_small};
pub use scan::SealedScan;
pub use seal::{SealedUsage, seal};
pub use sealed::{Parts, SealedRow, SealedTotals, SealedWriter};
pub use secret::{ListenerKey, Secret, SecretError};
pub use unsealed::{UnsealedError, UnsealedPlays, read_unsealed};

/// Runs the same work on so many threads at once; returns what each made of it.
fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&work)).collect();
        // A panic in a thread is a panic here.
        let join = |thread: std::thread::ScopedJoinHandle<'_, T>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

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
    /// One listener's plays of one recording do not fit.
    #[error("one listener has over 4294967295 plays of {recording} in {place}")]
    TooManyPlays {
        /// The recording.
        recording: String,
        /// The pool key.
        place: String,
    },
}
