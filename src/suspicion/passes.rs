//! What the two passes add up, listener by listener.

use super::Signal;
use super::alike::Lists;
use super::bands::{Bands, Scratch};
use super::cases::{Case, State, Subject};
use super::look::{CASES_MAX, LookError};
use super::thresholds::{ShareOf, Suspicion};
use crate::ident::RecordingId;
use crate::usage::{Play, Sums};

pub(super) const fn state(hold: bool) -> State {
    if hold { State::Held } else { State::Reported }
}

/// Cases, as many as anybody can look at.
#[derive(Default)]
pub(super) struct Cases {
    pub(super) list: Vec<Case>,
}

impl Cases {
    pub(super) fn push(&mut self, case: Case) {
        // One more than may be shows that there are too many.
        if self.list.len() <= CASES_MAX {
            self.list.push(case);
        }
    }

    pub(super) fn merge<E>(mut self, other: Self) -> Result<Self, LookError<E>> {
        self.list.extend(other.list);
        if self.list.len() > CASES_MAX { Err(LookError::TooManyCases) } else { Ok(self) }
    }
}

/// What is added up of a recording.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfRecording {
    pub(super) plays: u64,
    pub(super) listeners: u64,
    /// The sum over its listeners of plays / all plays of the listener, in units of 2⁻⁶⁴: each
    /// listener's quotient ⌊2⁶⁴ / all plays⌋, times the plays.
    pub(super) budgets: u128,
}

/// What the first pass finds.
#[derive(Default)]
pub(super) struct First {
    /// Empty where no signal asks for them.
    pub(super) recordings: Vec<OfRecording>,
    pub(super) cases: Cases,
    pub(super) plays: u64,
    pub(super) listeners: u64,
}

pub(super) struct Surveying<'a> {
    pub(super) suspicion: &'a Suspicion,
    pub(super) artists: Option<&'a [u32]>,
    pub(super) bands: Option<&'a Bands>,
    pub(super) ids: &'a [RecordingId],
    pub(super) sums: First,
    pub(super) all_plays: u128,
    /// One listener's plays by artist: the artist, the plays, and the recording played most.
    pub(super) of_artists: Vec<(u32, Play)>,
    pub(super) scratch: Scratch,
}

impl Sums for Surveying<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        let all: u64 = plays.iter().map(|play| u64::from(play.plays)).sum();
        if all == 0 {
            return;
        }
        self.all_plays += u128::from(all);
        self.sums.listeners += 1;
        if !self.sums.recordings.is_empty() {
            let quotient = (1_u128 << 64) / u128::from(all);
            for play in plays.iter().filter(|play| play.plays > 0) {
                let sum = &mut self.sums.recordings[play.recording as usize];
                sum.plays = sum.plays.saturating_add(play.plays.into());
                sum.listeners += 1;
                sum.budgets += quotient * u128::from(play.plays);
            }
        }
        self.listener_plays(listener, plays, all);
        self.recording_of_listener(listener, plays, all);
        self.artist_of_listener(listener, plays, all);
        if let (Some(bands), Some(said)) = (self.bands, &self.suspicion.alike) {
            let played = plays.iter().filter(|play| play.plays > 0);
            if played.clone().count() as u64 >= said.recordings_at_least.get() {
                bands.note(played.map(|play| play.recording), &mut self.scratch);
            }
        }
    }
}

impl Surveying<'_> {
    /// The play that counts most; of equal ones, of the recording that sorts first.
    fn most<'p>(&self, plays: impl Iterator<Item = &'p Play>) -> Option<Play> {
        let id = |play: &Play| &self.ids[play.recording as usize];
        plays
            .copied()
            .max_by(|one, other| one.plays.cmp(&other.plays).then_with(|| id(other).cmp(id(one))))
    }

    fn listener_plays(&mut self, listener: u128, plays: &[Play], all: u64) {
        let said = self.suspicion.listener_plays;
        let Some(said) = said.filter(|said| all >= said.plays_at_least.get()) else { return };
        let Some(most) = self.most(plays.iter()) else { return };
        self.sums.cases.push(Case {
            signal: Signal::ListenerPlays,
            subject: Subject::Listener {
                listener,
                most: most.recording,
                most_plays: most.plays.into(),
            },
            plays: all,
            of: all,
            listeners: 1,
            state: state(said.hold),
        });
    }

    fn recording_of_listener(&mut self, listener: u128, plays: &[Play], all: u64) {
        let said = self.suspicion.recording_of_listener;
        let Some(said) = said.filter(|said| all >= said.plays_at_least.get()) else { return };
        for play in plays.iter().filter(|play| said.is_reached(play.plays.into(), all)) {
            self.sums.cases.push(Case {
                signal: Signal::RecordingOfListener,
                subject: Subject::Recording { listener, recording: play.recording },
                plays: play.plays.into(),
                of: all,
                listeners: 1,
                state: state(said.hold),
            });
        }
    }

    fn artist_of_listener(&mut self, listener: u128, plays: &[Play], all: u64) {
        let said = self.suspicion.artist_of_listener;
        let Some(said) = said.filter(|said| all >= said.plays_at_least.get()) else { return };
        let Some(artists) = self.artists else { return };
        self.of_artists.clear();
        self.of_artists.extend(plays.iter().map(|play| (artists[play.recording as usize], *play)));
        self.of_artists.sort_unstable_by_key(|(artist, _)| *artist);
        for alike in self.of_artists.chunk_by(|one, other| one.0 == other.0) {
            let plays: u64 = alike.iter().map(|(_, play)| u64::from(play.plays)).sum();
            let most = self.most(alike.iter().map(|(_, play)| play));
            let Some(most) = most.filter(|_| said.is_reached(plays, all)) else { continue };
            self.sums.cases.push(Case {
                signal: Signal::ArtistOfListener,
                subject: Subject::Artist { listener, artist: alike[0].0, most: most.recording },
                plays,
                of: all,
                listeners: 1,
                state: state(said.hold),
            });
        }
    }
}

impl ShareOf {
    /// True if so many plays are enough, and enough of the whole.
    fn is_reached(&self, plays: u64, of: u64) -> bool {
        plays >= self.plays_at_least.get() && self.share_at_least.is_reached(plays, of)
    }
}

pub(super) struct Second<'a> {
    pub(super) suspicion: &'a Suspicion,
    pub(super) bands: Option<&'a Bands>,
    pub(super) totals: &'a [OfRecording],
    pub(super) cases: Cases,
    pub(super) lists: Lists,
    /// One listener's plays, in the order of recordings.
    pub(super) played: Vec<Play>,
    pub(super) scratch: Scratch,
}

impl Sums for Second<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        if let Some(said) = self.suspicion.listener_of_recording {
            for play in plays {
                let all = self.totals[play.recording as usize].plays;
                if said.is_reached(play.plays.into(), all) {
                    self.cases.push(Case {
                        signal: Signal::ListenerOfRecording,
                        subject: Subject::Recording { listener, recording: play.recording },
                        plays: play.plays.into(),
                        of: all,
                        listeners: 1,
                        state: state(said.hold),
                    });
                }
            }
        }
        let (Some(bands), Some(said)) = (self.bands, &self.suspicion.alike) else { return };
        let played = plays.iter().filter(|play| play.plays > 0);
        if (played.clone().count() as u64) < said.recordings_at_least.get()
            || !bands.may_meet(played.clone().map(|play| play.recording), &mut self.scratch)
        {
            return;
        }
        self.played.clear();
        self.played.extend(played);
        // Files may number recordings in different orders.
        self.played.sort_unstable_by_key(|play| play.recording);
        self.lists.add(listener, &self.played);
    }
}
