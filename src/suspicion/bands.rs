//! Lists of recordings, cut into bands so that like ones meet: `MinHash` and locality-sensitive
//! hashing.
//!
//! Each of 128 lanes gives a recording a number of its own; a listener's value in a lane is the
//! least number of all that they play. Two listeners have the same value with the chance of their
//! likeness J: the recordings that both play, of those that either plays. (A. Broder, *On the
//! resemblance and containment of documents*, 1997.) So many lanes are a band, and two listeners
//! meet in a band where all its values are the same: in at least one of b bands of r lanes with the
//! chance 1 − (1 − Jʳ)ᵇ. (P. Indyk and R. Motwani, *Approximate nearest neighbors*, 1998.)
//!
//! How many listeners meet is first counted in a sketch of fixed size, where different bands may
//! share a counter. So it never says too few, and what it says is looked at again.

use std::sync::atomic::{AtomicU8, Ordering};

use super::thresholds::Alike;
use crate::ident::RecordingId;
use crate::threads::{in_parts, joined};

const LANES: usize = 128;
/// Lanes that are worked out together: as many as fit the registers of a processor.
const BLOCK: usize = 64;
/// Counters of the sketch: a byte each.
const COUNTERS: usize = 1 << 26;
/// From which likeness on, in units of 10⁻⁸, how many lanes are a band. In every row, two listeners
/// just as alike meet nowhere with a chance of less than 1 in 2,000.
const BAND_LANES: [(u32, usize); 6] = [
    (98_000_000, 16), // 8 bands: 0.000034
    (95_000_000, 12), // 10 bands: 0.00041
    (90_000_000, 8),  // 16 bands: 0.00012
    (85_000_000, 6),  // 21 bands: 0.000048
    (80_000_000, 5),  // 25 bands: 0.000048
    (70_000_000, 4),  // 32 bands: 0.00015
];

/// By what each lane multiplies the two halves of a recording's hash.
const FACTORS: ([i16; LANES], [i16; LANES]) = factors();

const fn factors() -> ([i16; LANES], [i16; LANES]) {
    let (mut one, mut other) = ([0; LANES], [0; LANES]);
    let mut lane = 0;
    while lane < LANES {
        let bytes = mixed(lane as u64 + 1).to_le_bytes();
        // Odd, so that none is a multiple of another's bits alone.
        one[lane] = i16::from_le_bytes([bytes[0] | 1, bytes[1]]);
        other[lane] = i16::from_le_bytes([bytes[2] | 1, bytes[3]]);
        lane += 1;
    }
    (one, other)
}

/// Steele, Lea and Flood's `SplitMix64`.
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A recording's hash, in halves.
type Hash = [i16; 2];

/// How lists of recordings are cut into bands, and how many listeners meet in each.
pub(super) struct Bands {
    hashes: Vec<Hash>,
    /// Lanes of a band.
    lanes: usize,
    /// So many listeners must meet in a band for it to count.
    enough: u64,
    sketch: Vec<AtomicU8>,
}

/// What a thread keeps between two listeners.
#[derive(Default)]
pub(super) struct Scratch {
    hashes: Vec<Hash>,
    keys: Vec<u64>,
}

impl Bands {
    /// Bands for lists of these recordings. They are hashed by their ids, so that the bands do not
    /// depend on how recordings are numbered.
    pub(super) fn new(said: &Alike, recordings: &[RecordingId], threads: usize) -> Self {
        let hash = |id: &RecordingId| {
            let hash = blake3::hash(id.as_str().as_bytes());
            let [a, b, c, d, ..] = *hash.as_bytes();
            [i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d])]
        };
        let hashes =
            in_parts(threads, recordings, |ids| ids.iter().map(hash).collect::<Vec<Hash>>());
        let likeness = said.likeness_at_least.units();
        let row = BAND_LANES.iter().find(|(least, _)| likeness >= *least);
        Self {
            hashes: joined(hashes),
            lanes: row.map_or(BAND_LANES[BAND_LANES.len() - 1].1, |(_, lanes)| *lanes),
            // Not all of a group meet in every band; half of them do in some.
            enough: said.listeners_at_least.get().div_ceil(2).max(2),
            sketch: std::iter::repeat_with(AtomicU8::default).take(COUNTERS).collect(),
        }
    }

    /// So many listeners must meet in a band for it to count.
    pub(super) const fn enough(&self) -> u64 {
        self.enough
    }

    /// How many bands there are.
    pub(super) const fn count(&self) -> usize {
        LANES / self.lanes
    }

    /// Counts a listener who plays these recordings.
    pub(super) fn note(&self, recordings: impl Iterator<Item = u32>, scratch: &mut Scratch) {
        self.keys(recordings, scratch);
        for key in &scratch.keys {
            let counter = &self.sketch[place(*key)];
            // At most 255: more are as good.
            let _ = counter
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1));
        }
    }

    /// True if enough listeners may meet, of whom one plays these recordings.
    pub(super) fn may_meet(
        &self,
        recordings: impl Iterator<Item = u32>,
        scratch: &mut Scratch,
    ) -> bool {
        self.keys(recordings, scratch);
        scratch.keys.iter().any(|key| self.may_be_enough(*key))
    }

    /// True if enough listeners may have this key. Never false where they have.
    pub(super) fn may_be_enough(&self, key: u64) -> bool {
        let count = self.sketch[place(key)].load(Ordering::Relaxed);
        u64::from(count) >= self.enough.min(u8::MAX.into())
    }

    /// What listeners have in common who meet in that band.
    pub(super) fn key(&self, recordings: &[u32], band: usize) -> u64 {
        let mut least = [i16::MAX; LANES];
        let lanes = band * self.lanes..(band + 1) * self.lanes;
        for recording in recordings {
            let [one, other] = self.hashes[*recording as usize];
            for lane in lanes.clone() {
                least[lane] = least[lane].min(number(lane, one, other));
            }
        }
        band_key(band, &least[lanes])
    }

    /// A number for a list of recordings that does not depend on how they are numbered.
    pub(super) fn order(&self, recordings: &[u32]) -> (usize, u64) {
        let mixed = |recording: &u32| {
            let [one, other] = self.hashes[*recording as usize].map(i16::cast_unsigned);
            mixed((u64::from(one) << 16) | u64::from(other))
        };
        (recordings.len(), recordings.iter().map(mixed).fold(0, u64::wrapping_add))
    }

    fn keys(&self, recordings: impl Iterator<Item = u32>, scratch: &mut Scratch) {
        let Scratch { hashes, keys } = scratch;
        hashes.clear();
        hashes.extend(recordings.map(|recording| self.hashes[recording as usize]));
        let least = least(hashes);
        keys.clear();
        let bands = least.chunks_exact(self.lanes).enumerate();
        keys.extend(bands.map(|(band, values)| band_key(band, values)));
    }
}

