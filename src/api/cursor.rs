//! Where a listing goes on.
//!
//! A cursor is opaque and belongs to its listing. It is sealed with a key that comes from the
//! workspace's secret: it tells nobody where in a month's file a line stands, and nobody can make
//! one up to learn what another's statement holds. One that opens was given to somebody who saw
//! the row it names. It grants nothing, since the key of the API is asked again.

use std::fmt;

use super::problem::Problem;
use crate::digest::Canonical;
use crate::usage::Secret;

/// What cursors are sealed with.
#[derive(Clone)]
pub(super) struct Seal([u8; blake3::KEY_LEN]);

impl Seal {
    /// The same for every server of a workspace, so that a cursor outlives a restart.
    pub(super) fn of(secret: &Secret) -> Self {
        Self(blake3::derive_key("tantieme cursor 2", secret.reveal().as_bytes()))
    }

    /// The listing of that name with those filters.
    pub(super) fn listing(&self, parts: &[&str]) -> Listing {
        let record = Canonical::new("tantieme listing 1");
        let digest = parts.iter().fold(record, |record, part| record.text(part)).digest();
        let mut keys = Listing { tag: [0; _], text: [0; _] };
        let mut drawn = blake3::Hasher::new_keyed(&self.0).update(digest.bytes()).finalize_xof();
        drawn.fill(&mut keys.tag);
        drawn.fill(&mut keys.text);
        keys
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// A listing, by all that decides what is in it: the keys of its cursors.
///
/// A cursor is a keyed hash of its place, and the place under a keystream that the hash chooses
/// (the construction SIV, RFC 5297). One place has one cursor, as one page has one address.
pub(super) struct Listing {
    tag: [u8; blake3::KEY_LEN],
    text: [u8; blake3::KEY_LEN],
}

impl Listing {
    /// The cursor of a place in it. How long the place is can be told from it.
    pub(super) fn cursor(&self, place: &str) -> String {
        let tag = blake3::keyed_hash(&self.tag, place.as_bytes());
        const_hex::encode(
            [tag.as_bytes().as_slice(), &self.masked(&tag, place.as_bytes())].concat(),
        )
    }

    /// The place that a cursor of this listing names.
    pub(super) fn place(&self, cursor: &str) -> Result<String, Problem> {
        let bytes = const_hex::decode(cursor).map_err(|_| Problem::BadCursor)?;
        let (tag, masked) = bytes.split_first_chunk().ok_or(Problem::BadCursor)?;
        let tag = blake3::Hash::from_bytes(*tag);
        let place = self.masked(&tag, masked);
        // Two hashes are compared in constant time.
        if blake3::keyed_hash(&self.tag, &place) != tag {
            return Err(Problem::BadCursor);
        }
        String::from_utf8(place).map_err(|_| Problem::BadCursor)
    }

    /// Bytes under the keystream of that tag, or out from under it.
    fn masked(&self, tag: &blake3::Hash, bytes: &[u8]) -> Vec<u8> {
        let mut stream = vec![0; bytes.len()];
        let mut hasher = blake3::Hasher::new_keyed(&self.text);
        hasher.update(tag.as_bytes()).finalize_xof().fill(&mut stream);
        stream.iter().zip(bytes).map(|(stream, byte)| stream ^ byte).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(digit: &str) -> Seal {
        Seal::of(&Secret::parse(&digit.repeat(64)).unwrap())
    }

    #[test]
    fn a_cursor_opens_its_own_listing_and_no_other() {
        let parts = ["statements", "2026-10", ""];
        let cursor = seal("1").listing(&parts).cursor("mei|CNY");
        let opened = seal("1").listing(&parts).place(&cursor);
        assert_eq!(opened.ok().as_deref(), Some("mei|CNY"));
        for other in [["statements", "2026-10", "mei"], ["statements", "2026-1", "0"]] {
            assert!(seal("1").listing(&other).place(&cursor).is_err());
        }
        assert!(seal("2").listing(&parts).place(&cursor).is_err());
    }

    #[test]
    fn a_cursor_hides_its_place_and_cannot_be_changed() {
        let listing = seal("1").listing(&["lines", "2026-10", "mei"]);
        let [one, next] = ["0000000007", "0000000008"].map(|place| listing.cursor(place));
        assert!(!one.contains(&const_hex::encode("0000000007")));
        let same = one.bytes().zip(next.bytes()).filter(|(one, next)| one == next).count();
        assert!(same < one.len() / 4, "{one} {next}");
        for at in 0..one.len() {
            let mut changed = one.clone();
            let digit = if one.as_bytes()[at] == b'0' { "1" } else { "0" };
            changed.replace_range(at..=at, digit);
            assert!(listing.place(&changed).is_err(), "{changed}");
        }
        assert!(["zz", "", "00", &one[..64]].iter().all(|cursor| listing.place(cursor).is_err()));
    }
}
