//! What a rule makes of each recording: whether its plays count, and how much.

use std::cell::OnceCell;

use hashbrown::{HashMap, HashSet};

use super::factor::Factor;
use super::modifiers::{Subject, Threshold};
use super::rate::Rate;
use super::rule::Rule;
use super::tally::{Sum, Tally};
use crate::catalog::{Ai, Content};
use crate::ident::{Name, RecordingId};
use crate::threads::{in_parts, joined};
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
#[derive(Debug, Clone, Default)]
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
        Self::about(recordings.iter().map(|id| about(id).unwrap_or_default()).collect())
    }

    /// The same, where so many threads can ask.
    pub fn on_threads(
        threads: usize,
        recordings: &[RecordingId],
        about: impl Fn(&RecordingId) -> Option<About<'a>> + Sync,
    ) -> Self {
        Self::about(joined(in_parts(threads, recordings, |recordings| {
            recordings.iter().map(|id| about(id).unwrap_or_default()).collect()
        })))
    }

    fn about(about: Vec<About<'a>>) -> Self {
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

    /// The same and one more recording, of which nothing is known. It is its own artist, who comes
    /// after all others too.
    #[must_use]
    pub fn and_unknown(&self) -> Self {
        let Self { mut about, mut artists, artists_count } = self.clone();
        about.push(About::default());
        artists.push(u32::try_from(artists_count).unwrap_or(u32::MAX)); // recordings are under 2³²
        Self { about, artists, artists_count: artists_count + 1 }
    }
}

/// Raw plays and distinct listeners of each recording, or of each artist: of what a threshold
/// asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach(pub(super) Vec<(u64, u64)>);

/// One artist's plays and listeners, and the listener it was last counted for.
#[derive(Clone, Copy, Default)]
struct ArtistReach {
    plays: u64,
    listeners: u32,
    seen: u32,
}

/// Adds up the reach of artists.
struct ArtistSums<'a> {
    artists: &'a [u32],
    sums: Vec<ArtistReach>,
    listener: u32,
}

impl Sums for ArtistSums<'_> {
    fn add(&mut self, _: u128, plays: &[Play]) {
        self.listener += 1; // fewer than 2³² listeners are in one part
        for play in plays.iter().filter(|play| play.plays > 0) {
            let sum = &mut self.sums[self.artists[play.recording as usize] as usize];
            sum.plays += u64::from(play.plays);
            sum.listeners += u32::from(sum.seen != self.listener);
            sum.seen = self.listener;
        }
    }
}

impl Reach {
    /// The reach in some usage of each of its recordings, or of each artist of these.
    pub fn of<L: Listening>(
        listening: &L,
        attributes: &Attributes<'_>,
        subject: Subject,
    ) -> Result<Self, L::Error> {
        let parts: Vec<Vec<(u64, u64)>> = match subject {
            Subject::Recording => {
                let count = listening.recordings().len();
                let parts = listening.fold(|| Tally::new(&Rate::Alike, None, count))?;
                let of = |tally: &Tally<'_>, at| {
                    let Sum { plays, listeners, .. } = tally.sum(at);
                    (plays, listeners)
                };
                parts
                    .iter()
                    .map(|part| (0..).take(count).map(|at| of(part, at)).collect())
                    .collect()
            }
            Subject::Artist => {
                let parts = listening.fold(|| ArtistSums {
                    artists: &attributes.artists,
                    sums: vec![ArtistReach::default(); attributes.artists_count],
                    listener: 0,
                })?;
                let of = |sum: &ArtistReach| (sum.plays, u64::from(sum.listeners));
                parts.iter().map(|part| part.sums.iter().map(of).collect()).collect()
            }
        };
        let mut parts = parts.into_iter();
        let mut sum = parts.next().unwrap_or_default();
        for part in parts {
            for (sum, part) in sum.iter_mut().zip(part) {
                *sum = (sum.0 + part.0, sum.1 + part.1);
            }
        }
        Ok(Self(sum))
    }

    /// The reach of some recordings, or of their artists, which is known among more of them:
    /// `place` finds a recording there.
    #[must_use]
    pub fn among(
        &self,
        subject: Subject,
        wider: &Attributes<'_>,
        recordings: &[RecordingId],
        attributes: &Attributes<'_>,
        place: impl Fn(&RecordingId) -> Option<usize>,
    ) -> Self {
        let count = match subject {
            Subject::Recording => recordings.len(),
            Subject::Artist => attributes.artists_count,
        };
        let mut reach = vec![(0, 0); count];
        for (at, id) in recordings.iter().enumerate() {
            let Some(there) = place(id) else { continue };
            match subject {
                Subject::Recording => reach[at] = self.0[there],
                Subject::Artist => {
                    reach[attributes.artists[at] as usize] = self.0[wider.artists[there] as usize];
                }
            }
        }
        Self(reach)
    }

    /// The same and what comes after [`Attributes::and_unknown`]: one more recording or artist,
    /// with so many plays by so many listeners.
    #[must_use]
    pub fn and(mut self, plays: u64, listeners: u64) -> Self {
        self.0.push((plays, listeners));
        self
    }

    /// The same without what `all` has and `left` has not.
    pub(super) fn less(mut self, all: &Self, left: &Self) -> Self {
        for (sum, (all, left)) in self.0.iter_mut().zip(all.0.iter().zip(&left.0)) {
            *sum = (sum.0.saturating_sub(all.0 - left.0), sum.1.saturating_sub(all.1 - left.1));
        }
        self
    }

    /// Plays and listeners of a recording, or of its artist.
    pub(super) fn found(
        &self,
        subject: Subject,
        recording: usize,
        attributes: &Attributes<'_>,
    ) -> (u64, u64) {
        match subject {
            Subject::Recording => self.0[recording],
            Subject::Artist => self.0[attributes.artists[recording] as usize],
        }
    }

    fn reaches(&self, threshold: Threshold, recording: usize, attributes: &Attributes<'_>) -> bool {
        let (plays, listeners) = self.found(threshold.of, recording, attributes);
        threshold.is_reached(plays, listeners)
    }
}

