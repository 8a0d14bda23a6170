//! Listening without what is held.

use hashbrown::HashMap;

use super::cases::{Case, State, Subject, Suspects};
use super::{Released, Signal};
use crate::ident::RecordingId;
use crate::usage::{Listening, Play, Sums};

/// A set of signals, and whether plays are held.
type Bits = u8;

const HELD: Bits = 1 << 7;

const fn bit(signal: Signal) -> Bits {
    1 << signal as u8
}

/// Which plays cases are about.
#[derive(Debug, Default)]
struct Marks {
    listeners: HashMap<u128, OfListener>,
    /// By recording; empty where no case is about all plays of one.
    recordings: Vec<Bits>,
    /// Recordings whose plays are never held; empty where there are none.
    released: Vec<bool>,
    /// The artist of each recording.
    artists: Vec<u32>,
}

/// Which plays of one listener.
#[derive(Debug, Default)]
struct OfListener {
    marks: Vec<(Part, Bits)>,
    released: bool,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    All,
    Recording(u32),
    Artist(u32),
}

impl Marks {
    /// The plays of some cases.
    fn of(suspects: &Suspects, recordings: &[RecordingId], which: impl Fn(&Case) -> bool) -> Self {
        let mut marks = Self { artists: suspects.artists.clone(), ..Self::default() };
        for case in suspects.cases.iter().filter(|case| which(case)) {
            let held = if case.state == State::Held { HELD } else { 0 };
            let bits = bit(case.signal) | held;
            let mut mark = |listener: u128, part| {
                marks.listeners.entry(listener).or_default().marks.push((part, bits));
            };
            match &case.subject {
                Subject::Listener { listener, .. } => mark(*listener, Part::All),
                Subject::Recording { listener, recording } => {
                    mark(*listener, Part::Recording(*recording));
                }
                Subject::Artist { listener, artist, .. } => mark(*listener, Part::Artist(*artist)),
                Subject::Group(group) => {
                    group.listeners.iter().for_each(|listener| mark(*listener, Part::All));
                }
                Subject::Whole { recording, .. } => {
                    marks.recordings.resize(recordings.len(), 0);
                    marks.recordings[*recording as usize] |= bits;
                }
            }
        }
        let Released { listeners, recordings: ids } = &suspects.released;
        for listener in listeners {
            marks.listeners.entry(*listener).or_default().released = true;
        }
        if !ids.is_empty() {
            marks.released = recordings.iter().map(|id| ids.contains(id)).collect();
        }
        marks
    }

    fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.recordings.is_empty()
    }

    /// True if a case may be about some of a listener's plays.
    fn concern(&self, of: Option<&OfListener>) -> bool {
        of.is_some() || !self.recordings.is_empty()
    }

    /// The signals of a play, and whether it is held.
    fn bits(&self, of: Option<&OfListener>, recording: u32) -> Bits {
        let at = recording as usize;
        let mut bits = self.recordings.get(at).copied().unwrap_or(0);
        let mut released = self.released.get(at).copied().unwrap_or(false);
        if let Some(of) = of {
            released |= of.released;
            for (part, more) in &of.marks {
                let is_part = match part {
                    Part::All => true,
                    Part::Recording(only) => *only == recording,
                    Part::Artist(artist) => self.artists.get(at) == Some(artist),
                };
                bits |= if is_part { *more } else { 0 };
            }
        }
        if released { bits & !HELD } else { bits }
    }
}

/// Listening without the plays that are held: as if nobody had played them. The recordings stay,
/// those without a play too.
#[derive(Debug)]
pub struct Held<'a, L> {
    listening: &'a L,
    marks: Marks,
}

impl<'a, L: Listening> Held<'a, L> {
    pub(super) fn new(suspects: &Suspects, listening: &'a L) -> Self {
        let held = |case: &Case| case.state == State::Held;
        let marks = if suspects.cases.iter().any(held) {
            Marks::of(suspects, listening.recordings(), held)
        } else {
            Marks::default()
        };
        Self { listening, marks }
    }
}

/// Hands on what is not held.
struct Passing<'a, S> {
    sums: S,
    marks: &'a Marks,
    kept: Vec<Play>,
}

impl<S: Sums> Sums for Passing<'_, S> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        let of = self.marks.listeners.get(&listener);
        if !self.marks.concern(of) {
            return self.sums.add(listener, plays);
        }
        self.kept.clear();
        let held = |play: &&Play| self.marks.bits(of, play.recording) & HELD != 0;
        self.kept.extend(plays.iter().filter(|play| !held(play)));
        if !self.kept.is_empty() {
            self.sums.add(listener, &self.kept);
        }
    }
}

/// Counts listeners with plays.
#[derive(Default)]
struct Counting(u64);

impl Sums for Counting {
    fn add(&mut self, _: u128, plays: &[Play]) {
        self.0 += u64::from(plays.iter().any(|play| play.plays > 0));
    }
}

