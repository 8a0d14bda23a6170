//! Where what is generated goes: whole, or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::GenerateError;

const BUFFER_BYTES: usize = 1 << 18;

/// A file or a folder on its way: it is made beside its place and moved there when all is in it.
pub(super) struct Arriving {
    beside: TempDir,
    place: PathBuf,
}

impl Arriving {
    pub(super) fn at(place: &Path) -> Result<Self, GenerateError> {
        // What a link points to is replaced, not the link.
        let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        let parent = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let beside = tempfile::Builder::new().prefix(".generating-").tempdir_in(parent);
        let beside = beside.map_err(|source| GenerateError::write(&place, source))?;
        Ok(Self { beside, place })
    }

    /// Where to write it.
    pub(super) fn path(&self) -> PathBuf {
        self.beside.path().join("whole")
    }

    /// Moves it to its place.
    pub(super) fn keep(self) -> Result<(), GenerateError> {
        let moved = std::fs::rename(self.path(), &self.place);
        moved.map_err(|source| GenerateError::write(&self.place, source))
    }
}

/// A new file, compressed as its name ends.
pub(super) enum Out {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Out {
    pub(super) fn create(path: &Path, compression: Compression) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create_new(path)?);
        Ok(match compression {
            Compression::None => Self::Plain(file),
            Compression::Gzip => Self::Gzip(GzEncoder::new(file, flate2::Compression::fast())),
            Compression::Zstd => Self::Zstd(zstd::Encoder::new(file, 0)?),
        })
    }

    /// Writes what is still held back, and sees that it is on the disk.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
            Self::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => out.flush(),
            Self::Zstd(out) => out.flush(),
        }
    }
}