/// The reach in one usage, found once for all thresholds that ask for it.
#[derive(Debug, Default)]
pub struct Reaches {
    recordings: OnceCell<Reach>,
    artists: OnceCell<Reach>,
}

impl Reaches {
    /// The reach of recordings or of artists; the usage and its attributes are always the same.
    pub fn of<L: Listening>(
        &self,
        listening: &L,
        attributes: &Attributes<'_>,
        subject: Subject,
    ) -> Result<Reach, L::Error> {
        let known = match subject {
            Subject::Recording => &self.recordings,
            Subject::Artist => &self.artists,
        };
        if let Some(reach) = known.get() {
            return Ok(reach.clone());
        }
        let reach = Reach::of(listening, attributes, subject)?;
        Ok(known.get_or_init(|| reach).clone())
    }
}

/// How much a play of each recording counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weights {
    /// By recording, the place of its weight. Few weights differ, and a place is short: more of
    /// them stay in the cache.
    of_recordings: Vec<u32>,
    different: Vec<Weight>,
    /// True if plays that were chosen count for something else.
    by_choice: bool,
}

/// How much a play counts, in units of 10⁻ᵈ play; 0 where it does not count at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Weight {
    /// Of a play that is not active.
    pub play: u64,
    /// Of an active one.
    pub active: u64,
    /// Whether it counts towards a listener's cap.
    eligible: bool,
}

impl Weight {
    /// How much so many plays count, of which so many were chosen.
    #[inline]
    fn of(&self, plays: u32, chosen: u32) -> u128 {
        u128::from(plays - chosen) * u128::from(self.play)
            + u128::from(chosen) * u128::from(self.active)
    }
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
        let chosen = factors.active.map(|factor| (Family::of([&factor]), factor));
        let mut places: HashMap<Weight, u32> = HashMap::new();
        let mut different = Vec::new();
        let weight = |(play, eligible): (u64, bool)| {
            let (play, active) = match &chosen {
                Some((family, factor)) => {
                    (play * family.units(None), play * family.units(Some(*factor)))
                }
                None => (play, play),
            };
            let weight = Weight { play, active, eligible };
            *places.entry(weight).or_insert_with(|| {
                different.push(weight);
                u32::try_from(different.len() - 1).unwrap_or(u32::MAX) // at most the recordings
            })
        };
        let of_recordings = plays.into_iter().zip(eligible).map(weight).collect();
        Ok(Some(Self { of_recordings, different, by_choice: chosen.is_some() }))
    }

    /// How much a play of a recording counts.
    #[inline]
    pub(super) fn of_play(&self, recording: u32) -> &Weight {
        &self.different[self.of_recordings[recording as usize] as usize]
    }

    /// True if plays that were chosen count for something else.
    pub(super) const fn by_choice(&self) -> bool {
        self.by_choice
    }

    /// How many recordings have one.
    pub(super) fn recordings(&self) -> usize {
        self.of_recordings.len()
    }

    /// A listener's raw plays that count towards a cap.
    pub(super) fn eligible_plays(&self, plays: &[Play]) -> u64 {
        let counts = plays.iter().filter(|play| self.of_play(play.recording).eligible);
        counts.map(|play| u64::from(play.plays)).sum()
    }

    /// How much each of a listener's plays counts; returns how much all do. What does not fit is
    /// cut short, and then neither do all fit in a pool.
    pub(super) fn weigh_all(&self, plays: &[Play], weighed: &mut Vec<u64>) -> u128 {
        let mut all = 0;
        weighed.clear();
        weighed.extend(plays.iter().map(|play| {
            let weight = self.weigh(play);
            all += weight;
            u64::try_from(weight).unwrap_or(u64::MAX)
        }));
        all
    }

    /// True if any of a listener's plays counts.
    pub(super) fn count_any(&self, plays: &[Play]) -> bool {
        plays.iter().any(|play| self.weigh(play) > 0)
    }

    /// True if plays count, whichever they are.
    pub(super) fn count_all(&self) -> bool {
        self.different.iter().all(|weight| weight.play.min(weight.active) > 0)
    }

    /// How much so many plays of a recording count, of which so many were chosen. Cut short where
    /// there are more than a pool has.
    pub(super) fn weigh_sum(&self, recording: u32, plays: u64, chosen: u128) -> u128 {
        let weight = self.of_play(recording);
        let others = u128::from(plays).saturating_sub(chosen).saturating_mul(weight.play.into());
        others.saturating_add(chosen.saturating_mul(weight.active.into()))
    }

    /// How much a listener's plays of a recording count: under 2⁹⁷.
    #[inline]
    pub(super) fn weigh(&self, play: &Play) -> u128 {
        let chosen = if self.by_choice { play.active.min(play.plays) } else { 0 };
        self.of_play(play.recording).of(play.plays, chosen)
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
