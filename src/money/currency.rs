//! Currencies and their minor units.

use std::fmt;

/// A currency of ISO 4217, such as `CNY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is not a currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a currency code of ISO 4217 (three capital letters, such as CNY)")]
pub struct CurrencyError;

impl Currency {
    /// Reads a three-letter code in capitals.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        match iso_currency::Currency::from_code(text) {
            Some(known) if known.code() == text => Ok(Self(code)),
            _ => Err(CurrencyError),
        }
    }

    /// The code, as ISO 4217 writes it.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX") // made from ASCII only
    }

    /// Decimals of the smallest unit that can be paid: JPY 0, CNY 2, KWD 3. Codes without one
    /// (gold, drawing rights) count as whole units.
    pub fn minor_units(&self) -> u32 {
        iso_currency::Currency::from_code(self.code())
            .and_then(iso_currency::Currency::exponent)
            .map_or(0, u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_follow_the_standard() {
        let units = |code| Currency::parse(code).map(|c| c.minor_units());
        assert_eq!((units("JPY"), units("CNY"), units("KWD")), (Ok(0), Ok(2), Ok(3)));
        for text in ["cny", "RMB", "CN", "CNYY", ""] {
            assert_eq!(Currency::parse(text), Err(CurrencyError), "{text}");
        }
    }
}
