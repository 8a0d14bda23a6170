//! Listening that somebody should look at, from counts alone.
//!
//! In: who listened to what, and thresholds, which are data. Out: cases, each with what it is
//! about, its counts and whether its plays are held; and the same listening without the plays that
//! are held. The same plays give the same cases, whatever their order, the threads and the files.
//! Deliberately not here: who a listener is, why they did it, and money. A case is a reason to
//! look, not a finding.

mod alike;
mod bands;
mod cases;
mod held;
mod look;
mod passes;
mod thresholds;

pub use cases::{Case, Group, Played, Released, State, Subject, Suspects};
pub use held::{Held, Weighed, Weight};
pub use look::LookError;
pub use thresholds::{
    Alike, Likeness, ListenerPlays, Ratio, RatioOf, Several, Share, ShareOf, Suspicion,
    SuspicionError,
};

/// What makes listening suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// One listener's plays.
    ListenerPlays,
    /// One recording's share of a listener's plays.
    RecordingOfListener,
    /// One artist's share of a listener's plays.
    ArtistOfListener,
    /// One listener's share of a recording's plays.
    ListenerOfRecording,
    /// Listeners who play nearly the same recordings.
    Alike,
    /// A recording's share of plays, to its share of equal listener budgets.
    ProRataToUserCentric,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ListenerPlays,
        Self::RecordingOfListener,
        Self::ArtistOfListener,
        Self::ListenerOfRecording,
        Self::Alike,
        Self::ProRataToUserCentric,
    ];

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ListenerPlays => "listener_plays",
            Self::RecordingOfListener => "recording_of_listener",
            Self::ArtistOfListener => "artist_of_listener",
            Self::ListenerOfRecording => "listener_of_recording",
            Self::Alike => "alike",
            Self::ProRataToUserCentric => "pro_rata_to_user_centric",
        }
    }
}
