//! Plays that nobody played, for measuring and for trying things out.
//!
//! In: how many listeners and recordings, and a seed. Out: files that the rest of the program
//! takes like anybody's, the same bytes for the same seed on any machine and any number of
//! threads. No id in them is a real recording's, and no name a real person's. Deliberately not
//! here: chance. Nothing asks the system for randomness or for the time.

mod audience;
mod blocks;
mod cast;
mod catalogue;
mod month;
mod names;
mod place;
mod plays;
mod random;

use std::path::{Path, PathBuf};

pub use month::{Month, MonthMade, Size};
pub use place::Compression;
pub use plays::{Form, Made, Usage};

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The file system said no; what was there before is as it was.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// More recordings than there are ids.
    #[error("more than {0} recordings")]
    Recordings(u32),
    /// The sealed file could not be made.
    #[error(transparent)]
    Sealed(crate::usage::UsageError),
    /// Some would have nothing to be paid for.
    #[error(
        "each payee needs a recording: of PAYEES, LABELS are labels, a quarter as many are \
         producers, one is a fund, and at least LABELS and at most RECORDINGS must be left as artists"
    )]
    Payees,
    /// A folder that somebody uses.
    #[error("{0} is not empty; name a new folder")]
    Occupied(PathBuf),
}

impl GenerateError {
    fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
