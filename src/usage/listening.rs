//! Plays, listener by listener, wherever they are kept.

use std::convert::Infallible;

use crate::ident::RecordingId;

/// One listener's plays of one recording in a pool's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Play {
    /// The recording's number; what it stands for is for those to say who hand out the play.
    pub recording: u32,
    /// How often it was played.
    pub plays: u32,
}

/// What a pass over listeners adds up.
pub trait Sums: Send {
    /// Adds a listener's plays, each recording once. What the recordings' numbers stand for is
    /// told when they are closed.
    fn add(&mut self, plays: impl Iterator<Item = Play> + Clone);

    /// Ends a run of listeners: `numbers[n]` is the place in [`Listening::recordings`] of what
    /// their plays numbered `n`. So a file's own encoding serves as numbers, and only what is
    /// summed is looked up.
    fn close(&mut self, numbers: &[u32]);
}

/// Who listened to what, listener by listener.
pub trait Listening {
    /// What can go wrong in reading.
    type Error;

    /// How many listeners played anything.
    fn listeners(&mut self) -> Result<u64, Self::Error>;

    /// Shows every listener's plays once to one of several sums that each begin with `start`;
    /// returns them, closed. Which listener goes to which sum is left open, so only what may be
    /// grouped in any way can be added up.
    fn fold<S: Sums>(&mut self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, Self::Error>;

    /// The recordings that plays refer to, complete after a pass.
    fn recordings(&self) -> &[RecordingId];
}

/// Listeners who played anything.
#[derive(Debug, Default)]
pub(super) struct Listeners(pub u64);

impl Sums for Listeners {
    fn add(&mut self, mut plays: impl Iterator<Item = Play> + Clone) {
        self.0 += u64::from(plays.any(|play| play.plays > 0));
    }

    fn close(&mut self, _: &[u32]) {}
}

/// Plays held in memory, ordered by listener and recording, each pair once.
#[derive(Debug, Default)]
pub struct PlaysInMemory {
    recordings: Vec<RecordingId>,
    rows: Vec<(u128, Play)>,
    threads: usize,
}

impl PlaysInMemory {
    /// Orders the rows and adds up what stands twice; an error names a recording of which one
    /// listener has over 2³²−1 plays.
    pub fn new(
        recordings: Vec<RecordingId>,
        mut rows: Vec<(u128, Play)>,
        threads: usize,
    ) -> Result<Self, RecordingId> {
        rows.sort_unstable_by_key(|(listener, play)| (*listener, play.recording));
        let mut over = None;
        rows.dedup_by(|next, kept| {
            let same = (next.0, next.1.recording) == (kept.0, kept.1.recording);
            if same {
                match kept.1.plays.checked_add(next.1.plays) {
                    Some(sum) => kept.1.plays = sum,
                    None => over = Some(kept.1.recording),
                }
            }
            same
        });
        match over {
            Some(recording) => Err(recordings[recording as usize].clone()),
            None => Ok(Self { recordings, rows, threads: threads.max(1) }),
        }
    }

    /// Parts of about the same size, none of which splits a listener.
    fn parts(&self) -> Vec<&[(u128, Play)]> {
        let size = self.rows.len().div_ceil(self.threads).max(1);
        let mut parts = Vec::new();
        let mut rest = self.rows.as_slice();
        while !rest.is_empty() {
            let mut cut = size.min(rest.len());
            while cut < rest.len() && rest[cut].0 == rest[cut - 1].0 {
                cut += 1;
            }
            let (part, after) = rest.split_at(cut);
            parts.push(part);
            rest = after;
        }
        parts
    }

    fn in_parts<T: Send>(&self, each: impl Fn(&[(u128, Play)]) -> T + Sync) -> Vec<T> {
        let each = &each;
        std::thread::scope(|scope| {
            let parts = self.parts().into_iter().map(|part| scope.spawn(move || each(part)));
            let running: Vec<_> = parts.collect();
            // A panic in a part is a panic here.
            let join = |part: std::thread::ScopedJoinHandle<'_, T>| match part.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            running.into_iter().map(join).collect()
        })
    }
}

impl Listening for PlaysInMemory {
    type Error = Infallible;

    fn listeners(&mut self) -> Result<u64, Infallible> {
        let Ok(parts) = self.fold(Listeners::default);
        Ok(parts.iter().map(|part| part.0).sum())
    }

    fn fold<S: Sums>(&mut self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, Infallible> {
        let numbers = own_numbers(&self.recordings);
        Ok(self.in_parts(|part| {
            let mut sums = start();
            for rows in part.chunk_by(|a, b| a.0 == b.0) {
                sums.add(rows.iter().map(|(_, play)| *play));
            }
            sums.close(&numbers);
            sums
        }))
    }

    fn recordings(&self) -> &[RecordingId] {
        &self.recordings
    }
}

/// What plays number that are numbered by their recordings' places.
pub(super) fn own_numbers(recordings: &[RecordingId]) -> Vec<u32> {
    (0..).take(recordings.len()).collect()
}
