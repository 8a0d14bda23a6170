//! Percentages between nothing and all.

use std::fmt;

use super::decimal::{DecimalError, fixed};

/// A part of a whole, 0 to 100 %, in units of 10⁻⁸ of the whole (six decimals of a percent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

/// Why a text is not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// Not a number with at most six decimals.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// Under 0 or over 100.
    #[error("outside 0 to 100 percent")]
    OutOfRange,
}

impl Percent {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const WHOLE: Self = Self(100_000_000);

    /// Reads a percentage such as `55` or `33.333333`.
    pub fn parse(text: &str) -> Result<Self, PercentError> {
        let units = fixed(text, 6)?;
        u32::try_from(units)
            .ok()
            .filter(|units| *units <= Self::WHOLE.0)
            .map(Self)
            .ok_or(PercentError::OutOfRange)
    }

    /// Units of 10⁻⁸ of the whole.
    pub const fn units(self) -> u32 {
        self.0
    }

    /// What is left of the whole, if it is not exceeded.
    pub fn rest(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let taken: u64 = parts.into_iter().map(|p| u64::from(p.0)).sum();
        u64::from(Self::WHOLE.0)
            .checked_sub(taken)
            .and_then(|rest| u32::try_from(rest).ok())
            .map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_print_as_they_are_written() {
        for text in ["0", "18", "33.333333", "0.000001", "100", "12.5"] {
            assert_eq!(Percent::parse(text).map(|p| p.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Percent::parse("100.000001"), Err(PercentError::OutOfRange));
        assert_eq!(Percent::parse("-1"), Err(PercentError::OutOfRange));
        assert_eq!(
            Percent::parse("1.0000001"),
            Err(PercentError::Decimal(DecimalError::TooManyDecimals(6)))
        );
    }
}
