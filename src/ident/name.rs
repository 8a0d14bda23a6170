//! The ids that users choose: parties, services, offers, releases, works.

use std::fmt;
use std::sync::Arc;

/// An id that a user chose for a party, service, offer, source, channel, release or work.
///
/// One to 128 bytes, no control character of ASCII (reports garble letters into others), no `|` (which joins several), no space at either
/// end. Case counts. Copies share one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text cannot be an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("empty")]
    Empty,
    /// Over 128 bytes.
    #[error("longer than 128 bytes")]
    TooLong,
    /// A control character, a `|`, or a space at an end.
    #[error("an id may not hold control characters or |, nor begin or end with a space")]
    Character,
}

impl Name {
    const BYTES_MAX: usize = 128;

    /// Checks an id.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(NameError::TooLong);
        }
        if text.trim() != text || text.contains(|c: char| c.is_ascii_control() || c == '|') {
            return Err(NameError::Character);
        }
        Ok(Self(text.into()))
    }

    /// Reads several ids joined by `|`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, NameError> {
        text.split('|').map(Self::parse).collect()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|e| serde::de::Error::custom(format!("{text:?}: {e}")))
    }
}

/// Joins parts into one key with `/`, escaping what would make two keys alike.
pub fn key_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let escaped: Vec<String> =
        parts.into_iter().map(|part| part.replace('%', "%25").replace('/', "%2F")).collect();
    escaped.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_and_keys_cannot_collide() {
        assert!(Name::parse("label-north").is_ok());
        assert_eq!(Name::parse(""), Err(NameError::Empty));
        assert_eq!(Name::parse(" a"), Err(NameError::Character));
        assert_eq!(Name::parse("a|b"), Err(NameError::Character));
        assert_eq!(Name::parse("a\nb"), Err(NameError::Character));
        assert_eq!(Name::parse(&"x".repeat(129)), Err(NameError::TooLong));
        assert_ne!(key_of(["a/b", "c"]), key_of(["a", "b/c"]));
        assert_eq!(key_of(["cloud", "svip", "CN"]), "cloud/svip/CN");
    }
}
