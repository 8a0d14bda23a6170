//! Exchange rates.

use std::fmt;

use super::decimal::DecimalError;

/// A positive exact factor: a mantissa of at most 18 digits, and how many of them are decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    mantissa: i64,
    scale: u32,
}

/// Why a text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a decimal number, or more than 18 digits.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// Zero or negative.
    #[error("a rate must be over 0")]
    NotPositive,
    /// More than 18 significant digits.
    #[error("more than 18 digits")]
    TooPrecise,
}

impl Rate {
    /// Reads a rate such as `7.1246`.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let decimals = text.split_once('.').map_or("", |(_, d)| d.trim_end_matches('0'));
        let scale = u32::try_from(decimals.len()).map_err(|_| RateError::TooPrecise)?;
        if scale > 18 {
            return Err(RateError::TooPrecise);
        }
        let mantissa = super::fixed(text, scale)?;
        if mantissa <= 0 {
            return Err(RateError::NotPositive);
        }
        let mantissa = i64::try_from(mantissa).map_err(|_| RateError::TooPrecise)?;
        if mantissa >= 1_000_000_000_000_000_000 {
            return Err(RateError::TooPrecise);
        }
        Ok(Self { mantissa, scale })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = 10_i64.pow(self.scale);
        write!(f, "{}", self.mantissa / power)?;
        match self.scale {
            0 => Ok(()),
            scale => write!(f, ".{:0width$}", self.mantissa % power, width = scale as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_positive_and_have_at_most_18_digits() {
        assert_eq!(Rate::parse("7.12460").map(|r| r.to_string()), Ok("7.1246".to_owned()));
        assert_eq!(Rate::parse("0"), Err(RateError::NotPositive));
        assert_eq!(Rate::parse("-1"), Err(RateError::NotPositive));
        assert_eq!(Rate::parse("1.2345678901234567890123"), Err(RateError::TooPrecise));
        assert_eq!(
            Rate::parse("0.000000000000000001").map(|r| r.to_string()),
            Ok("0.000000000000000001".to_owned())
        );
    }
}
