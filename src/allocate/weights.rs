//! What a rule makes of each recording: whether its plays count, and how much.

use hashbrown::{HashMap, HashSet};

use super::factor::Factor;
use super::modifiers::{Subject, Threshold};
use super::rule::Rule;
use crate::catalog::{Ai, Content};
use crate::ident::{Name, RecordingId};
use crate::usage::{Listening, Play, Sums};

/// What is known of a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct About<'a> {
    /// Its first artist.
    pub artist: Option<&'a Name>,
    /// What it is.
    pub content: Content,
    /// Who made it.
    pub ai: Ai,
}

/// Recordings as rules see them, by their places in some usage.
#[derive(Debug, Default)]
pub struct Attributes<'a> {
    about: Vec<About<'a>>,
    /// Each recording's artist, numbered; a recording of nobody known is its own artist.
    pub(super) artists: Vec<u32>,
    pub(super) artists_count: usize,
}

impl<'a> Attributes<'a> {
    /// Each recording's first artist, numbered; a recording of nobody known is its own artist.
    pub fn artists(&self) -> &[u32] {
        &self.artists
    }

    /// What `about` says of each recording of some usage.
    pub fn of(
        recordings: &[RecordingId],
        about: impl Fn(&RecordingId) -> Option<About<'a>>,
    ) -> Self {
        let about: Vec<About<'a>> =
            recordings.iter().map(|id| about(id).unwrap_or_default()).collect();
        let mut known: HashMap<&Name, u32> = HashMap::new();
        let mut count = 0;
        let mut next = || {
            count += 1;
            count - 1
        };
        let artist = |about: &About<'a>| match about.artist {
            Some(artist) => *known.entry(artist).or_insert_with(&mut next),
            None => next(),
        };
        let artists = about.iter().map(artist).collect();
        Self { about, artists, artists_count: count as usize }
    }
}

/// Raw plays and distinct listeners of each recording, or of each artist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// By recording.
    pub recordings: Vec<(u64, u64)>,
    /// By artist.
    pub artists: Vec<(u64, u64)>,
}

/// Adds up the reach of recordings and artists.
struct ReachSums<'a> {
    artists: &'a [u32],
    reach: Reach,
    /// The listener that each artist was last counted for.
    seen: Vec<u32>,
    listener: u32,
}

impl Sums for ReachSums<'_> {
    fn add(&mut self, _: u128, plays: &[Play]) {
        self.listener = self.listener.checked_add(1).unwrap_or_else(|| {
            self.seen.fill(0);
            1
        });
        for play in plays.iter().filter(|play| play.plays > 0) {
            let recording = &mut self.reach.recordings[play.recording as usize];
            *recording = (recording.0 + u64::from(play.plays), recording.1 + 1);
            let number = self.artists[play.recording as usize] as usize;
            let artist = &mut self.reach.artists[number];
            artist.0 += u64::from(play.plays);
            if std::mem::replace(&mut self.seen[number], self.listener) != self.listener {
                artist.1 += 1;
            }
        }
    }
}

impl Reach {
    /// The reach in some usage.
    pub fn of<L: Listening>(listening: &L, attributes: &Attributes<'_>) -> Result<Self, L::Error> {
        let (recordings, artists) = (attributes.artists.len(), attributes.artists_count);
        let parts = listening.fold(|| ReachSums {
            artists: &attributes.artists,
            reach: Self { recordings: vec![(0, 0); recordings], artists: vec![(0, 0); artists] },
            seen: vec![0; artists],
            listener: 0,
        })?;
        let add = |sum: &mut [(u64, u64)], part: &[(u64, u64)]| {
            for (sum, part) in sum.iter_mut().zip(part) {
                *sum = (sum.0 + part.0, sum.1 + part.1);
            }
        };
        let mut parts = parts.into_iter().map(|part| part.reach);
        let mut sum = parts.next().unwrap_or_default();
        for part in parts {
            add(&mut sum.recordings, &part.recordings);
            add(&mut sum.artists, &part.artists);
        }
        Ok(sum)
    }
}

impl Reach {
    /// The reach of some recordings and their artists, which is known among more of them:
    /// `place` finds a recording there.
    #[must_use]
    pub fn among(
        &self,
        wider: &Attributes<'_>,
        recordings: &[RecordingId],
        attributes: &Attributes<'_>,
        place: impl Fn(&RecordingId) -> Option<usize>,
    ) -> Self {
        let mut reach = Self {
            recordings: vec![(0, 0); recordings.len()],
            artists: vec![(0, 0); attributes.artists_count],
        };
        for (at, id) in recordings.iter().enumerate() {
            let Some(there) = place(id) else { continue };
            reach.recordings[at] = self.recordings[there];
            let (artist, there) = (attributes.artists[at], wider.artists[there]);
            reach.artists[artist as usize] = self.artists[there as usize];
        }
        reach
    }

