//! Numbers that look random and are the same on every machine.

/// What a sequence is for. Two sequences of one seed never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The catalogue's order of popularity.
    Popularity = 1,
    /// One listener's plays.
    Listener = 2,
    /// In which order the rows of a block stand.
    Order = 3,
    /// In which pool a listener is.
    Pool = 4,
    /// Who made a recording.
    Recording = 5,
    /// An artist's label.
    Artist = 6,
    /// A sale.
    Sale = 7,
    /// What stands for a listener.
    Hash = 8,
    /// A party's name and country.
    Party = 9,
    /// A recording's title and length.
    Title = 10,
    /// What is odd about the claims on a recording.
    Claims = 11,
}

/// `SplitMix64`: G. L. Steele, D. Lea and C. H. Flood, *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014; the constants are those of S. Vigna's `splitmix64.c`.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Scatters the bits of a number; every number has one image.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Random {
    /// The sequence of a seed for the `index`th of its kind. So any part of the work can be done
    /// by itself, in any order.
    pub(super) const fn new(seed: u64, of: Of, index: u64) -> Self {
        Self(mix(mix(mix(seed.wrapping_add(GAMMA)) ^ of as u64).wrapping_add(index)))
    }

    /// 64 bits.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number below `bound`, which is not 0: the upper half of a product. For bounds below 2³²
    /// no number is likelier than another by more than one in 2³².
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default() // the upper half of 128 bits
    }

    /// Like [`Self::below`], for places in 32 bits.
    pub(super) fn below_u32(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap_or_default() // below a u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first outputs of splitmix64.c from the state 1234567.
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_number_is_below_its_bound() {
        let mut random = Random::new(7, Of::Listener, 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6000 {
            seen[random.below_u32(6) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!(random.below(1), 0);
    }
}
