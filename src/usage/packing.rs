//! Whole numbers in as few bits as they need.
//!
//! What a page of Parquet refers to in a dictionary is written as one byte, how many bits each
//! number has, and runs: the hybrid of run lengths and bit packing of
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>. A sealed page has runs of
//! one kind only. Either all its numbers are packed, or it repeats each of the numbers that follow
//! each other.

/// How many bits the numbers up to `most` need; one at least, which every reader knows.
fn width(most: u32) -> u8 {
    (1..32).find(|width| most >> width == 0).unwrap_or(32)
}

/// Packs numbers, eight at a time; the last eight are filled up with zeros.
pub(super) fn pack(numbers: &[u32], out: &mut Vec<u8>) {
    let width = width(numbers.iter().copied().max().unwrap_or(0));
    let eights = numbers.len().div_ceil(8);
    out.push(width);
    push_varint((eights as u64) << 1 | 1, out);
    let filling = std::iter::repeat_n(0, eights * 8 - numbers.len());
    let (mut waiting, mut bits) = (0_u64, 0);
    for number in numbers.iter().copied().chain(filling) {
        waiting |= u64::from(number) << bits;
        bits += usize::from(width);
        if bits >= 32 {
            out.extend_from_slice(&waiting.to_le_bytes()[..4]);
            waiting >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(&waiting.to_le_bytes()[..bits / 8]);
}

/// Unpacks a page that should have so many numbers into `numbers`, in place of what they held;
/// none if it is not written so.
pub(super) fn unpack(page: &[u8], count: usize, numbers: &mut Vec<u32>) -> Option<()> {
    let (width, mut bytes) = page.split_first()?;
    let eights = count.div_ceil(8);
    let so = take_varint(&mut bytes)? == (eights as u64) << 1 | 1
        && bytes.len() == eights * usize::from(*width);
    numbers.resize(if so { eights * 8 } else { 0 }, 0);
    // With the width known to the compiler, eight numbers are a few loads and shifts.
    macro_rules! of_width {
        ($($known:literal)*) => {
            match width {
                $($known => unpack_eights::<$known>(bytes, numbers.as_chunks_mut().0),)*
                _ => return None,
            }
        };
    }
    of_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
    numbers.truncate(count);
    so.then_some(())
}

fn unpack_eights<const WIDTH: usize>(mut bytes: &[u8], numbers: &mut [[u32; 8]]) {
    for eight in numbers {
        // A number is read with what follows it, which the last ones do not have.
        let mut end = [0; 40];
        let from = bytes.first_chunk::<40>().unwrap_or_else(|| {
            end[..bytes.len()].copy_from_slice(bytes);
            &end
        });
        for (at, number) in eight.iter_mut().enumerate() {
            let (byte, bit) = (at * WIDTH / 8, at * WIDTH % 8);
            let mut word = [0; 8];
            word.copy_from_slice(&from[byte..byte + 8]);
            let [a, b, c, d, ..] = (u64::from_le_bytes(word) >> bit).to_le_bytes();
            *number = u32::from_le_bytes([a, b, c, d]) & (u32::MAX >> (32 - WIDTH));
        }
        bytes = bytes.get(WIDTH..).unwrap_or_default();
    }
}

/// At most eight bytes as a number.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Repeats the numbers from `first` on, each so often.
pub(super) fn repeat(first: u32, times: &[u32], out: &mut Vec<u8>) {
    let last = (first..).zip(times).last().map_or(0, |(last, _)| last);
    let width = width(last);
    out.push(width);
    for (number, times) in (first..).zip(times) {
        push_varint(u64::from(*times) << 1, out);
        out.extend_from_slice(&number.to_le_bytes()[..usize::from(width.div_ceil(8))]);
    }
}

/// How often a page of `count` numbers repeats each that follows `first`; none if it is not
/// written so.
pub(super) fn repeated(page: &[u8], first: u32, count: usize, times: &mut Vec<u32>) -> Option<()> {
    let (width, mut bytes) = page.split_first()?;
    let number_bytes = usize::from(width.div_ceil(8)).min(4);
    let mut left = count;
    let mut next = first;
    times.clear();
    while left > 0 {
        let run = take_varint(&mut bytes)?;
        let (found, rest) = bytes.split_at_checked(number_bytes)?;
        bytes = rest;
        let length = u32::try_from(run >> 1).ok().filter(|length| *length > 0)?;
        if run & 1 == 1 || number(found) != u64::from(next) {
            return None;
        }
        left = left.checked_sub(length as usize)?;
        next = next.checked_add(1)?;
        times.push(length);
    }
    bytes.is_empty().then_some(())
}

/// Seven bits to a byte, the lowest first; the highest bit says that more follow.
fn push_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read_back(
            numbers in (0_u32..32).prop_flat_map(|shift| {
                prop::collection::vec(any::<u32>().prop_map(move |number| number >> shift), 1..100)
            }),
        ) {
            let mut page = Vec::new();
            pack(&numbers, &mut page);
            let mut read = vec![7; 3];
            prop_assert_eq!(unpack(&page, numbers.len(), &mut read), Some(()));
            prop_assert_eq!(&read, &numbers);
            prop_assert_eq!(unpack(&page[..page.len() - 1], numbers.len(), &mut read), None);
            prop_assert_eq!(unpack(&page, numbers.len() + 8, &mut read), None);
        }

        #[test]
        fn what_is_repeated_is_counted(
            first in prop_oneof![0_u32..300, 1 << 23..1_u32 << 25],
            times in prop::collection::vec(1_u32..1000, 1..50),
        ) {
            let (mut page, mut read) = (Vec::new(), Vec::new());
            repeat(first, &times, &mut page);
            let count = times.iter().sum::<u32>() as usize;
            prop_assert_eq!(repeated(&page, first, count, &mut read), Some(()));
            prop_assert_eq!(&read, &times);
            prop_assert_eq!(repeated(&page, first + 1, count, &mut read), None);
            prop_assert_eq!(repeated(&page, first, count - 1, &mut read), None);
            prop_assert_eq!(repeated(&page, first, count + 1, &mut read), None);
        }

        #[test]
        fn no_page_is_too_strange_to_be_refused(
            page in prop::collection::vec(any::<u8>(), 0..40),
            count in 0_usize..200,
        ) {
            let _ = unpack(&page, count, &mut Vec::new());
            let _ = repeated(&page, 0, count, &mut Vec::new());
        }
    }
}
