//! Shares in a right: a percentage, or an exact fraction such as a third.

use std::fmt;

use super::decimal::half_even;
use super::micros::Micros;
use super::percent::{Percent, PercentError};

/// A part of a whole, between 0 and 1, as an exact fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    numerator: u32,
    denominator: u32,
    as_fraction: bool,
}

/// Why a text is not a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not a percentage between 0 and 100.
    #[error(transparent)]
    Percent(#[from] PercentError),
    /// Not a fraction `a/b` of whole numbers with `a` ≤ `b` ≤ 1,000,000.
    #[error("not a fraction between 0 and 1 (write 1/3, with at most 1000000 below the line)")]
    Fraction,
}

impl Share {
    const DENOMINATOR_MAX: u32 = 1_000_000;

    /// Reads a percentage (`33.333333`) or a fraction (`1/3`).
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let Some((above, below)) = text.split_once('/') else {
            let percent = Percent::parse(text)?;
            return Ok(Self {
                numerator: percent.units(),
                denominator: Percent::WHOLE.units(),
                as_fraction: false,
            });
        };
        let digits = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse::<u32>().ok()).flatten()
        };
        match (digits(above), digits(below)) {
            (Some(numerator), Some(denominator))
                if numerator <= denominator
                    && (1..=Self::DENOMINATOR_MAX).contains(&denominator) =>
            {
                Ok(Self { numerator, denominator, as_fraction: true })
            }
            _ => Err(ShareError::Fraction),
        }
    }

    /// This part of an amount in whole micros, half to even. Nothing is paid by it: what is shared
    /// is divided over all shares at once.
    pub fn of(self, amount: Micros) -> i128 {
        let product = i128::from(amount.micros()) * i128::from(self.numerator);
        half_even(product, i128::from(self.denominator))
    }

    /// True for a share of nothing, which withdraws a claim.
    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.as_fraction {
            return write!(f, "{}/{}", self.numerator, self.denominator);
        }
        let percent = format!("{}.{:06}", self.numerator / 1_000_000, self.numerator % 1_000_000);
        f.write_str(percent.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The shares as whole-number weights over one common denominator: `(weights, denominator)`.
///
/// `None` if the shares have no common denominator under 2¹²⁸ (some dozens of unlike fractions).
pub fn common_weights(shares: &[Share]) -> Option<(Vec<u128>, u128)> {
    let mut common = 1_u128;
    for share in shares {
        let denominator = u128::from(share.denominator);
        common = common.checked_mul(denominator / gcd(common, denominator))?;
    }
    let weights = shares
        .iter()
        .map(|s| u128::from(s.numerator) * (common / u128::from(s.denominator)))
        .collect();
    Some((weights, common))
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(texts: &[&str]) -> Vec<Share> {
        texts.iter().map(|t| Share::parse(t).unwrap()).collect()
    }

    #[test]
    fn three_thirds_are_a_whole_and_percentages_mix_in() {
        let (weights, whole) = common_weights(&shares(&["1/3", "1/3", "1/3"])).unwrap();
        assert_eq!(weights.iter().sum::<u128>(), whole);
        let (weights, whole) = common_weights(&shares(&["1/3", "50", "1/6"])).unwrap();
        assert_eq!(weights.iter().sum::<u128>(), whole);
    }

    #[test]
    fn a_share_stays_as_it_was_written() {
        for text in ["1/3", "2/6", "33.333333", "0", "100"] {
            assert_eq!(Share::parse(text).unwrap().to_string(), text);
        }
        for text in ["3/2", "1/0", "-1/3", "1/3/5", "1/2000000", "101", "a"] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
    }
}
