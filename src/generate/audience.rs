//! Listeners that do not exist, and what each of them plays.

use super::catalogue::Catalogue;
use super::random::{Of, Random};

/// One listener's plays of one recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heard {
    /// The recording's rank.
    pub(super) recording: u32,
    /// How often; at least once.
    pub(super) plays: u32,
}

/// Listeners by number. What one of them plays depends on the seed and the number alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Audience {
    pub(super) seed: u64,
    pub(super) listeners: u32,
    pub(super) catalogue: Catalogue,
    /// How many recordings are surely played: the first so many ranks, dealt out to the listeners
    /// in turns.
    pub(super) dealt: u32,
}

/// Octaves of how many recordings a listener looks for: 1 to 255, 48 on average, and a few more
/// that everybody does.
const RECORDINGS_OCTAVES: u64 = 8;
const RECORDINGS_LEAST: u64 = 4;
/// Octaves of how often one recording is played: at most 511 times.
const PLAYS_OCTAVES: u32 = 8;

impl Audience {
    /// Fills `heard` with what a listener plays, in the order of ids, each recording once: about
    /// 50 recordings, fewer of a small catalogue.
    pub(super) fn plays_of(&self, listener: u32, heard: &mut Vec<Heard>) {
        heard.clear();
        let mut random = Random::new(self.seed, Of::Listener, u64::from(listener));
        let octave = 1 << random.below(RECORDINGS_OCTAVES);
        for _ in 0..RECORDINGS_LEAST + octave + random.below(octave) {
            let recording = self.catalogue.played(&mut random);
            heard.push(Heard { recording, plays: plays(&mut random) });
        }
        let mut dealt = listener;
        while dealt < self.dealt {
            heard.push(Heard { recording: dealt, plays: plays(&mut random) });
            let Some(next) = dealt.checked_add(self.listeners) else { break };
            dealt = next;
        }
        heard.sort_unstable();
        heard.dedup_by_key(|heard| heard.recording);
    }

    /// 128 bits that stand for a listener. They grow with the number and are spread evenly, so
    /// that rows come in the order in which they are sealed.
    pub(super) fn hash_of(&self, listener: u32) -> u128 {
        let step = u128::MAX / u128::from(self.listeners.max(1));
        let mut random = Random::new(self.seed, Of::Hash, u64::from(listener));
        let low = (u128::from(random.next()) << 64) | u128::from(random.next());
        step * u128::from(listener) + low % step
    }
}

/// How often a recording is played: half of them once, a quarter 2 or 3 times, and so on.
fn plays(random: &mut Random) -> u32 {
    let octave = 1 << random.next().trailing_zeros().min(PLAYS_OCTAVES);
    octave + random.below_u32(octave)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(listeners: u32, recordings: u32, dealt: u32) -> Audience {
        Audience { seed: 7, listeners, catalogue: Catalogue::new(recordings, 7), dealt }
    }

    #[test]
    fn a_listener_plays_about_fifty_recordings_each_once() {
        let audience = audience(2000, 500_000, 0);
        let (mut heard, mut rows, mut plays) = (Vec::new(), 0, 0);
        for listener in 0..2000 {
            audience.plays_of(listener, &mut heard);
            assert!(heard.windows(2).all(|pair| pair[0].recording < pair[1].recording));
            rows += heard.len();
            plays += heard.iter().map(|heard| heard.plays).sum::<u32>();
        }
        assert!((96_000..106_000).contains(&rows), "{rows}");
        assert!((5..8).contains(&(plays as usize / rows)), "{plays} plays, {rows} rows");
    }

    #[test]
    fn every_recording_that_is_dealt_is_played() {
        let audience = audience(10, 1000, 1000);
        let (mut heard, mut seen) = (Vec::new(), vec![false; 1000]);
        for listener in 0..10 {
            audience.plays_of(listener, &mut heard);
            for heard in &heard {
                seen[heard.recording as usize] = true;
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn hashes_grow_with_the_number() {
        for listeners in [1, 3, 10_000] {
            let audience = audience(listeners, 10, 0);
            let hashes: Vec<u128> = (0..listeners).map(|number| audience.hash_of(number)).collect();
            assert!(hashes.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
