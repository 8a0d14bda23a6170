//! Two passes over who listened to what.
//!
//! The first adds up recordings, finds what one listener's plays alone tell, and counts in how many
//! bands listeners meet. The second finds what needs those sums, and keeps the lists of listeners
//! who may be alike. What is kept grows with recordings and with cases, never with plays.

use ruint::aliases::U256;

use super::Signal;
use super::alike::{LISTENERS_MAX, Lists, ON_LISTS_MAX};
use super::bands::{Bands, Scratch};
use super::cases::{Case, Group, Released, Subject, Suspects};
use super::passes::{Cases, First, OfRecording, Second, Surveying, state};
use super::thresholds::{RatioOf, Suspicion};
use crate::usage::Listening;

/// The most cases of a pool.
pub(super) const CASES_MAX: usize = 1 << 20;

/// Why listening was not looked at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError<E> {
    /// The plays could not be read.
    #[error(transparent)]
    Usage(E),
    /// The pool's plays do not fit in 64 bits.
    #[error("the pool has 2^64 plays or more")]
    TooManyPlays,
    /// Thresholds that nearly everybody reaches.
    #[error("over {CASES_MAX} cases, more than anybody can look at: raise the thresholds")]
    TooManyCases,
    /// Too many listeners to compare.
    #[error(
        "over {ON_LISTS_MAX} recordings on the lists of listeners who may be alike, or over {LISTENERS_MAX} \
         such listeners: raise likeness_at_least, listeners_at_least or recordings_at_least of [alike]"
    )]
    TooManyAlike,
    /// Too much to compare.
    #[error(
        "too many listeners are nearly as alike as likeness_at_least of [alike] says to compare them all: \
         raise it, listeners_at_least or recordings_at_least"
    )]
    TooManySteps,
}

impl<E> LookError<E> {
    /// The error of the usage, or what is said of any other.
    pub fn of_usage(self) -> Result<E, String> {
        use LookError::{TooManyAlike, TooManyCases, TooManyPlays, TooManySteps, Usage};
        let said = |error: LookError<std::convert::Infallible>| Err(error.to_string());
        match self {
            Usage(error) => Ok(error),
            TooManyPlays => said(TooManyPlays),
            TooManyCases => said(TooManyCases),
            TooManyAlike => said(TooManyAlike),
            TooManySteps => said(TooManySteps),
        }
    }
}

impl Suspicion {
    /// Looks at a pool's listening. `artists` numbers the first artist of each recording, a
    /// recording of nobody known being its own; without it no artist's share is looked at.
    ///
    /// Reads the listening twice at most. The cases do not depend on the order of plays, on how
    /// recordings are numbered, on threads, or on how plays are split over files.
    pub fn look<L: Listening>(
        &self,
        listening: &L,
        artists: Option<&[u32]>,
    ) -> Result<Suspects, LookError<L::Error>> {
        let (ids, threads) = (listening.recordings(), listening.threads());
        let bands = self.alike.as_ref().map(|said| Bands::new(said, ids, threads));
        let sums = self.first_pass(listening, artists, bands.as_ref())?;
        let mut cases = sums.cases;
        let totals = &sums.recordings;
        if let Some(said) = self.pro_rata_to_user_centric {
            cases.list.extend(by_ratio(&said, totals, (sums.plays, sums.listeners)));
        }
        if bands.is_some() || self.listener_of_recording.is_some() {
            let start = || Second {
                suspicion: self,
                bands: bands.as_ref(),
                totals,
                cases: Cases::default(),
                lists: Lists::default(),
                played: Vec::new(),
                scratch: Scratch::default(),
            };
            let mut all = Lists::default();
            for part in listening.fold(start).map_err(LookError::Usage)? {
                cases = cases.merge(part.cases)?;
                all = all.merge(part.lists);
            }
            if all.are_too_many() {
                return Err(LookError::TooManyAlike);
            }
            if let (Some(said), Some(bands)) = (&self.alike, &bands) {
                for found in all.groups(said, bands, threads)? {
                    let plays = found.played.values().map(|played| played.plays).sum();
                    let listeners = found.listeners.len() as u64;
                    let group = Group::new(found.listeners, found.played.into_values(), ids);
                    let subject = Subject::Group(group);
                    let state = state(said.hold);
                    let of = sums.plays;
                    let signal = Signal::Alike;
                    cases.list.push(Case { signal, subject, plays, of, listeners, state });
                }
            }
        }
        let cases = cases.merge(Cases::default())?.list;
        // What was not looked at has no cases, and must not look as if there were none.
        let artist_of_listener = self.artist_of_listener.filter(|_| artists.is_some());
        let by_artist = cases.iter().any(|case| case.signal == Signal::ArtistOfListener);
        let mut suspects = Suspects {
            cases,
            plays: sums.plays,
            listeners: sums.listeners,
            looked_for: Self { artist_of_listener, ..self.clone() },
            artists: artists.filter(|_| by_artist).unwrap_or_default().to_vec(),
            released: Released::default(),
        };
        suspects.sort(ids);
        Ok(suspects)
    }

