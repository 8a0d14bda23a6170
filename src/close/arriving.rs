//! What is written beside its place until it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::CloseError;
use crate::digest::{Digest, Hashing};

/// A file that is written beside its place, and is there whole or not at all.
pub(super) struct Arriving {
    temporary: NamedTempFile,
    out: Hashing<BufWriter<File>>,
}

impl Arriving {
    /// What its name begins with until it is whole.
    pub(super) const PREFIX: &'static str = ".arriving-";

    /// Starts a file in a folder; dropped, it leaves nothing.
    pub(super) fn new(folder: &Path) -> Result<Self, CloseError> {
        let io = |source| CloseError::Io { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        let temporary =
            tempfile::Builder::new().prefix(Self::PREFIX).tempfile_in(folder).map_err(io)?;
        let file = temporary.as_file().try_clone().map_err(io)?;
        Ok(Self { temporary, out: Hashing::new(BufWriter::with_capacity(1 << 16, file)) })
    }

    /// The hash of what has been written.
    pub(super) fn digest(&self) -> Digest {
        self.out.digest()
    }

    /// Brings the file to the disk and puts it into its place.
    pub(super) fn keep(mut self, path: &Path) -> Result<Digest, CloseError> {
        let io = |source| CloseError::Io { path: path.to_owned(), source };
        self.out.flush().map_err(io)?;
        self.temporary.as_file().sync_all().map_err(io)?;
        self.temporary.persist(path).map_err(|e| io(e.error))?;
        let folder = path.parent().unwrap_or(path);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(self.out.digest())
    }
}

impl Write for Arriving {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Held, with others, as long as something is being written beside its place in a folder.
pub(super) struct Writing {
    _folder: File,
}

impl Writing {
    /// Begins. Whoever is alone first sweeps away what somebody left who was killed.
    pub(super) fn begin(folder: &Path, prefix: &str) -> Result<Self, CloseError> {
        let io = |source| CloseError::Io { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        let held = File::open(folder).map_err(io)?;
        if held.try_lock().is_ok() {
            sweep(folder, prefix)?;
            held.unlock().map_err(io)?;
        }
        held.lock_shared().map_err(io)?;
        Ok(Self { _folder: held })
    }
}

/// Clears away what was being written in a folder that nobody else writes in.
pub(super) fn sweep(folder: &Path, prefix: &str) -> Result<(), CloseError> {
    let io = |source| CloseError::Io { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let is_folder = entry.file_type().map_err(io)?.is_dir();
        let remove = if is_folder { std::fs::remove_dir_all } else { std::fs::remove_file };
        remove(entry.path()).map_err(io)?;
    }
    Ok(())
}