impl<L: Listening> Listening for Held<'_, L> {
    type Error = L::Error;

    fn recordings(&self) -> &[RecordingId] {
        self.listening.recordings()
    }

    fn threads(&self) -> usize {
        self.listening.threads()
    }

    fn listeners(&self) -> Result<u64, L::Error> {
        if self.marks.is_empty() {
            return self.listening.listeners();
        }
        Ok(self.fold(Counting::default)?.iter().map(|part| part.0).sum())
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, L::Error> {
        if self.marks.is_empty() {
            return self.listening.fold(start);
        }
        let marks = &self.marks;
        let passing = || Passing { sums: start(), marks, kept: Vec::new() };
        let parts = self.listening.fold(passing)?;
        Ok(parts.into_iter().map(|part| part.sums).collect())
    }
}

/// Plays, and the listeners who made them, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Plays.
    pub plays: u64,
    /// Listeners.
    pub listeners: u64,
}

/// How many plays cases are about. A play that several cases are about counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// By signal, in the order of [`Signal::ALL`].
    pub signals: [Weight; Signal::ALL.len()],
    /// All cases together.
    pub all: Weight,
    /// What is held.
    pub held: Weight,
    /// What is held of each recording.
    pub held_of: Vec<Weight>,
}

impl Weighed {
    /// What a signal's cases are about.
    pub const fn signal(&self, signal: Signal) -> Weight {
        self.signals[signal as usize]
    }
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.plays += other.plays;
        self.listeners += other.listeners;
    }
}

struct Weighing<'a> {
    marks: &'a Marks,
    weighed: Weighed,
}

impl Sums for Weighing<'_> {
    fn add(&mut self, listener: u128, plays: &[Play]) {
        let of = self.marks.listeners.get(&listener);
        if !self.marks.concern(of) {
            return;
        }
        let mut seen = 0;
        for play in plays.iter().filter(|play| play.plays > 0) {
            let bits = self.marks.bits(of, play.recording);
            if bits == 0 {
                continue;
            }
            seen |= bits;
            let plays = u64::from(play.plays);
            for (signal, weight) in Signal::ALL.into_iter().zip(&mut self.weighed.signals) {
                weight.plays += if bits & bit(signal) == 0 { 0 } else { plays };
            }
            self.weighed.all.plays += plays;
            if bits & HELD != 0 {
                self.weighed.held.plays += plays;
                self.weighed.held_of[play.recording as usize].add(Weight { plays, listeners: 1 });
            }
        }
        for (signal, weight) in Signal::ALL.into_iter().zip(&mut self.weighed.signals) {
            weight.listeners += u64::from(seen & bit(signal) != 0);
        }
        self.weighed.all.listeners += u64::from(seen != 0);
        self.weighed.held.listeners += u64::from(seen & HELD != 0);
    }
}

