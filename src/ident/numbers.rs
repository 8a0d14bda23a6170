//! Numbers of rights holders, with their check digits.

/// A number that fails its form or its check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not 9 to 11 digits.
    #[error("not an IPI name number (9 to 11 digits)")]
    Ipi,
    /// Not 16 characters in the form of ISO 27729.
    #[error("not an ISNI (16 digits, the last of which may be X)")]
    IsniForm,
    /// The last character does not follow from the others.
    #[error("the ISNI fails its check digit")]
    IsniCheck,
}

/// An IPI name number in its canonical form, 11 digits.
pub fn ipi(text: &str) -> Result<String, NumberError> {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    let form = (9..=11).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    form.then(|| format!("{digits:0>11}")).ok_or(NumberError::Ipi)
}

/// An ISNI in its canonical form, 16 characters without spaces (check digit: ISO 7064 MOD 11-2).
pub fn isni(text: &str) -> Result<String, NumberError> {
    let digits: String = text.chars().filter(|c| *c != ' ').collect();
    let (body, check) = digits.split_at_checked(15).ok_or(NumberError::IsniForm)?;
    if !body.bytes().all(|b| b.is_ascii_digit()) || check.len() != 1 {
        return Err(NumberError::IsniForm);
    }
    let sum = body.bytes().fold(0_u32, |sum, b| (sum + u32::from(b - b'0')) * 2 % 11);
    let expected = match (12 - sum) % 11 {
        10 => "X".to_owned(),
        digit => digit.to_string(),
    };
    if check == expected { Ok(digits) } else { Err(NumberError::IsniCheck) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked() {
        // The example number of the ISNI standard's published check-digit note.
        assert_eq!(isni("0000 0001 2281 955X"), Ok("000000012281955X".to_owned()));
        assert_eq!(isni("0000000122819551"), Err(NumberError::IsniCheck));
        assert_eq!(isni("12"), Err(NumberError::IsniForm));
        assert_eq!(ipi("123456789"), Ok("00123456789".to_owned()));
        assert_eq!(ipi("12345"), Err(NumberError::Ipi));
    }
}
