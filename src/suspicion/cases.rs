//! What was found.

use std::cmp::Reverse;

use hashbrown::HashSet;

use super::{Held, Signal, Suspicion};
use crate::digest::Canonical;
use crate::ident::RecordingId;
use crate::usage::Listening;

/// One thing that somebody should look at. Recordings and artists are numbers of the listening
/// that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What makes it suspicious.
    pub signal: Signal,
    /// What it is about.
    pub subject: Subject,
    /// The plays concerned: those that a hold leaves out.
    pub plays: u64,
    /// The plays of which they are a part: the listener's, the recording's or the pool's.
    pub of: u64,
    /// Whose plays they are: so many listeners'.
    pub listeners: u64,
    /// What became of them.
    pub state: State,
}

/// What a case is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All plays of a listener.
    Listener {
        /// The hash.
        listener: u128,
        /// The recording that they play most.
        most: u32,
        /// How often.
        most_plays: u64,
    },
    /// A listener's plays of a recording.
    Recording {
        /// The hash.
        listener: u128,
        /// The recording.
        recording: u32,
    },
    /// A listener's plays of an artist.
    Artist {
        /// The hash.
        listener: u128,
        /// The artist.
        artist: u32,
        /// The recording of the artist that they play most.
        most: u32,
    },
    /// All plays of a group of listeners.
    Group(Group),
    /// All plays of a recording.
    Whole {
        /// The recording.
        recording: u32,
        /// How many times its share of equal listener budgets its share of plays is, in units of
        /// 10⁻⁶, rounded down.
        ratio: u64,
    },
}

/// Listeners who play nearly the same recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Twelve hexadecimal digits, by the hashes of its listeners.
    pub id: String,
    /// Their hashes, rising.
    pub listeners: Vec<u128>,
    /// What they play, the most played first.
    pub recordings: Vec<Played>,
}

/// A recording that a group plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// The recording.
    pub recording: u32,
    /// How often.
    pub plays: u64,
    /// By how many of the group.
    pub listeners: u64,
}

/// What became of the plays of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// They count like any other.
    Reported,
    /// They leave the pool, but for those of a released listener or recording.
    Held,
    /// Somebody has looked at them and let them go.
    Released,
}

impl State {
    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Held => "held",
            Self::Released => "released",
        }
    }
}

/// Listeners and recordings that somebody has looked at and let go: their plays are never held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Released {
    /// Hashes of listeners.
    pub listeners: HashSet<u128>,
    /// Recordings.
    pub recordings: HashSet<RecordingId>,
}

/// The cases of some listening, those with the most plays first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspects {
    /// The cases: by plays, the most first; then by signal, recording and listener.
    pub cases: Vec<Case>,
    /// All plays of the listening.
    pub plays: u64,
    /// All listeners with plays.
    pub listeners: u64,
    /// What was looked for.
    pub looked_for: Suspicion,
    /// The artist of each recording, where a case needs it.
    pub(super) artists: Vec<u32>,
    pub(super) released: Released,
}

impl Subject {
    /// The listener, of one alone.
    pub const fn listener(&self) -> Option<u128> {
        match self {
            Self::Listener { listener, .. }
            | Self::Recording { listener, .. }
            | Self::Artist { listener, .. } => Some(*listener),
            Self::Group(_) | Self::Whole { .. } => None,
        }
    }

    /// The recording concerned, or the one that is played most.
    pub fn recording(&self) -> Option<u32> {
        match self {
            Self::Recording { recording, .. } | Self::Whole { recording, .. } => Some(*recording),
            Self::Listener { most, .. } | Self::Artist { most, .. } => Some(*most),
            Self::Group(group) => group.recordings.first().map(|played| played.recording),
        }
    }

    /// True if all of it has been let go.
    fn is_released(&self, released: &Released, recordings: &[RecordingId]) -> bool {
        let of_recording = match self {
            Self::Recording { recording, .. } | Self::Whole { recording, .. } => {
                released.recordings.contains(&recordings[*recording as usize])
            }
            _ => false,
        };
        let of_listener = match self {
            Self::Group(group) => {
                group.listeners.iter().all(|hash| released.listeners.contains(hash))
            }
            _ => self.listener().is_some_and(|hash| released.listeners.contains(&hash)),
        };
        of_recording || of_listener
    }
}

impl Group {
    pub(super) fn new(
        mut listeners: Vec<u128>,
        played: impl IntoIterator<Item = Played>,
        recordings: &[RecordingId],
    ) -> Self {
        listeners.sort_unstable();
        let mut id = Canonical::new("tantieme alike listeners 1");
        for listener in &listeners {
            id = id.bytes(&listener.to_be_bytes());
        }
        let mut played: Vec<Played> = played.into_iter().collect();
        played.sort_unstable_by_key(|played| {
            (Reverse(played.plays), &recordings[played.recording as usize])
        });
        Self { id: id.digest().short(), listeners, recordings: played }
    }

    /// How many recordings at least half of its listeners play.
    pub fn common(&self) -> usize {
        let half = (self.listeners.len() as u64).div_ceil(2);
        self.recordings.iter().filter(|played| played.listeners >= half).count()
    }
}

impl Suspects {
    /// Puts cases into their order.
    pub(super) fn sort(&mut self, recordings: &[RecordingId]) {
        self.cases.sort_unstable_by_key(|case| {
            let recording = case.subject.recording().map(|at| &recordings[at as usize]);
            let listener = match &case.subject {
                Subject::Group(group) => group.listeners.first().copied(),
                subject => subject.listener(),
            };
            (Reverse(case.plays), case.signal, recording, listener)
        });
    }

    /// The same, with what somebody has let go. `recordings` are those of the listening.
    #[must_use]
    pub fn release(mut self, released: Released, recordings: &[RecordingId]) -> Self {
        for case in &mut self.cases {
            if case.subject.is_released(&released, recordings) {
                case.state = State::Released;
            }
        }
        self.released = released;
        self
    }

    /// The same, with all held that nobody has let go: to see what that would do.
    #[must_use]
    pub fn holding_all(mut self) -> Self {
        for case in self.cases.iter_mut().filter(|case| case.state == State::Reported) {
            case.state = State::Held;
        }
        self
    }

    /// The listening that was looked at, without the plays that are held.
    pub fn held<'a, L: Listening>(&self, listening: &'a L) -> Held<'a, L> {
        Held::new(self, listening)
    }
}
