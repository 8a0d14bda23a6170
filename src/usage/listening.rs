//! Plays, listener by listener, wherever they are kept.

use std::convert::Infallible;

use crate::ident::RecordingId;

/// One listener's plays of one recording in a pool's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Play {
    /// The recording's place in [`Listening::recordings`].
    pub recording: u32,
    /// How often it was played.
    pub plays: u32,
}

/// Who listened to what, listener by listener.
pub trait Listening {
    /// What can go wrong in reading.
    type Error;

    /// How many listeners played anything.
    fn listeners(&mut self) -> Result<u64, Self::Error>;

    /// Shows every listener's plays once, each recording once, to one of several parts that each
    /// begin with `start`; returns the parts. Which listener goes to which part is left open, so
    /// only sums that may be grouped in any way can be made of them.
    fn fold<T: Send>(
        &mut self,
        start: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, &[Play]) + Sync,
    ) -> Result<Vec<T>, Self::Error>;

    /// The recordings that plays refer to, complete after a pass.
    fn recordings(&self) -> &[RecordingId];
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
        let count = |part: &[(u128, Play)]| {
            let listeners = part.chunk_by(|a, b| a.0 == b.0);
            listeners.filter(|rows| rows.iter().any(|(_, play)| play.plays > 0)).count() as u64
        };
        Ok(self.in_parts(count).into_iter().sum())
    }

    fn fold<T: Send>(
        &mut self,
        start: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, &[Play]) + Sync,
    ) -> Result<Vec<T>, Infallible> {
        Ok(self.in_parts(|part| {
            let mut sum = start();
            let mut plays = Vec::new();
            for rows in part.chunk_by(|a, b| a.0 == b.0) {
                plays.clear();
                plays.extend(rows.iter().map(|(_, play)| *play));
                add(&mut sum, &plays);
            }
            sum
        }))
    }

    fn recordings(&self) -> &[RecordingId] {
        &self.recordings
    }
}
