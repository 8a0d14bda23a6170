//! A file's bytes: decompressed by what they are, hashed on the way.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::IngestError;
use crate::digest::{Digest, Hashing};

const BUFFER_BYTES: usize = 1 << 18;

/// An open file, or standard input for `-`. Gzip and zstd are recognised by their first bytes.
pub struct Source {
    path: PathBuf,
    reader: Hashing<Box<dyn Read>>,
}

impl Source {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, IngestError> {
        let read = |source| IngestError::Read { path: path.to_owned(), source };
        let mut raw: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(read)?)
        };
        let mut magic = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut magic).map_err(read)?;
        let whole =
            BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(magic.clone()).chain(raw));
        let plain: Box<dyn Read> = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                Box::new(zstd::stream::read::Decoder::with_buffer(whole).map_err(read)?)
            }
            _ => Box::new(whole),
        };
        Ok(Self { path: path.to_owned(), reader: Hashing::new(plain) })
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name without its folders; `stdin` for `-`.
    pub fn name(&self) -> String {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.filter(|name| name != "-").unwrap_or_else(|| "stdin".to_owned())
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

    /// Bytes read so far, decompressed.
    pub fn bytes(&self) -> u64 {
        self.reader.passed()
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}
