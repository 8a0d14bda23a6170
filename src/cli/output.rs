//! Where a command's result goes: standard output, or a file that is whole or not there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;

use super::{Failure, show};

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people.
    #[default]
    Table,
    /// The same for programs.
    Json,
    /// Every row that it rests on.
    Csv,
}

/// Calls `write` with where the result goes; `-` is standard output.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(Box<dyn Write + Send>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if path == Path::new("-") {
        return write(Box::new(show::Out));
    }
    let failed = |error| cannot_write(path, &error);
    // What a link points to is replaced, not the link.
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(&place).is_ok_and(|there| !there.is_file()) {
        // A device or a pipe takes what comes.
        let there = OpenOptions::new().write(true).open(&place).map_err(failed)?;
        return write(Box::new(there));
    }
    // A file is made beside its place and moved there when all is in it.
    let parent = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let beside = tempfile::Builder::new().prefix(".writing-").tempdir_in(parent);
    let beside = beside.map_err(failed)?;
    let whole = beside.path().join("whole");
    write(Box::new(File::create_new(&whole).map_err(failed)?))?;
    std::fs::rename(&whole, &place).map_err(failed)
}

/// What is said where a result cannot be written.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::Wrong(format!("cannot write {}: {error}", path.display()))
}