    fn reaches(&self, threshold: Threshold, recording: usize, attributes: &Attributes<'_>) -> bool {
        let (plays, listeners) = match threshold.of {
            Subject::Recording => self.recordings[recording],
            Subject::Artist => self.artists[attributes.artists[recording] as usize],
        };
        threshold.is_reached(plays, listeners)
    }
}

/// How much a play of each recording counts, in units of 10⁻ᵈ play; 0 for all plays of what does
/// not count at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weights {
    /// Of plays that are not active, by recording.
    pub plays: Vec<u64>,
    /// Of active ones; none where they count alike.
    pub active: Option<Vec<u64>>,
    /// Whether plays count towards a listener's cap.
    pub eligible: Vec<bool>,
}

impl Weights {
    /// The weights of a rule; `reach` finds what a threshold is measured by. None where every play
    /// counts as one.
    pub(super) fn of<E>(
        rule: &Rule,
        recordings: &[RecordingId],
        attributes: &Attributes<'_>,
        mut reach: impl FnMut(Threshold) -> Result<Reach, E>,
    ) -> Result<Option<Self>, E> {
        let count = recordings.len();
        if rule.counts_plays_as_they_are() {
            return Ok(None);
        }
        let mut eligible = vec![true; count];
        for threshold in &rule.eligible {
            let reach = reach(*threshold)?;
            for (recording, eligible) in eligible.iter_mut().enumerate() {
                *eligible &= reach.reaches(*threshold, recording, attributes);
            }
        }
        let mut plays: Vec<u64> = eligible.iter().map(|eligible| u64::from(*eligible)).collect();
        let mut multiply = |family: Family, of: &dyn Fn(usize) -> Option<Factor>| {
            for (recording, weight) in plays.iter_mut().enumerate() {
                *weight *= family.units(of(recording));
            }
        };
        let factors = &rule.factors;
        let about = &attributes.about;
        multiply(Family::of(factors.content.values()), &|at| {
            factors.content.get(&about[at].content).copied()
        });
        multiply(Family::of(factors.ai.values()), &|at| factors.ai.get(&about[at].ai).copied());
        for group in &factors.groups {
            let named: HashSet<&RecordingId> = group.recordings.iter().collect();
            multiply(Family::of([&group.factor]), &|at| {
                let by_artist =
                    about[at].artist.is_some_and(|artist| group.artists.contains(artist));
                (by_artist || named.contains(&recordings[at])).then_some(group.factor)
            });
        }
        if let Some(professional) = &rule.professional {
            let reach = reach(professional.threshold)?;
            multiply(Family::of([&professional.factor]), &|at| {
                let is = reach.reaches(professional.threshold, at, attributes);
                is.then_some(professional.factor)
            });
        }
        let active = factors.active.map(|factor| {
            let family = Family::of([&factor]);
            let active = plays.iter().map(|weight| weight * family.units(Some(factor))).collect();
            for weight in &mut plays {
                *weight *= family.units(None);
            }
            active
        });
        Ok(Some(Self { plays, active, eligible }))
    }

    /// A listener's raw plays that count towards a cap.
    pub(super) fn eligible_plays(&self, plays: &[Play]) -> u64 {
        let counts = plays.iter().filter(|play| self.eligible[play.recording as usize]);
        counts.map(|play| u64::from(play.plays)).sum()
    }

    /// How much a listener's plays of a recording count: under 2⁹⁶.
    #[inline]
    pub(super) fn weigh(&self, play: &Play) -> u128 {
        let at = play.recording as usize;
        match &self.active {
            None => u128::from(play.plays) * u128::from(self.plays[at]),
            Some(active) => {
                let chosen = play.active.min(play.plays);
                u128::from(play.plays - chosen) * u128::from(self.plays[at])
                    + u128::from(chosen) * u128::from(active[at])
            }
        }
    }
}

/// Factors of which one at most applies, as whole numbers of the same unit.
struct Family {
    places: u32,
}

impl Family {
    fn of<'a>(factors: impl IntoIterator<Item = &'a Factor>) -> Self {
        Self { places: factors.into_iter().map(|factor| factor.places()).max().unwrap_or(0) }
    }

    fn units(&self, factor: Option<Factor>) -> u64 {
        factor.unwrap_or(Factor::ONE).units(self.places)
    }
}
