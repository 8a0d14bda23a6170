//! Where a listing goes on.
//!
//! A cursor is opaque and belongs to its listing: eight bytes of a digest over what was asked,
//! then the place. It grants nothing, since the key is asked again.

use super::problem::Problem;
use crate::digest::Canonical;

const BOUND_BYTES: usize = 8;

/// A listing, by all that decides what is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing([u8; BOUND_BYTES]);

impl Listing {
    /// The listing of that name with those filters.
    pub(super) fn of(parts: &[&str]) -> Self {
        let record = Canonical::new("tantieme cursor 1");
        let digest = parts.iter().fold(record, |record, part| record.text(part)).digest();
        let mut bound = [0; BOUND_BYTES];
        bound.copy_from_slice(&digest.bytes()[..BOUND_BYTES]);
        Self(bound)
    }

    /// The cursor of a place in it.
    pub(super) fn cursor(self, place: &str) -> String {
        const_hex::encode([self.0.as_slice(), place.as_bytes()].concat())
    }

    /// The place that a cursor of this listing names.
    pub(super) fn place(self, cursor: &str) -> Result<String, Problem> {
        let bytes = const_hex::decode(cursor).map_err(|_| Problem::BadCursor)?;
        let place = bytes.strip_prefix(self.0.as_slice()).ok_or(Problem::BadCursor)?;
        String::from_utf8(place.to_vec()).map_err(|_| Problem::BadCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_its_own_listing_and_no_other() {
        let listing = Listing::of(&["statements", "2026-10", ""]);
        let cursor = listing.cursor("mei|CNY");
        assert_eq!(listing.place(&cursor).ok().as_deref(), Some("mei|CNY"));
        for other in [["statements", "2026-10", "mei"], ["statements", "2026-1", "0"]] {
            assert!(Listing::of(&other).place(&cursor).is_err());
        }
        assert!(listing.place("zz").is_err() && listing.place("").is_err());
    }
}