/// A lane's number for a recording.
#[inline]
const fn number(lane: usize, one: i16, other: i16) -> i16 {
    one.wrapping_mul(FACTORS.0[lane]).wrapping_add(other.wrapping_mul(FACTORS.1[lane]))
}

/// The least number in each lane.
fn least(hashes: &[Hash]) -> [i16; LANES] {
    let mut all = [i16::MAX; LANES];
    for (block, all) in all.chunks_exact_mut(BLOCK).enumerate() {
        let mut least = [i16::MAX; BLOCK];
        for [one, other] in hashes {
            for (lane, least) in least.iter_mut().enumerate() {
                *least = (*least).min(number(block * BLOCK + lane, *one, *other));
            }
        }
        all.copy_from_slice(&least);
    }
    all
}

fn band_key(band: usize, values: &[i16]) -> u64 {
    let key = values.iter().fold(mixed(band as u64), |key, value| {
        (key ^ u64::from(value.cast_unsigned())).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    mixed(key)
}

/// Where the sketch counts a key.
fn place(key: u64) -> usize {
    usize::try_from(key >> 32).unwrap_or_default() % COUNTERS
}

#[cfg(test)]
mod tests {
    use super::super::thresholds::Suspicion;
    use super::*;

    fn bands(likeness: &str) -> Bands {
        let text = format!(
            "[alike]\nlikeness_at_least = \"{likeness}\"\nlisteners_at_least = 2\nrecordings_at_least = 1"
        );
        let said = Suspicion::parse(&text).unwrap().alike.unwrap();
        let ids: Vec<RecordingId> =
            (0..40_000).map(|n| RecordingId::parse(&format!("x::{n}")).unwrap()).collect();
        Bands::new(&said, &ids, 2)
    }

    /// How many of a thousand pairs meet that play `both` recordings together and `own` each alone.
    fn met(bands: &Bands, both: u32, own: u32) -> usize {
        let meets = |pair: &u32| {
            let first = pair * (both + 2 * own);
            let shared = first..first + both;
            let list = |own: std::ops::Range<u32>| shared.clone().chain(own).collect::<Vec<u32>>();
            let one = list(first + both..first + both + own);
            let other = list(first + both + own..first + both + 2 * own);
            (0..bands.count()).any(|band| bands.key(&one, band) == bands.key(&other, band))
        };
        (0..1000).filter(meets).count()
    }

    #[test]
    fn like_lists_meet_and_others_do_not() {
        // 36 of 40 are 90 %: 1 of 8,000 is missed.
        let ninety = bands("90");
        assert!(met(&ninety, 36, 2) >= 998);
        // 10 of 30 are a third, and meet with a chance of 16 × 3⁻⁸: 2.4 of a thousand.
        assert!(met(&ninety, 10, 10) <= 10);
        // 14 of 20 are 70 %.
        assert!(met(&bands("70"), 14, 3) >= 998);
        assert_eq!(met(&bands("100"), 20, 0), 1000);
    }

    #[test]
    fn all_bands_together_are_one_band_after_the_other() {
        let bands = bands("95");
        let mut scratch = Scratch::default();
        let list: Vec<u32> = (7..99).collect();
        bands.keys(list.iter().copied(), &mut scratch);
        let one: Vec<u64> = (0..bands.count()).map(|band| bands.key(&list, band)).collect();
        assert_eq!(scratch.keys, one);
        assert!(!bands.may_meet(list.iter().copied(), &mut scratch));
        bands.note(list.iter().copied(), &mut scratch);
        bands.note(list.iter().copied(), &mut scratch);
        assert!(bands.may_meet(list.iter().copied(), &mut scratch));
    }
}
