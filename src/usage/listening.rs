//! Plays, listener by listener, wherever they are kept.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ident::RecordingId;

/// One listener's plays of one recording in a pool's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Play {
    /// The recording's place in [`Listening::recordings`].
    pub recording: u32,
    /// How often it was played.
    pub plays: u32,
    /// How often the listener chose it; 0 where nobody asked for that.
    pub active: u32,
}

/// What a pass over listeners adds up.
pub trait Sums: Send {
    /// Adds a listener's plays, each recording once. The listener is a hash.
    fn add(&mut self, listener: u128, plays: &[Play]);
}

/// Who listened to what, listener by listener.
pub trait Listening {
    /// What can go wrong in reading.
    type Error;

    /// The recordings that plays refer to.
    fn recordings(&self) -> &[RecordingId];

    /// On how many threads a pass runs.
    fn threads(&self) -> usize;

    /// How many listeners played anything.
    fn listeners(&self) -> Result<u64, Self::Error>;

    /// Shows every listener's plays once to one of several sums that each begin with `start`;
    /// returns them. Which listener goes to which sum is left open, so only what may be grouped in
    /// any way can be added up.
    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, Self::Error>;
}

/// Listeners who played anything.
#[derive(Debug, Default)]
pub(super) struct ListenerCount(pub u64);

impl Sums for ListenerCount {
    fn add(&mut self, _: u128, plays: &[Play]) {
        self.0 += u64::from(plays.iter().any(|play| play.plays > 0));
    }
}

/// Orders one listener's plays by recording and adds up those of the same; an error is a recording
/// of which the plays are too many.
pub(super) fn add_up(plays: &mut Vec<Play>) -> Result<(), u32> {
    plays.sort_unstable_by_key(|play| play.recording);
    let mut over = Ok(());
    plays.dedup_by(|next, kept| {
        let same = next.recording == kept.recording;
        if same {
            match kept.plays.checked_add(next.plays) {
                Some(sum) => kept.plays = sum,
                None => over = Err(kept.recording),
            }
            // At most the plays, which fit.
            kept.active = kept.active.saturating_add(next.active);
        }
        same
    });
    over
}

/// Plays held in memory.
#[derive(Debug, Default)]
pub struct PlaysInMemory {
    recordings: Vec<RecordingId>,
    /// Each listener's plays, each recording once.
    listeners: Vec<(u128, Vec<Play>)>,
    threads: usize,
}

impl PlaysInMemory {
    /// Orders the rows and adds up what stands twice; an error names a recording of which one
    /// listener has over 2³²−1 plays.
    pub fn new(
        recordings: Vec<RecordingId>,
        rows: Vec<(u128, Play)>,
        threads: usize,
    ) -> Result<Self, RecordingId> {
        let mut listeners: BTreeMap<u128, Vec<Play>> = BTreeMap::new();
        for (listener, play) in rows {
            listeners.entry(listener).or_default().push(play);
        }
        match listeners.values_mut().try_for_each(add_up) {
            Ok(()) => Ok(Self { recordings, listeners: listeners.into_iter().collect(), threads }),
            Err(over) => Err(recordings[over as usize].clone()),
        }
    }
}

impl Listening for PlaysInMemory {
    type Error = Infallible;

    fn recordings(&self) -> &[RecordingId] {
        &self.recordings
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn listeners(&self) -> Result<u64, Infallible> {
        let Ok(parts) = self.fold(ListenerCount::default);
        Ok(parts.iter().map(|part| part.0).sum())
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, Infallible> {
        let next = AtomicUsize::new(0);
        Ok(crate::threads::on_threads(self.threads, || {
            let mut sums = start();
            while let Some((listener, plays)) =
                self.listeners.get(next.fetch_add(1, Ordering::Relaxed))
            {
                sums.add(*listener, plays);
            }
            sums
        }))
    }
}
