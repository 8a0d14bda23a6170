//! The only stored amount.

use std::fmt;

use super::Percent;
use super::decimal::{DecimalError, fixed, half_even};

/// An amount of money in millionths of a currency's major unit.
///
/// The range is symmetric (±9,223,372,036,854.775807), so that a refund of any sale fits.
/// Serialises as decimal text with six places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(i64);

/// An amount beyond ±9,223,372,036,854.775807 of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("amount out of range: no amount may be over 9223372036854.775807")]
pub struct AmountOutOfRange;

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount there is.
    pub const MAX: Self = Self(i64::MAX);
    /// Micros in one major unit.
    pub const PER_UNIT: i64 = 1_000_000;

    /// An amount from a count of micros.
    pub fn from_micros(micros: i128) -> Result<Self, AmountOutOfRange> {
        match i64::try_from(micros) {
            Ok(i64::MIN) | Err(_) => Err(AmountOutOfRange),
            Ok(micros) => Ok(Self(micros)),
        }
    }

    /// Reads decimal text with at most six decimals.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        Self::from_micros(fixed(text, 6)?).map_err(|_| DecimalError::TooLarge)
    }

    /// The count of micros.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// True for amounts under zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// True for nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or an error at the bound.
    pub fn plus(self, other: Self) -> Result<Self, AmountOutOfRange> {
        Self::from_micros(i128::from(self.0) + i128::from(other.0))
    }

    /// The difference, or an error at the bound.
    pub fn minus(self, other: Self) -> Result<Self, AmountOutOfRange> {
        self.plus(-other)
    }

    /// The sum of many amounts, exact on the way and checked at the end.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, AmountOutOfRange> {
        Self::from_micros(amounts.into_iter().map(|a| i128::from(a.0)).sum())
    }

    /// `self × percent`, rounded once, half to even. Never over `self`, so it cannot overflow.
    #[must_use]
    pub fn percent(self, percent: Percent) -> Self {
        let product = i128::from(self.0) * i128::from(percent.units());
        let rounded = half_even(product, i128::from(Percent::WHOLE.units()));
        Self(i64::try_from(rounded).unwrap_or(self.0))
    }
}

impl std::ops::Neg for Micros {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0) // the range is symmetric
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.unsigned_abs();
        let unit = Self::PER_UNIT.unsigned_abs();
        let text = format!("{}.{:06}", micros / unit, micros % unit);
        f.pad_integral(self.0 >= 0, "", &text)
    }
}

impl serde::Serialize for Micros {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Micros {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_amount_are_the_same_thing() {
        for text in ["0.000000", "-0.000001", "12.340000", "9223372036854.775807"] {
            assert_eq!(Micros::parse(text).map(|m| m.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn the_bound_is_an_error() {
        assert_eq!(Micros::parse("9223372036854.775808"), Err(DecimalError::TooLarge));
        assert_eq!(Micros::parse("-9223372036854.775808"), Err(DecimalError::TooLarge));
        assert_eq!(Micros::MAX.plus(Micros(1)), Err(AmountOutOfRange));
        assert_eq!((-Micros::MAX).minus(Micros(1)), Err(AmountOutOfRange));
        assert_eq!(Micros::sum([Micros::MAX, Micros(1), Micros(-1)]), Ok(Micros::MAX));
    }

    #[test]
    fn products_round_once_half_to_even() {
        let percent = |text: &str| Percent::parse(text).unwrap_or(Percent::ZERO);
        assert_eq!(Micros(5).percent(percent("50")), Micros(2));
        assert_eq!(Micros(15).percent(percent("50")), Micros(8));
        assert_eq!(Micros::MAX.percent(Percent::WHOLE), Micros::MAX);
        assert_eq!((-Micros::MAX).percent(Percent::WHOLE), -Micros::MAX);
    }
}
