//! How evenly an amount is spread over those who get a part of it.
//!
//! Gini, Herfindahl-Hirschman and the shares of the best paid are fractions of whole numbers, so
//! they are computed as such and rounded once, half to even, to nine decimals. Theil and Atkinson
//! have logarithms and roots in them and are the one place where this program calculates with
//! floating point; the amounts are added in order of size, so that the result does not depend on
//! the order in which they come. No money is ever derived from any of them.

use std::fmt;

use ruint::aliases::U256;

use crate::money::Micros;

/// A number that says something about money and is none: not negative, to nine decimals.
///
/// Serialises as a number. Displays with six decimals or as many as are asked for, half to even.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measure(u64);

/// How evenly an amount is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Measures {
    /// Half the mean difference between any two amounts, by their mean: 0 where all are alike,
    /// (n − 1) / n where one of n has all. C. Gini, *Variabilità e mutabilità*, 1912.
    pub gini: Measure,
    /// Theil's T: the mean of x/μ × ln(x/μ); 0 to ln n. H. Theil, *Economics and Information
    /// Theory*, 1967.
    pub theil: Measure,
    /// Atkinson's index for an aversion ε of 1/2: 1 − (mean of √(x/μ))². A. B. Atkinson, *On the
    /// Measurement of Inequality*, Journal of Economic Theory 2, 1970.
    pub atkinson_half: Measure,
    /// The same for ε = 1: 1 − the geometric mean by the mean. One who gets nothing makes it 1.
    pub atkinson_one: Measure,
    /// Herfindahl's and Hirschman's sum of squared shares: 1/n where all are alike, 1 where one
    /// has all. O. C. Herfindahl, 1950; A. O. Hirschman, 1945.
    pub hhi: Measure,
    /// The part of the best paid 1 %. Where 1 % of all is no whole number, the next one counts by
    /// the fraction: of 250, the best two and half of the third.
    pub top_1_percent: Measure,
    /// The part of the best paid 10 %, counted likewise.
    pub top_10_percent: Measure,
    /// The part of all others, so that both parts are 1 together.
    pub bottom_90_percent: Measure,
}

/// Amounts in order of size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// In micros, the smallest first.
    sorted: Vec<u64>,
    /// All of them, over 0.
    total: u128,
}

impl Distribution {
    /// What everybody gets, in any order; those who get nothing belong to it. None if nobody gets
    /// anything, or somebody less than nothing: then there is no part of a whole.
    pub fn of(amounts: impl IntoIterator<Item = Micros>) -> Option<Self> {
        let micros = amounts.into_iter().map(|amount| u64::try_from(amount.micros()));
        let mut sorted = micros.collect::<Result<Vec<u64>, _>>().ok()?;
        sorted.sort_unstable();
        let total = sorted.iter().map(|amount| u128::from(*amount)).sum();
        (total > 0).then_some(Self { sorted, total })
    }

    /// The amounts in micros, the smallest first.
    pub fn sorted(&self) -> &[u64] {
        &self.sorted
    }

    /// All amounts together, in micros.
    pub fn total(&self) -> u128 {
        self.total
    }

    /// How evenly the amounts are spread.
    pub fn measures(&self) -> Measures {
        let (theil, atkinson_half, atkinson_one) = self.entropies();
        Measures {
            gini: self.gini(),
            theil,
            atkinson_half,
            atkinson_one,
            hhi: self.hhi(),
            top_1_percent: self.top(1),
            top_10_percent: self.top(10),
            bottom_90_percent: self.top(100).less(self.top(10)),
        }
    }

    fn count(&self) -> u128 {
        self.sorted.len() as u128
    }

    /// (2 Σ i·xᵢ − (n + 1) Σ x) / (n Σ x), i from 1 at the smallest.
    fn gini(&self) -> Measure {
        let ranked: U256 = (1_u128..)
            .zip(&self.sorted)
            .map(|(rank, amount)| U256::from(rank) * U256::from(*amount))
            .fold(U256::ZERO, |sum, product| sum + product);
        let (count, total) = (U256::from(self.count()), U256::from(self.total));
        // Never negative: the largest have the largest ranks.
        Measure::ratio((ranked << 1_usize) - (count + U256::from(1_u8)) * total, count * total)
    }

    /// Σ x² / (Σ x)².
    fn hhi(&self) -> Measure {
        let square = |amount: &u64| U256::from(u128::from(*amount) * u128::from(*amount));
        let squares = self.sorted.iter().map(square).fold(U256::ZERO, |sum, square| sum + square);
        Measure::ratio(squares, U256::from(self.total) * U256::from(self.total))
    }

