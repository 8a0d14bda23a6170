//! The one rule that divides money.

use ruint::aliases::U256;

use super::Micros;

/// Why money could not be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApportionError {
    /// There is nothing to divide by.
    #[error("no weight: every weight is 0, or there is none")]
    NoWeight,
    /// The weights add up to 2¹²⁸ or more.
    #[error("the weights are too large to add exactly")]
    WeightOverflow,
}

/// Divides `total` in proportion to `weights`, by largest remainder.
///
/// Each key gets ⌊total·w/Σw⌋ micros; the micros left over go one each to the largest
/// remainders. The weights stand in the byte order of their keys, so that a tie goes to the key
/// that sorts first. The parts add up to `total`, always; `apportion(−t) = −apportion(t)`; a
/// weight of 0 gets nothing.
///
/// The method is Hamilton's: see M. Balinski and H. P. Young, *Fair Representation*, 1982.
///
/// ```
/// use tantieme::money::{Micros, apportion};
/// let parts = apportion(Micros::parse("100").unwrap(), &[1, 1, 1]).unwrap();
/// let texts: Vec<String> = parts.iter().map(Micros::to_string).collect();
/// assert_eq!(texts, ["33.333334", "33.333333", "33.333333"]);
/// ```
pub fn apportion(total: Micros, weights: &[u128]) -> Result<Vec<Micros>, ApportionError> {
    let weight_total = weights
        .iter()
        .try_fold(0_u128, |sum, w| sum.checked_add(*w))
        .ok_or(ApportionError::WeightOverflow)?;
    if weight_total == 0 {
        return Err(ApportionError::NoWeight);
    }
    let magnitude = total.micros().unsigned_abs();
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for weight in weights {
        let (part, remainder) = multiply_divide(magnitude, *weight, weight_total);
        parts.push(part);
        remainders.push(remainder);
    }
    let left_over = magnitude - parts.iter().sum::<u64>();
    for index in largest(remainders.into_iter(), left_over) {
        parts[index] += 1;
    }
    Ok(parts.into_iter().map(|part| signed(part, total.is_negative())).collect())
}

/// The indices of the `count` largest values, ties to the lower index, in no order.
///
/// `count` must not exceed the number of values.
pub(crate) fn largest<T: Ord>(values: impl Iterator<Item = T>, count: u64) -> Vec<usize> {
    let mut order: Vec<(T, usize)> = values.zip(0..).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(order.len());
    if count > 0 && count < order.len() {
        order.select_nth_unstable_by(count - 1, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    }
    order.truncate(count);
    order.into_iter().map(|(_, index)| index).collect()
}

/// ⌊a·b/c⌋ and its remainder, for b ≤ c: the quotient is at most `a`.
fn multiply_divide(a: u64, b: u128, c: u128) -> (u64, u128) {
    if let Some(product) = u128::from(a).checked_mul(b) {
        let quotient = product / c;
        return (u64::try_from(quotient).unwrap_or(a), product - quotient * c);
    }
    let (quotient, remainder) = (U256::from(a) * U256::from(b)).div_rem(U256::from(c));
    (u64::try_from(quotient).unwrap_or(a), u128::try_from(remainder).unwrap_or(0)) // < c
}

fn signed(magnitude: u64, negative: bool) -> Micros {
    let part = Micros::from_micros(i128::from(magnitude)).unwrap_or(Micros::MAX); // ≤ |total|
    if negative { -part } else { part }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(value: i64) -> Micros {
        Micros::from_micros(i128::from(value)).unwrap()
    }

    #[test]
    fn a_tie_goes_to_the_first_key() {
        let parts = apportion(micros(-5), &[1, 1, 1]).unwrap();
        assert_eq!(parts, [micros(-2), micros(-2), micros(-1)]);
    }

    #[test]
    fn nothing_to_divide_by_is_an_error() {
        assert_eq!(apportion(micros(1), &[]), Err(ApportionError::NoWeight));
        assert_eq!(apportion(micros(0), &[0, 0]), Err(ApportionError::NoWeight));
        assert_eq!(apportion(micros(1), &[u128::MAX, 1]), Err(ApportionError::WeightOverflow));
    }

    fn weight() -> impl Strategy<Value = u128> {
        prop_oneof![
            0_u128..4,
            0_u128..1_000_000,
            any::<u64>().prop_map(u128::from),
            (0_u128..(1 << 120)),
        ]
    }

    proptest! {
        #[test]
        fn not_a_micro_is_made_or_lost(
            total in -i64::MAX..=i64::MAX,
            weights in prop::collection::vec(weight(), 1..60),
        ) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            let parts = apportion(micros(total), &weights).unwrap();
            prop_assert_eq!(Micros::sum(parts.iter().copied()), Ok(micros(total)));
            let refund = apportion(micros(-total), &weights).unwrap();
            for ((part, back), weight) in parts.iter().zip(refund).zip(&weights) {
                prop_assert_eq!(*part, -back);
                prop_assert!(*weight > 0 || part.is_zero());
            }
        }

        #[test]
        fn each_part_is_within_a_micro_of_its_exact_share(
            total in 0..=i64::MAX,
            weights in prop::collection::vec(0_u128..1 << 60, 1..20),
        ) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            let sum = U256::from(weights.iter().sum::<u128>());
            for (part, weight) in apportion(micros(total), &weights).unwrap().iter().zip(&weights) {
                let exact = U256::from(total) * U256::from(*weight);
                let scaled = U256::from(part.micros()) * sum;
                let apart = if scaled > exact { scaled - exact } else { exact - scaled };
                prop_assert!(apart < sum);
            }
        }

        #[test]
        fn the_largest_values_win_and_ties_go_first(
            values in prop::collection::vec(0_u8..6, 0..30), count in 0_u64..30,
        ) {
            prop_assume!(count <= values.len() as u64);
            let mut expected: Vec<usize> = (0..values.len()).collect();
            expected.sort_by_key(|i| (std::cmp::Reverse(values[*i]), *i));
            expected.truncate(usize::try_from(count).unwrap());
            let mut found = largest(values.iter(), count);
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
