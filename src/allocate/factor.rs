//! How much a play counts.

use std::fmt;

use crate::money::{DecimalError, decimal_text, fixed};

/// A factor of plays: 0 to 1000, with up to six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(u32);

/// Why a text is not a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// Not a number with at most six decimals.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// Under 0 or over 1000.
    #[error("outside 0 to 1000")]
    OutOfRange,
}

const MILLION: u32 = 1_000_000;

impl Factor {
    /// A play is a play.
    pub const ONE: Self = Self(MILLION);

    /// Reads a factor such as `2` or `0.2`.
    pub fn parse(text: &str) -> Result<Self, FactorError> {
        let millionths = u32::try_from(fixed(text, 6)?).ok();
        let inside = millionths.filter(|millionths| *millionths <= 1000 * MILLION);
        inside.map(Self).ok_or(FactorError::OutOfRange)
    }

    /// How many decimals it needs.
    pub fn places(self) -> u32 {
        (0..6)
            .find(|places| (u64::from(self.0) * 10_u64.pow(*places)).is_multiple_of(MILLION.into()))
            .unwrap_or(6)
    }

    /// The factor in units of 10⁻ᵖˡᵃᶜᵉˢ, which must be as many as it needs.
    pub fn units(self, places: u32) -> u64 {
        u64::from(self.0) * 10_u64.pow(places) / u64::from(MILLION)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / MILLION, self.0 % MILLION);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl serde::Serialize for Factor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Factor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = decimal_text(deserializer, "factor")?;
        Self::parse(&text).map_err(|e| serde::de::Error::custom(format!("{text:?}: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_knows_its_decimals() {
        for (text, places, units) in [
            ("0", 0, 0),
            ("2", 0, 2),
            ("0.2", 1, 2),
            ("1.25", 2, 125),
            ("0.000001", 6, 1),
            ("1000", 0, 1000),
        ] {
            let factor = Factor::parse(text).unwrap();
            assert_eq!((factor.places(), factor.units(factor.places())), (places, units), "{text}");
            assert_eq!(factor.to_string(), text);
        }
        assert_eq!(Factor::parse("1000.000001"), Err(FactorError::OutOfRange));
        assert_eq!(Factor::parse("-1"), Err(FactorError::OutOfRange));
    }
}
