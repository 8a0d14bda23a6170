//! SHA-256, and the one canonical form of what is hashed.
//!
//! Every hash in the product is made here: a version tag, then each field with its length in
//! front, so that no two different records have the same bytes.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::Digest as _;

/// A SHA-256. Prints as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is not a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 (64 hexadecimal digits)")]
pub struct DigestError;

impl Digest {
    /// What stands before the first of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of bytes as they stand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of a file's bytes, read as a stream.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut hasher = Hashing::new(std::fs::File::open(path)?);
        io::copy(&mut hasher, &mut io::sink())?;
        Ok(hasher.digest())
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DigestError> {
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }

    /// The first twelve hexadecimal digits: enough to name a file, not to prove one.
    pub fn short(&self) -> String {
        const_hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl std::str::FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = const_hex::decode(text).map_err(|_| DigestError)?;
        Self::from_bytes(&bytes)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Fields in canonical form that are hashed together: many small ones cost less that way.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<u8>);

impl Fields {
    /// Starts over.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a field: its length in eight bytes, most significant first, then its bytes.
    pub fn bytes(&mut self, field: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    /// Adds a text.
    pub fn text(&mut self, field: &str) -> &mut Self {
        self.bytes(field.as_bytes())
    }

    /// Adds a number, as eight bytes.
    pub fn int(&mut self, field: i64) -> &mut Self {
        self.bytes(&field.to_be_bytes())
    }
}

/// A record in canonical form, on its way into a digest. Copies go on from where they are made.
#[derive(Clone)]
pub struct Canonical(sha2::Sha256);

impl Canonical {
    /// Starts a record; the tag names what it is and the version of its form.
    pub fn new(tag: &str) -> Self {
        Self(sha2::Sha256::new()).text(tag)
    }

    /// Adds a field: its length in eight bytes, most significant first, then its bytes.
    #[must_use]
    pub fn bytes(mut self, field: &[u8]) -> Self {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// Adds a number, as eight bytes.
    #[must_use]
    pub fn int(self, field: i64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    /// Adds fields that were put together elsewhere.
    pub fn fields(&mut self, fields: &Fields) {
        self.0.update(&fields.0);
    }

    /// The digest of all fields.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canonical")
    }
}

/// Passes bytes through and hashes them on the way.
pub struct Hashing<T> {
    inner: T,
    hasher: sha2::Sha256,
    passed: u64,
}

impl<T> Hashing<T> {
    /// Wraps a reader or a writer.
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), passed: 0 }
    }

    /// The digest of what has passed so far.
    pub fn digest(&self) -> Digest {
        Digest(self.hasher.clone().finalize().into())
    }

    /// How many bytes have passed.
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.passed += bytes.len() as u64;
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.pass(&buffer[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.pass(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_run_into_each_other() {
        let one = Canonical::new("t").text("ab").text("c").digest();
        let two = Canonical::new("t").text("a").text("bc").digest();
        assert_ne!(one, two);
        assert_eq!(one.to_string().parse(), Ok(one));
    }

    #[test]
    fn the_digest_is_sha_256() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), expected);
    }
}
