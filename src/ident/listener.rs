//! A listener as reports show one: a hash, with digits that prove it is one.

/// What a listener's hash looks like to people: 32 hexadecimal digits, a hyphen, and 8 that are
/// calculated from them. So no id of a service's own passes for a hash.
pub fn shown_listener(hash: u128) -> String {
    format!("{hash:032x}-{:08x}", proof(hash))
}

/// Reads it back.
pub fn parse_listener(text: &str) -> Option<u128> {
    let (hash, digits) = text.split_once('-')?;
    let hex =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_hexdigit());
    let hash = u128::from_str_radix(hash, 16).ok().filter(|_| hex(hash, 32))?;
    let digits = u32::from_str_radix(digits, 16).ok().filter(|_| hex(digits, 8))?;
    (digits == proof(hash)).then_some(hash)
}

fn proof(hash: u128) -> u32 {
    let digest = blake3::derive_key("tantieme listener as reports show one", &hash.to_be_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_shown_is_read() {
        let shown = shown_listener(0x0123);
        assert_eq!(parse_listener(&shown), Some(0x0123));
        assert_eq!(parse_listener(&shown.to_uppercase()), Some(0x0123));
        for other in [
            "550e8400e29b41d4a716446655440000",
            "550e8400-e29b41d4a716446655440000",
            &shown.replace("0123", "0124"),
            &shown[..40],
            "",
        ] {
            assert_eq!(parse_listener(other), None, "{other}");
        }
    }
}