    /// What so many percent of all, the best paid, have of the whole.
    fn top(&self, percent: u8) -> Measure {
        let hundredths = self.count() * u128::from(percent);
        let whole = usize::try_from(hundredths / 100).unwrap_or(usize::MAX);
        let mut best = self.sorted.iter().rev().map(|amount| u128::from(*amount));
        let sum: u128 = best.by_ref().take(whole).sum();
        let part = sum * 100 + best.next().unwrap_or(0) * (hundredths % 100);
        Measure::ratio(U256::from(part), U256::from(self.total) * U256::from(100_u8))
    }

    /// Theil's T, and Atkinson's index for 1/2 and for 1.
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        reason = "measures with logarithms and roots in them; no money comes of them"
    )]
    fn entropies(&self) -> (Measure, Measure, Measure) {
        let count = self.sorted.len() as f64;
        let mean = self.total as f64 / count;
        let (mut theil, mut roots, mut logarithms) = (0.0, 0.0, 0.0);
        for amount in &self.sorted {
            let part = *amount as f64 / mean;
            roots += part.sqrt();
            // Of nothing the logarithm is −∞; x ln x is 0 there.
            logarithms += part.ln();
            theil += if *amount == 0 { 0.0 } else { part * part.ln() };
        }
        let root = roots / count;
        (
            Measure::nearest(theil / count),
            Measure::nearest(1.0 - root * root),
            Measure::nearest(1.0 - (logarithms / count).exp()),
        )
    }
}

impl Measure {
    /// Units in 1.
    const UNIT: u64 = 1_000_000_000;

    /// `numerator / denominator`, half to even. The denominator must not be 0.
    pub(super) fn ratio(numerator: U256, denominator: U256) -> Self {
        let (floor, remainder) = (numerator * U256::from(Self::UNIT)).div_rem(denominator);
        let floor = u64::try_from(floor).unwrap_or(u64::MAX);
        let up = match remainder.cmp(&(denominator - remainder)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Equal => floor & 1,
        };
        Self(floor.saturating_add(up))
    }

    /// The nearest to a number; 0 for one that rounding has put under 0.
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "measures are under 64; a number under 0 becomes 0"
    )]
    fn nearest(number: f64) -> Self {
        Self((number * Self::UNIT as f64).round() as u64)
    }

    fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// As a percentage with one decimal: `12.3 %`.
    pub fn percent(self) -> String {
        format!("{:.1} %", Self(self.0.saturating_mul(100)))
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = u32::try_from(f.precision().unwrap_or(6)).unwrap_or(9).min(9);
        let unit = 10_u64.pow(places);
        let rounded = crate::money::half_even(i128::from(self.0), i128::from(Self::UNIT / unit));
        let (whole, rest) = (rounded / i128::from(unit), rounded % i128::from(unit));
        let text = match usize::try_from(places) {
            Ok(places) if places > 0 => format!("{whole}.{rest:0places$}"),
            _ => whole.to_string(),
        };
        f.write_str(&text)
    }
}

