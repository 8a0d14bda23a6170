//! Plays that nobody played, for measuring and for trying things out.
//!
//! In: how many listeners and recordings, and a seed. Out: files that the rest of the program
//! takes like anybody's, the same bytes for the same seed on any machine and any number of
//! threads. No id in them is a real recording's, and no name a real person's. Deliberately not
//! here: chance. Nothing asks the system for randomness or for the time.

mod audience;
mod blocks;
mod catalogue;
mod place;
mod plays;
mod random;

use std::path::{Path, PathBuf};

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
}

impl GenerateError {
    fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
