//! A file's bytes: decompressed by what they are, hashed on the way.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::IngestError;
use crate::digest::{Digest, Hashing};

const BUFFER_BYTES: usize = 1 << 18;

/// An open file, or standard input for `-`. Gzip and zstd are recognised by their first bytes.
pub struct Source {
    path: PathBuf,
    /// Bytes taken from the file so far, as they stand in it.
    consumed: Arc<AtomicU64>,
    reader: Hashing<Box<dyn Read + Send>>,
}

impl Source {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, IngestError> {
        let read = |source| IngestError::Read { path: path.to_owned(), source };
        let raw: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(read)?)
        };
        let consumed = Arc::new(AtomicU64::new(0));
        let mut raw = Counting { inner: raw, consumed: consumed.clone() };
        let mut magic = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut magic).map_err(read)?;
        let whole =
            BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(magic.clone()).chain(raw));
        let plain: Box<dyn Read + Send> = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                Box::new(zstd::stream::read::Decoder::with_buffer(whole).map_err(read)?)
            }
            _ => Box::new(whole),
        };
        Ok(Self { path: path.to_owned(), consumed, reader: Hashing::new(plain) })
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name without its folders; `stdin` for `-`.
    pub fn name(&self) -> String {
        name_of(&self.path)
    }

    /// Reads all of a file that is meant for one person to write, such as an agreement.
    pub fn read_text(mut self, bytes_max: u64) -> Result<(String, Digest), IngestError> {
        let read = |source| IngestError::Read { path: self.path.clone(), source };
        let mut bytes = Vec::new();
        self.reader.by_ref().take(bytes_max + 1).read_to_end(&mut bytes).map_err(read)?;
        let refuse = |reason: String| IngestError::Header { path: self.path.clone(), reason };
        if bytes.len() as u64 > bytes_max {
            return Err(refuse(format!("the file is over {bytes_max} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| refuse("the file is not UTF-8".into()))?;
        Ok((text, self.reader.digest()))
    }

    /// The SHA-256 of what has been read so far.
    pub fn digest(&self) -> Digest {
        self.reader.digest()
    }

    /// Bytes of the file taken so far, compressed as they may be.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }
}

/// The name of a file or folder, without its folders; `stdin` for `-`.
pub(super) fn name_of(path: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    // `.` and `..` have no name of their own.
    last(path).or_else(|| last(&path.canonicalize().ok()?)).unwrap_or_default()
}

/// Counts what is read from a file before it is decompressed.
struct Counting<R> {
    inner: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}