impl serde::Serialize for Measure {
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        reason = "JSON has no other numbers with decimals; nine of them survive"
    )]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / Self::UNIT as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measures(amounts: &[i64]) -> Measures {
        let micros = |amount: &i64| Micros::from_micros(i128::from(*amount)).unwrap();
        Distribution::of(amounts.iter().map(micros)).unwrap().measures()
    }

    fn texts(amounts: &[i64]) -> [String; 5] {
        let Measures { gini, hhi, theil, atkinson_half, atkinson_one, .. } = measures(amounts);
        [gini, hhi, theil, atkinson_half, atkinson_one].map(|measure| measure.to_string())
    }

    #[test]
    fn three_unlike_amounts_measure_as_calculated_by_hand() {
        // Gini: (2 (5 + 20 + 45) − 4 × 30) / (3 × 30) = 20/90 = 2/9. HHI: (25 + 100 + 225) / 900.
        // Theil: (ln (1/2) / 2 + 0 + ln (3/2) × 3/2) / 3 = 0.0872080239…, of which a list of worked
        // cases has 0.087209.
        // Atkinson(1/2): √(1/2) + 1 + √(3/2) = 2.931852, a third of it squared is 0.955084.
        let expected = ["0.222222", "0.388889", "0.087208", "0.044916", "0.091440"];
        assert_eq!(texts(&[5, 10, 15]), expected);
        assert_eq!(texts(&[15_000_000, 5_000_000, 10_000_000]), expected);
    }

    #[test]
    fn alike_is_0_and_one_who_has_all_is_all_but_1() {
        assert_eq!(texts(&[7; 4]), ["0.000000", "0.250000", "0.000000", "0.000000", "0.000000"]);
        // Theil: ln 4. Atkinson(1/2): 1 − (1/4 × √4)².
        assert_eq!(
            texts(&[0, 0, 0, 9]),
            ["0.750000", "1.000000", "1.386294", "0.750000", "1.000000"]
        );
        assert_eq!(texts(&[3]), ["0.000000", "1.000000", "0.000000", "0.000000", "0.000000"]);
    }

    #[test]
    fn one_who_gets_nothing_makes_atkinson_of_1_one_and_leaves_the_others() {
        // Gini: (2 (2 × 1 + 3 × 1) − 4 × 2) / (3 × 2). Theil: ln 1.5.
        assert_eq!(texts(&[1, 0, 1]), ["0.333333", "0.500000", "0.405465", "0.333333", "1.000000"]);
    }

    #[test]
    fn where_nothing_is_paid_there_is_nothing_to_measure() {
        assert_eq!(Distribution::of([]), None);
        assert_eq!(Distribution::of([Micros::ZERO, Micros::ZERO]), None);
        assert_eq!(Distribution::of([Micros::parse("-1").unwrap(), Micros::MAX]), None);
    }

    #[test]
    fn a_fraction_of_an_artist_counts_as_a_fraction() {
        // Of 25 artists, 10 % are two and a half, and 1 % a quarter of one.
        let mut amounts = vec![1; 22];
        amounts.extend([20, 30, 28]);
        let measures = measures(&amounts);
        assert_eq!(measures.top_1_percent.percent(), "7.5 %"); // 7.5 of 100
        assert_eq!(measures.top_10_percent.percent(), "68.0 %"); // 30 + 28 + 10
        assert_eq!(measures.bottom_90_percent.percent(), "32.0 %");
    }

    #[test]
    fn a_measure_is_a_number_with_as_many_decimals_as_are_asked_for() {
        let measure = |units| Measure(units);
        assert_eq!(format!("{:.3}", measure(1_234_500_000)), "1.234"); // half to even
        assert_eq!(format!("{:.0}", measure(1_500_000_000)), "2");
        assert_eq!(serde_json::to_string(&measure(222_222_222)).unwrap(), "0.222222222");
    }

    proptest! {
        #[test]
        fn measures_do_not_depend_on_order_or_currency(
            mut amounts in prop::collection::vec(0_i64..1_000_000, 1..40), scale in 1_i64..1000,
        ) {
            prop_assume!(amounts.iter().any(|amount| *amount > 0));
            let before = measures(&amounts);
            amounts.reverse();
            prop_assert_eq!(measures(&amounts), before);
            for amount in &mut amounts {
                *amount *= scale;
            }
            let scaled = measures(&amounts);
            let exact = |m: &Measures| (m.gini, m.hhi, m.top_1_percent, m.top_10_percent);
            prop_assert_eq!(exact(&scaled), exact(&before));
            let measured = |m: &Measures| [m.theil, m.atkinson_half, m.atkinson_one];
            for (scaled, before) in measured(&scaled).iter().zip(measured(&before)) {
                prop_assert!(scaled.0.abs_diff(before.0) <= 1);
            }
            let tops = before.top_10_percent.0 + before.bottom_90_percent.0;
            prop_assert_eq!(tops, Measure::UNIT);
        }

        #[test]
        fn giving_from_the_rich_to_the_poor_is_never_less_even(
            mut amounts in prop::collection::vec(1_i64..1000, 2..20), part in 0_i64..500,
        ) {
            // The principle of transfers, which all of these measures are known for.
            amounts.sort_unstable();
            let before = measures(&amounts);
            let last = amounts.len() - 1;
            let given = part.min((amounts[last] - amounts[0]) / 2);
            amounts[0] += given;
            amounts[last] -= given;
            let after = measures(&amounts);
            prop_assert!(after.gini <= before.gini && after.hhi <= before.hhi);
            prop_assert!(after.theil.0 <= before.theil.0 + 1);
            prop_assert!(after.atkinson_one.0 <= before.atkinson_one.0 + 1);
            prop_assert!(after.atkinson_half.0 <= before.atkinson_half.0 + 1);
        }
    }
}
