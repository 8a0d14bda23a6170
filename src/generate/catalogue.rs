//! Recordings that nobody made, and how often they are wanted.

use super::random::{Of, Random};

/// The ids begin here: `XX` is a country code that ISO 3166 leaves to its users and that no ISRC
/// agency gives out, so no id is a real recording's.
const COUNTRY: &[u8; 2] = b"XX";
/// The first registrant, `TAN`, as a number of base 36.
const REGISTRANT: u32 = 29 * 36 * 36 + 10 * 36 + 23;
/// Two digits of the year and five of the recording.
const OF_REGISTRANT: u32 = 10_000_000;

/// How many draws away the most popular recording is from an even lower rank: Mandelbrot's shift.
const SHIFT: u64 = 64;

/// Recordings by rank: the rank is a recording's place in the order of ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Catalogue {
    recordings: u32,
    /// A recording's place in popularity becomes its rank by `place × step + start`, so that
    /// popularity and ids have nothing to do with each other.
    step: u64,
    start: u64,
    /// The octaves of `place + SHIFT`.
    octaves: u64,
}

impl Catalogue {
    /// Most recordings: all ids of the registrants `TAN` to `TZZ`.
    pub(super) const RECORDINGS_MAX: u32 = 400 * OF_REGISTRANT;

    /// A catalogue of at least one recording.
    pub(super) fn new(recordings: u32, seed: u64) -> Self {
        let count = u64::from(recordings.max(1));
        let mut random = Random::new(seed, Of::Popularity, 0);
        let mut step = 1 + random.below(count);
        while gcd(step, count) != 1 {
            step += 1;
        }
        let octaves = u64::from((count + SHIFT - 1).ilog2() - SHIFT.ilog2() + 1);
        Self { recordings: recordings.max(1), step, start: random.below(count), octaves }
    }

    /// How many recordings there are.
    pub(super) const fn recordings(&self) -> u32 {
        self.recordings
    }

    /// The rank of a recording that somebody plays. Zipf and Mandelbrot's law in whole numbers:
    /// an octave of `place + 64` evenly, then a place in it evenly, so that the chance of a place
    /// falls as 1 / (place + 64).
    pub(super) fn played(&self, random: &mut Random) -> u32 {
        let count = u64::from(self.recordings);
        loop {
            let octave = SHIFT << random.below(self.octaves);
            let place = octave + random.below(octave) - SHIFT;
            if place < count {
                let rank = (u128::from(place) * u128::from(self.step) + u128::from(self.start))
                    % u128::from(count);
                return u32::try_from(rank).unwrap_or_default(); // below a u32
            }
        }
    }

    /// The ISRC of a rank. Ids sort as ranks do.
    pub(super) fn id(rank: u32) -> Id {
        let mut id = [0; 12];
        id[..2].copy_from_slice(COUNTRY);
        let mut registrant = REGISTRANT + rank / OF_REGISTRANT;
        for place in (2..5).rev() {
            id[place] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[registrant as usize % 36];
            registrant /= 36;
        }
        let mut number = rank % OF_REGISTRANT;
        for place in (5..12).rev() {
            id[place] = b"0123456789"[number as usize % 10];
            number /= 10;
        }
        Id(id)
    }
}

/// A recording's ISRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) [u8; 12]);

impl Id {
    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default() // made of ASCII only
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::RecordingId;

    #[test]
    fn ids_are_codes_in_the_order_of_ranks() {
        let ranks = [0, 1, 99_999, 100_000, OF_REGISTRANT, Catalogue::RECORDINGS_MAX - 1];
        let ids: Vec<String> = ranks.map(|rank| Catalogue::id(rank).to_string()).into();
        assert_eq!(ids[0], "XXTAN0000000");
        assert_eq!(ids[4], "XXTAO0000000");
        assert!(ids.is_sorted(), "{ids:?}");
        for id in &ids {
            assert_eq!(RecordingId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn few_recordings_are_played_often_and_many_seldom() {
        let catalogue = Catalogue::new(100_000, 7);
        let mut random = Random::new(7, Of::Listener, 0);
        let mut plays = vec![0_u32; 100_000];
        for _ in 0..400_000 {
            plays[catalogue.played(&mut random) as usize] += 1;
        }
        plays.sort_unstable_by(|a, b| b.cmp(a));
        let top: u32 = plays[..1000].iter().sum();
        assert!((120_000..180_000).contains(&top), "{top}");
        assert!(plays.iter().filter(|count| **count > 0).count() > 60_000);
    }

    #[test]
    fn every_recording_can_be_played() {
        for recordings in [1, 2, 63, 64, 65, 1000] {
            let catalogue = Catalogue::new(recordings, 3);
            let mut random = Random::new(3, Of::Listener, 0);
            let mut seen = vec![false; recordings as usize];
            for _ in 0..60 * recordings + 200 {
                seen[catalogue.played(&mut random) as usize] = true;
            }
            let missing = seen.iter().filter(|seen| !**seen).count();
            assert_eq!(missing, 0, "of {recordings}");
        }
    }
}
