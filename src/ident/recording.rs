//! Recordings: an ISRC, or an id in a namespace of one's own.

use std::fmt;

use smol_str::SmolStr;

/// An International Standard Recording Code (ISO 3901): twelve characters, capitals, no hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isrc(String);

/// A text that is not an ISRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an ISRC (two letters, three letters or digits, two digits of the year, five digits, \
     such as GBXYZ2600001)"
)]
pub struct IsrcError;

impl Isrc {
    /// Reads an ISRC; hyphens and case are folded.
    pub fn parse(text: &str) -> Result<Self, IsrcError> {
        let mut code: String = text.chars().filter(|c| *c != '-').collect();
        code.make_ascii_uppercase();
        Self::is_plain(&code).then_some(Self(code)).ok_or(IsrcError)
    }

    /// True if a text is an ISRC as it stands, capitals and no hyphens.
    fn is_plain(text: &str) -> bool {
        let form = |index, byte: u8| match index {
            0..2 => byte.is_ascii_uppercase(),
            2..5 => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            _ => byte.is_ascii_digit(),
        };
        text.len() == 12 && text.bytes().enumerate().all(|(index, byte)| form(index, byte))
    }

    /// The twelve characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What names a recording everywhere: an ISRC, or `namespace::id`. Kept in
/// place up to 23 bytes, so that millions of them cost no allocation each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingId(SmolStr);

/// Why a text does not name a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordingIdError {
    /// No `::`, and not an ISRC either.
    #[error("neither an ISRC (such as GBXYZ2600001) nor namespace::id")]
    Isrc,
    /// The part before `::`.
    #[error("the namespace before :: must be 1 to 32 of a-z, A-Z, 0-9, '.', '_', '-'")]
    Namespace,
    /// The part after `::`.
    #[error(
        "the id after :: must be 1 to 200 bytes without control characters or spaces at its ends"
    )]
    Id,
}

impl RecordingId {
    /// Reads a recording id. An ISRC loses its hyphens and small letters.
    pub fn parse(text: &str) -> Result<Self, RecordingIdError> {
        if Isrc::is_plain(text) {
            return Ok(Self(text.into()));
        }
        let Some((namespace, id)) = text.split_once("::") else {
            let Isrc(code) = Isrc::parse(text).map_err(|_| RecordingIdError::Isrc)?;
            return Ok(Self(code.into()));
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if !(1..=32).contains(&namespace.len()) || !namespace.bytes().all(plain) {
            return Err(RecordingIdError::Namespace);
        }
        let clean = id.trim() == id && !id.contains(char::is_control);
        if !(1..=200).contains(&id.len()) || !clean {
            return Err(RecordingIdError::Id);
        }
        Ok(Self(text.into()))
    }

    /// The first sixteen bytes of an id as one number, ordered as the bytes are: it tells nearly
    /// all ids apart.
    pub fn first_bytes(id: &str) -> u128 {
        let (mut first, text) = ([0; size_of::<u128>()], id.as_bytes());
        let bytes = text.len().min(first.len());
        first[..bytes].copy_from_slice(&text[..bytes]);
        u128::from_be_bytes(first)
    }

    /// The id as text; recordings are ordered by its bytes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for RecordingId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for RecordingId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RecordingId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|e| serde::de::Error::custom(format!("{text:?}: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_and_case_are_folded_in_an_isrc_only() {
        let id = |text| RecordingId::parse(text).map(|id| id.as_str().to_owned());
        assert_eq!(id("gb-xyz-26-00001"), Ok("GBXYZ2600001".to_owned()));
        assert_eq!(id("demo::Song-1"), Ok("demo::Song-1".to_owned()));
        assert_eq!(id("GBXYZ260000"), Err(RecordingIdError::Isrc));
        assert_eq!(id("1BXYZ2600001"), Err(RecordingIdError::Isrc));
        assert_eq!(id("::a"), Err(RecordingIdError::Namespace));
        assert_eq!(id("x::"), Err(RecordingIdError::Id));
        assert_eq!(id("x:: a"), Err(RecordingIdError::Id));
    }
}