    fn first_pass<L: Listening>(
        &self,
        listening: &L,
        artists: Option<&[u32]>,
        bands: Option<&Bands>,
    ) -> Result<First, LookError<L::Error>> {
        let ids = listening.recordings();
        let by_recording =
            self.listener_of_recording.is_some() || self.pro_rata_to_user_centric.is_some();
        let kept = if by_recording { ids.len() } else { 0 };
        let start = || Surveying {
            suspicion: self,
            artists,
            bands,
            ids,
            sums: First {
                recordings: vec![OfRecording::default(); kept],
                cases: Cases::default(),
                plays: 0,
                listeners: 0,
            },
            all_plays: 0,
            of_artists: Vec::new(),
            scratch: Scratch::default(),
        };
        let mut parts = listening.fold(start).map_err(LookError::Usage)?.into_iter();
        let Some(first) = parts.next() else {
            return Ok(First::default());
        };
        let (mut sums, mut all_plays) = (first.sums, first.all_plays);
        for part in parts {
            for (sum, part) in sums.recordings.iter_mut().zip(part.sums.recordings) {
                sum.plays = sum.plays.saturating_add(part.plays);
                sum.listeners += part.listeners;
                sum.budgets += part.budgets;
            }
            sums.listeners += part.sums.listeners;
            sums.cases = sums.cases.merge(part.sums.cases)?;
            all_plays += part.all_plays;
        }
        sums.plays = u64::try_from(all_plays).map_err(|_| LookError::TooManyPlays)?;
        Ok(sums)
    }
}

