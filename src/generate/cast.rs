//! Who is who in a month that never was.

use super::GenerateError;
use super::random::{Of, Random};

/// How many there are of each, and who belongs to whom. Nothing is kept: each answer follows from
/// the seed and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cast {
    pub(super) seed: u64,
    pub(super) labels: u32,
    pub(super) producers: u32,
    /// Whether some labels pay a fund instead of a producer.
    pub(super) fund: bool,
    pub(super) artists: u32,
    pub(super) recordings: u32,
}

/// Who holds a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// The label and the artist, together all of it.
    Whole,
    /// The label alone, so that the artist's part is unclaimed.
    LabelAlone,
    /// The label, the artist, and a producer who claims a part of theirs.
    Disputed,
}

impl Cast {
    /// Shares out the parts; every payee has something to be paid for.
    pub(super) fn new(
        seed: u64,
        (payees, labels, recordings): (u32, u32, u32),
    ) -> Result<Self, GenerateError> {
        let producers = (labels / 4).max(1);
        let fund = labels > producers;
        let others = [labels, producers, u32::from(fund)];
        let artists = others.iter().try_fold(payees, |left, other| left.checked_sub(*other));
        let artists = artists.filter(|artists| (labels.max(1)..=recordings).contains(artists));
        let artists = artists.ok_or(GenerateError::Payees)?;
        Ok(Self { seed, labels, producers, fund, artists, recordings })
    }

    fn random(&self, of: Of, number: u32) -> Random {
        Random::new(self.seed, of, u64::from(number))
    }

    /// A recording's artist. Each artist has at least one recording, and some have many.
    pub(super) fn artist_of(&self, recording: u32) -> u32 {
        if recording < self.artists {
            return recording;
        }
        skewed(self.artists, &mut self.random(Of::Recording, recording))
    }

    /// An artist's label. Each label has at least one artist, and some have many.
    pub(super) fn label_of(&self, artist: u32) -> u32 {
        if artist < self.labels {
            return artist;
        }
        skewed(self.labels, &mut self.random(Of::Artist, artist))
    }

    /// Whom a label pays on to: a producer by number, or the fund.
    pub(super) fn producer_of(&self, label: u32) -> Option<u32> {
        let last = label + 1 == self.labels;
        let tenth = label >= self.producers && label % 10 == 9;
        (!self.fund || !(last || tenth)).then_some(label % self.producers)
    }

    /// Who holds a recording. An artist's first recording is held as it should be.
    pub(super) fn held(&self, recording: u32) -> Held {
        if recording < self.artists {
            return Held::Whole;
        }
        match self.random(Of::Claims, recording).below(1000) {
            0..10 => Held::LabelAlone,
            10..12 => Held::Disputed,
            _ => Held::Whole,
        }
    }
}

/// A number below `bound`, small ones more often.
fn skewed(bound: u32, random: &mut Random) -> u32 {
    let bound = random.below_u32(bound) + 1;
    random.below_u32(bound)
}

pub(super) fn label(number: u32) -> String {
    format!("label-{:05}", number + 1)
}

pub(super) fn producer(number: u32) -> String {
    format!("producer-{:05}", number + 1)
}

pub(super) fn artist(number: u32) -> String {
    format!("artist-{:07}", number + 1)
}

/// The one fund.
pub(super) const FUND: &str = "fund-sessions";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_something_to_be_paid_for() {
        for (payees, labels, recordings) in [(3, 1, 1), (40, 10, 100), (5000, 77, 9000)] {
            let cast = Cast::new(7, (payees, labels, recordings)).unwrap();
            let mut artists = vec![false; cast.artists as usize];
            let mut houses = vec![false; cast.labels as usize];
            let (mut producers, mut fund) = (vec![false; cast.producers as usize], false);
            for recording in 0..recordings {
                let artist = cast.artist_of(recording);
                artists[artist as usize] |= cast.held(recording) == Held::Whole;
                houses[cast.label_of(artist) as usize] = true;
            }
            for label in 0..labels {
                match cast.producer_of(label) {
                    Some(producer) => producers[producer as usize] = true,
                    None => fund = true,
                }
            }
            let all = [artists, houses, producers].concat();
            assert!(all.iter().all(|paid| *paid) && fund == cast.fund, "{cast:?}");
            assert_eq!(all.len() + usize::from(fund), payees as usize);
        }
    }

    #[test]
    fn too_few_payees_or_recordings_are_refused() {
        for numbers in [(2, 1, 9), (30, 20, 90), (100, 10, 50)] {
            assert!(Cast::new(7, numbers).is_err(), "{numbers:?}");
        }
    }
}
