//! Decimal text to exact integers, and the one rounding rule.

/// Why a text is not the decimal number it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Anything but an optional minus, digits and at most one point.
    #[error("not a decimal number (write digits with a point, such as 1234.56)")]
    NotANumber,
    /// More decimals than the quantity can carry; dropping them would change it.
    #[error("more than {0} decimals")]
    TooManyDecimals(u32),
    /// Out of the range that exact arithmetic covers here.
    #[error("number too large")]
    TooLarge,
}

/// Reads `text` as a decimal number in units of 10⁻ᵖˡᵃᶜᵉˢ, exactly.
///
/// Trailing zeros beyond `places` are harmless and accepted; any other digit there is an error.
pub fn fixed(text: &str, places: u32) -> Result<i128, DecimalError> {
    let body = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = body.split_once('.').unwrap_or((body, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(DecimalError::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = u32::try_from(fraction.len())
        .ok()
        .and_then(|decimals| places.checked_sub(decimals))
        .ok_or(DecimalError::TooManyDecimals(places))?;
    let append =
        |value: i128, digit: u8| value.checked_mul(10)?.checked_add(i128::from(digit - b'0'));
    let mantissa = whole.bytes().chain(fraction.bytes()).try_fold(0, append);
    let units = mantissa.and_then(|mantissa| mantissa.checked_mul(10_i128.checked_pow(missing)?));
    let units = units.ok_or(DecimalError::TooLarge)?;
    Ok(if text.starts_with('-') { -units } else { units })
}

/// Like [`fixed`], and also reads an exponent (`0E-18`, `1.5e3`), as some reports print.
pub fn fixed_scientific(text: &str, places: u32) -> Result<i128, DecimalError> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return fixed(text, places);
    };
    let exponent: i32 = exponent.parse().map_err(|_| DecimalError::NotANumber)?;
    if exponent.unsigned_abs() > 40 {
        return Err(DecimalError::TooLarge);
    }
    // `value` is in units of 10⁻²⁰; what is asked for is in units of 10⁻ᵖˡᵃᶜᵉˢ.
    let value = fixed(mantissa, 20)?;
    let shift = exponent + i32::try_from(places).map_err(|_| DecimalError::TooLarge)? - 20;
    let power = 10_i128.checked_pow(shift.unsigned_abs()).ok_or(DecimalError::TooLarge)?;
    if shift >= 0 {
        value.checked_mul(power).ok_or(DecimalError::TooLarge)
    } else if value % power == 0 {
        Ok(value / power)
    } else {
        Err(DecimalError::TooManyDecimals(places))
    }
}

/// Reads a decimal number of TOML as text: written as text, or whole. A float has lost digits
/// before anybody could look at them. `what` the number is, is for errors.
pub fn decimal_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    what: &str,
) -> Result<String, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Whole(i64),
    }
    match <Written as serde::Deserialize>::deserialize(deserializer) {
        Ok(Written::Text(text)) => Ok(text),
        Ok(Written::Whole(number)) => Ok(number.to_string()),
        Err(_) => {
            Err(serde::de::Error::custom(format!("write the {what} as text, such as \"12.5\"")))
        }
    }
}

/// `numerator / denominator` rounded to the nearest integer, ties to the even one.
///
/// The denominator must be positive.
pub fn half_even(numerator: i128, denominator: i128) -> i128 {
    debug_assert!(denominator > 0);
    let floor = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    match remainder.cmp(&(denominator - remainder)) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + (floor & 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        assert_eq!(fixed("12.34", 6), Ok(12_340_000));
        assert_eq!(fixed("-0.000001", 6), Ok(-1));
        assert_eq!(fixed("1.5000000000", 6), Ok(1_500_000));
        assert_eq!(fixed("0.0000001", 6), Err(DecimalError::TooManyDecimals(6)));
        for text in ["", "-", ".", ".5", "5.", "1_000", "1,000", "+1", "1e3", "NaN", " 1", "１"] {
            assert_eq!(fixed(text, 6), Err(DecimalError::NotANumber), "{text:?}");
        }
        assert_eq!(fixed(&"9".repeat(40), 0), Err(DecimalError::TooLarge));
    }

    #[test]
    fn exponents_are_exact_too() {
        assert_eq!(fixed_scientific("0E-18", 18), Ok(0));
        assert_eq!(fixed_scientific("1.5e3", 2), Ok(150_000));
        assert_eq!(fixed_scientific("25E-19", 18), Err(DecimalError::TooManyDecimals(18)));
        assert_eq!(fixed_scientific("1e99", 18), Err(DecimalError::TooLarge));
    }

    #[test]
    fn ties_round_to_the_even_neighbour() {
        let rounded: Vec<i128> = [5, 15, 25, -5, -15, -25, 14, 16, -14, -16]
            .into_iter()
            .map(|n| half_even(n, 10))
            .collect();
        assert_eq!(rounded, [0, 2, 2, 0, -2, -2, 1, 2, -1, -2]);
    }
}