/// Recordings whose share of plays is too many times their share of equal listener budgets.
fn by_ratio(
    said: &RatioOf,
    recordings: &[OfRecording],
    (all_plays, all_listeners): (u64, u64),
) -> Vec<Case> {
    let case = |(recording, sum): (u32, &OfRecording)| {
        if sum.plays < said.plays_at_least.get() {
            return None;
        }
        // (plays / all plays) / (budgets / (2⁶⁴ × all listeners)), in units of 10⁻⁶
        let of_plays = U256::from(sum.plays) * U256::from(all_listeners) * U256::from(1_000_000);
        let of_plays: U256 = of_plays << 64;
        let of_budgets = U256::from(sum.budgets) * U256::from(all_plays);
        let ratio = of_plays.checked_div(of_budgets)?;
        (ratio >= U256::from(said.ratio_at_least.millionths())).then(|| Case {
            signal: Signal::ProRataToUserCentric,
            subject: Subject::Whole { recording, ratio: ratio.saturating_to() },
            plays: sum.plays,
            of: all_plays,
            listeners: sum.listeners,
            state: state(said.hold),
        })
    };
    (0..).zip(recordings).filter_map(case).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Suspicion;
    use super::*;
    use crate::ident::RecordingId;
    use crate::usage::{Play, PlaysInMemory, SealedRow, SealedScan, SealedWriter};

    /// A listener, a recording `x::n`, and plays.
    type Rows = Vec<(u128, u32, u32)>;

    fn id(number: u32) -> RecordingId {
        RecordingId::parse(&format!("x::{number:03}")).unwrap()
    }

    fn listening(rows: &Rows, threads: usize) -> PlaysInMemory {
        let ids = (0..400).map(id).collect();
        let play = |(listener, recording, plays): &(u128, u32, u32)| {
            (*listener, Play { recording: *recording, plays: *plays, active: 0 })
        };
        PlaysInMemory::new(ids, rows.iter().map(play).collect(), threads).unwrap()
    }

    /// Cases as text, without numbers that depend on a file.
    fn told(suspects: &Suspects, ids: &[RecordingId]) -> Vec<String> {
        let tell = |case: &Case| {
            let recording = case.subject.recording().map(|at| ids[at as usize].as_str());
            let whose = match &case.subject {
                Subject::Group(group) => group.id.clone(),
                subject => subject.listener().map_or_else(String::new, |hash| hash.to_string()),
            };
            format!(
                "{} {whose} {} {}/{} of {} {}",
                case.signal.as_str(),
                recording.unwrap_or_default(),
                case.plays,
                case.of,
                case.listeners,
                case.state.as_str()
            )
        };
        suspects.cases.iter().map(tell).collect()
    }

    fn look(thresholds: &str, rows: &Rows, artists: Option<&[u32]>) -> Vec<String> {
        let listening = listening(rows, 2);
        let suspects = Suspicion::parse(thresholds).unwrap().look(&listening, artists).unwrap();
        told(&suspects, listening.recordings())
    }

    #[test]
    fn each_signal_begins_at_its_threshold_and_not_one_below() {
        // Listener 1 has 10 plays, 8 of recording 0; listener 2 has 2 and 8 of others.
        let rows = vec![(1, 0, 8), (1, 1, 2), (2, 0, 2), (2, 2, 4), (2, 3, 4)];
        // Recordings 2 and 3 are of one artist; the others are each their own.
        let mut artists: Vec<u32> = (0..400).collect();
        artists[3] = 2;
        for (at, below, expected) in [
            (
                "[listener_plays]\nplays_at_least = 10",
                "[listener_plays]\nplays_at_least = 11",
                &[
                    "listener_plays 1 x::000 10/10 of 1 reported",
                    "listener_plays 2 x::002 10/10 of 1 reported",
                ][..],
            ),
            (
                "[recording_of_listener]\nshare_at_least = \"80\"\nplays_at_least = 8",
                "[recording_of_listener]\nshare_at_least = \"80.000001\"\nplays_at_least = 8",
                &["recording_of_listener 1 x::000 8/10 of 1 reported"],
            ),
            (
                "[recording_of_listener]\nshare_at_least = \"80\"\nplays_at_least = 8\nhold = true",
                "[recording_of_listener]\nshare_at_least = \"80\"\nplays_at_least = 9",
                &["recording_of_listener 1 x::000 8/10 of 1 held"],
            ),
            (
                "[artist_of_listener]\nshare_at_least = \"80\"\nplays_at_least = 8",
                "[artist_of_listener]\nshare_at_least = \"80\"\nplays_at_least = 9",
                &[
                    "artist_of_listener 1 x::000 8/10 of 1 reported",
                    "artist_of_listener 2 x::002 8/10 of 1 reported",
                ],
            ),
            (
                "[listener_of_recording]\nshare_at_least = \"80\"\nplays_at_least = 8",
                "[listener_of_recording]\nshare_at_least = \"80.1\"\nplays_at_least = 8",
                &["listener_of_recording 1 x::000 8/10 of 1 reported"],
            ),
        ] {
            assert_eq!(look(at, &rows, Some(&artists)), expected, "{at}");
            assert_eq!(look(below, &rows, Some(&artists)), [""; 0], "{below}");
        }
    }

    #[test]
    fn without_artists_no_artists_share_is_looked_at() {
        let thresholds = "[artist_of_listener]\nshare_at_least = \"1\"\nplays_at_least = 1";
        let listening = listening(&vec![(1, 0, 8)], 1);
        let suspects = Suspicion::parse(thresholds).unwrap().look(&listening, None).unwrap();
        assert_eq!(suspects.cases, []);
        assert_eq!(suspects.looked_for.artist_of_listener, None);
    }

    #[test]
    fn a_ratio_compares_shares_of_plays_and_of_equal_budgets() {
        // One of 4 listeners plays recording 0 all 60 of 63 times: 60/63 of plays, 1/4 of budgets:
        // 3.809523…
        let rows = vec![(1, 0, 60), (2, 1, 1), (3, 1, 1), (4, 1, 1)];
        let said = |ratio, plays| {
            format!(
                "[pro_rata_to_user_centric]\nratio_at_least = \"{ratio}\"\nplays_at_least = {plays}"
            )
        };
        let case = ["pro_rata_to_user_centric  x::000 60/63 of 1 reported"];
        assert_eq!(look(&said("3.809523", 60), &rows, None), case);
        assert_eq!(look(&said("3.809524", 60), &rows, None), [""; 0]);
        assert_eq!(look(&said("3.8", 61), &rows, None), [""; 0]);
        // All that is played has 1 times its share.
        assert_eq!(look(&said("1", 1), &vec![(1, 0, 7)], None).len(), 1);
    }

    const ALIKE: &str = "[alike]\nlikeness_at_least = \"90\"\nlisteners_at_least = 20\nrecordings_at_least = 8\nhold = true";

    /// A number below `below`, as if at random.
    fn drawn(seed: u64, below: u64) -> u32 {
        let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u32::try_from((mixed ^ (mixed >> 32)) % below).unwrap()
    }

    /// 300 ordinary listeners: all play the hits 0 to 4, and 15 others of 400.
    fn ordinary() -> Rows {
        let mut rows = Rows::new();
        for listener in 0..300_u32 {
            let others = (0..15).map(|n| 5 + drawn(u64::from(listener * 20 + n), 395));
            let mut list: Vec<u32> = (0..5).chain(others).collect();
            list.sort_unstable();
            list.dedup();
            rows.extend(list.into_iter().map(|recording| (u128::from(listener), recording, 2)));
        }
        rows
    }

    /// So many accounts that play the recordings 100 to 138; each has left out one of them and
    /// plays one hit.
    fn farm(accounts: u32) -> Rows {
        let list = |account: u32| {
            let left_out = move |recording: &u32| *recording != 100 + account % 39;
            (100..139).filter(left_out).chain([account % 5])
        };
        let rows = |account: u32| {
            list(account).map(move |recording| (u128::from(account) << 100, recording, 3))
        };
        (1..=accounts).flat_map(rows).collect()
    }

    #[test]
    fn a_farm_is_a_group_and_ordinary_listeners_are_none() {
        assert_eq!(look(ALIKE, &ordinary(), None), [""; 0]);
        let rows = [ordinary(), farm(20)].concat();
        let found = look(ALIKE, &rows, None);
        assert_eq!(found.len(), 1, "{found:?}");
        // 20 accounts × 39 recordings × 3 plays.
        assert!(found[0].contains(" 2340/"), "{}", found[0]);
        assert!(found[0].ends_with("of 20 held"), "{}", found[0]);
        assert_eq!(look(ALIKE, &[ordinary(), farm(19)].concat(), None), [""; 0]);
        // Alike to 37 of 41: a threshold above finds nobody.
        assert_eq!(look(&ALIKE.replace("90", "99"), &rows, None), [""; 0]);
        // 39 recordings of each.
        let least = |count| ALIKE.replace("recordings_at_least = 8", count);
        assert_eq!(look(&least("recordings_at_least = 39"), &rows, None).len(), 1);
        assert_eq!(look(&least("recordings_at_least = 40"), &rows, None), [""; 0]);
    }

    #[test]
    fn what_a_group_has_in_common_is_what_half_of_it_plays() {
        let listening = listening(&farm(25), 2);
        let suspects = Suspicion::parse(ALIKE).unwrap().look(&listening, None).unwrap();
        let [Case { subject: Subject::Group(group), .. }] = suspects.cases.as_slice() else {
            panic!("{suspects:?}");
        };
        // 39 recordings of which each account leaves out one, and five hits for one of five each.
        assert_eq!((group.listeners.len(), group.recordings.len(), group.common()), (25, 44, 39));
        let hit = group.recordings.iter().find(|played| played.recording == 4);
        assert_eq!(hit.map(|hit| (hit.plays, hit.listeners)), Some((15, 5)));
    }

    #[test]
    fn listeners_with_the_very_same_list_are_a_group() {
        let rows = |accounts: u32| -> Rows {
            (0..accounts).flat_map(|a| (50..60).map(move |r| (u128::from(a), r, 1 + a))).collect()
        };
        assert_eq!(look(ALIKE, &rows(19), None), [""; 0]);
        // 10 recordings × (1 + … + 20) plays.
        let found = look(ALIKE, &rows(20), None);
        assert!(found.len() == 1 && found[0].contains(" x::050 2100/2100 of 20"), "{found:?}");
    }

    /// Seals each row into one of several files, which number recordings by chance.
    fn sealed(rows: &Rows, files: u32, folder: &std::path::Path) -> Vec<PathBuf> {
        let file = |number: u32| {
            let mut own: Vec<_> = rows
                .iter()
                .enumerate()
                .filter(|(at, _)| drawn(*at as u64, files.into()) == number)
                .map(|(_, row)| *row)
                .collect();
            let place = |recording: u32| (recording * 7 + number * 31) % 400;
            let mut ids: Vec<RecordingId> = vec![id(0); 400];
            (0..400).for_each(|recording| ids[place(recording) as usize] = id(recording));
            own.sort_unstable_by_key(|(listener, recording, _)| (*listener, place(*recording)));
            let path = folder.join(format!("{files}-{number}"));
            let mut writer = SealedWriter::create(&path, "key", &ids, 1 << 24).unwrap();
            for (listener, recording, plays) in own {
                let row = SealedRow { listener, recording: place(recording), plays, active: 0 };
                writer.push(row).unwrap();
            }
            writer.finish().unwrap();
            path
        };
        (0..files).map(file).collect()
    }

    #[test]
    fn cases_are_the_same_whatever_the_threads_and_the_files() {
        let thresholds = format!(
            "{ALIKE}\n[listener_plays]\nplays_at_least = 41\n\
             [recording_of_listener]\nshare_at_least = \"10\"\nplays_at_least = 3\n\
             [listener_of_recording]\nshare_at_least = \"10\"\nplays_at_least = 2\n\
             [pro_rata_to_user_centric]\nratio_at_least = \"1.1\"\nplays_at_least = 9\n"
        );
        let suspicion = Suspicion::parse(&thresholds).unwrap();
        let mut rows = [ordinary(), farm(25)].concat();
        rows.push((7 << 90, 3, 30));
        rows.push((7 << 90, 4, 4));
        let in_memory = listening(&rows, 1);
        let expected = told(&suspicion.look(&in_memory, None).unwrap(), in_memory.recordings());
        for signal in Signal::ALL.into_iter().filter(|s| *s != Signal::ArtistOfListener) {
            let found = expected.iter().any(|case| case.starts_with(signal.as_str()));
            assert!(found, "{signal:?}: {expected:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        for files in [1, 3] {
            let paths = sealed(&rows, files, folder.path());
            for threads in [1, 2, 5] {
                let scan = SealedScan::open(&paths, threads).unwrap();
                let suspects = suspicion.look(&scan, None).unwrap();
                assert_eq!(told(&suspects, scan.recordings()), expected, "{files} {threads}");
            }
        }
    }
}