impl Suspects {
    /// Counts the plays that cases are about, in one pass over the listening that was looked at.
    pub fn weigh<L: Listening>(&self, listening: &L) -> Result<Weighed, L::Error> {
        let recordings = listening.recordings();
        let marks = Marks::of(self, recordings, |_| true);
        let mut sum = Weighed {
            signals: Default::default(),
            all: Weight::default(),
            held: Weight::default(),
            held_of: vec![Weight::default(); recordings.len()],
        };
        if self.cases.is_empty() {
            return Ok(sum);
        }
        let parts = listening.fold(|| Weighing { marks: &marks, weighed: sum.clone() })?;
        for Weighing { weighed, .. } in parts {
            let pairs = sum.signals.iter_mut().zip(weighed.signals);
            let pairs = pairs.chain(sum.held_of.iter_mut().zip(weighed.held_of));
            pairs.for_each(|(sum, part)| sum.add(part));
            sum.all.add(weighed.all);
            sum.held.add(weighed.held);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use hashbrown::HashSet;
    use proptest::prelude::*;

    use super::super::{Group, Suspicion};
    use super::*;
    use crate::allocate::{Attributes, Inputs, Model, Rule, allocate};
    use crate::money::Micros;
    use crate::usage::PlaysInMemory;

    type Rows = Vec<(u8, u8, u32)>;

    fn ids() -> Vec<RecordingId> {
        (0..8).map(|id| RecordingId::parse(&format!("x::{id}")).unwrap()).collect()
    }

    fn listening(rows: &Rows, threads: usize) -> PlaysInMemory {
        let row = |(u, r, n): &(u8, u8, u32)| {
            (u128::from(*u), Play { recording: (*r).into(), plays: *n, active: 0 })
        };
        PlaysInMemory::new(ids(), rows.iter().map(row).collect(), threads).unwrap()
    }

    /// Artists of two recordings each.
    const ARTISTS: [u32; 8] = [0, 0, 1, 1, 2, 2, 3, 3];

    fn suspects(subjects: Vec<Subject>) -> Suspects {
        let signal = |subject: &Subject| match subject {
            Subject::Listener { .. } => Signal::ListenerPlays,
            Subject::Recording { .. } => Signal::RecordingOfListener,
            Subject::Artist { .. } => Signal::ArtistOfListener,
            Subject::Group(_) => Signal::Alike,
            Subject::Whole { .. } => Signal::ProRataToUserCentric,
        };
        let case = |subject: Subject| Case {
            signal: signal(&subject),
            subject,
            plays: 1,
            of: 1,
            listeners: 1,
            state: State::Held,
        };
        Suspects {
            cases: subjects.into_iter().map(case).collect(),
            plays: 1,
            listeners: 1,
            looked_for: Suspicion::default(),
            artists: ARTISTS.to_vec(),
            released: Released::default(),
        }
    }

    fn subject() -> impl Strategy<Value = Subject> {
        let (listener, recording) = (|| (0_u128..10).boxed(), || (0_u32..8).boxed());
        prop_oneof![
            listener().prop_map(|listener| Subject::Listener { listener, most: 0, most_plays: 1 }),
            (listener(), recording())
                .prop_map(|(listener, recording)| Subject::Recording { listener, recording }),
            (listener(), 0_u32..4).prop_map(|(listener, artist)| Subject::Artist {
                listener,
                artist,
                most: 0
            }),
            prop::collection::vec(0_u128..10, 1..4)
                .prop_map(|listeners| Subject::Group(Group::new(listeners, [], &ids()))),
            recording().prop_map(|recording| Subject::Whole { recording, ratio: 1 }),
        ]
    }

    /// Whether plays are held, said as plainly as can be.
    fn is_held(subjects: &[Subject], released: &Released, listener: u8, recording: u8) -> bool {
        let (u, r) = (u128::from(listener), u32::from(recording));
        let released = released.listeners.contains(&u)
            || released.recordings.contains(&ids()[usize::from(recording)]);
        !released
            && subjects.iter().any(|subject| match subject {
                Subject::Listener { listener, .. } => *listener == u,
                Subject::Recording { listener, recording } => (*listener, *recording) == (u, r),
                Subject::Artist { listener, artist, .. } => {
                    (*listener, *artist) == (u, ARTISTS[usize::from(recording)])
                }
                Subject::Group(group) => group.listeners.contains(&u),
                Subject::Whole { recording, .. } => *recording == r,
            })
    }

    proptest! {
        #[test]
        fn holding_plays_is_allocating_as_if_they_were_not_there(
            rows in prop::collection::vec((0_u8..10, 0_u8..8, 0_u32..50), 1..80),
            subjects in prop::collection::vec(subject(), 0..5),
            (listener, recording) in (0_u128..20, 0_usize..16),
            threads in 1_usize..5,
        ) {
            let released = Released {
                listeners: HashSet::from_iter([listener]),
                recordings: ids().get(recording).cloned().into_iter().collect(),
            };
            let all = listening(&rows, threads);
            let suspects = suspects(subjects.clone()).release(released.clone(), &ids());
            let (taken, kept): (Rows, Rows) =
                rows.iter().partition(|(u, r, _)| is_held(&subjects, &released, *u, *r));
            let (held, left) = (suspects.held(&all), listening(&kept, 1));
            prop_assert_eq!(held.listeners(), left.listeners());
            for model in [Model::ProRata, Model::UserCentric] {
                let (rule, attributes) = (Rule::plain(model), Attributes::default());
                let pool = Micros::from_micros(1_000_000_007).unwrap();
                let by_hold = allocate(&rule, pool, &Inputs::plain(&held, &attributes));
                let without = allocate(&rule, pool, &Inputs::plain(&left, &attributes));
                prop_assert_eq!(by_hold, without);
            }
            let weighed = suspects.weigh(&all).unwrap();
            let plays = |rows: &Rows| rows.iter().map(|(.., n)| u64::from(*n)).sum::<u64>();
            let listeners = |rows: &Rows| {
                let played = rows.iter().filter(|(.., n)| *n > 0).map(|(u, ..)| *u);
                played.collect::<HashSet<u8>>().len() as u64
            };
            prop_assert_eq!(
                weighed.held,
                Weight { plays: plays(&taken), listeners: listeners(&taken) }
            );
            for (of, sum) in (0_u8..).zip(&weighed.held_of) {
                let own: Rows = taken.iter().copied().filter(|(_, r, _)| *r == of).collect();
                prop_assert_eq!(*sum, Weight { plays: plays(&own), listeners: listeners(&own) });
            }
        }
    }

    #[test]
    fn a_play_that_two_cases_are_about_counts_once_in_all_and_once_in_each() {
        let rows = vec![(1, 0, 10), (1, 2, 5), (2, 0, 3)];
        let suspects = suspects(vec![
            Subject::Listener { listener: 1, most: 0, most_plays: 10 },
            Subject::Whole { recording: 0, ratio: 1 },
        ]);
        let weighed = suspects.weigh(&listening(&rows, 2)).unwrap();
        let weight = |plays, listeners| Weight { plays, listeners };
        assert_eq!(weighed.signal(Signal::ListenerPlays), weight(15, 1));
        assert_eq!(weighed.signal(Signal::ProRataToUserCentric), weight(13, 2));
        assert_eq!(weighed.all, weight(18, 2));
        assert_eq!(weighed.held_of[0], weight(13, 2));
    }
}
