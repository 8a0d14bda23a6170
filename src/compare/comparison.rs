//! What several models make of the same plays, artist by artist.

use hashbrown::HashMap;

use super::measures::{Distribution, Measures};
use crate::allocate::{Allocation, RecordingAmount};
use crate::ident::{Name, RecordingId};
use crate::money::{AmountOutOfRange, Micros};

/// Whom a recording counts for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Artist {
    /// Its first artist.
    Known(Name),
    /// A recording of nobody known is its own artist.
    Recording(RecordingId),
}

impl Artist {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name.as_str(),
            Self::Recording(id) => id.as_str(),
        }
    }
}

/// Several models on the same plays: the pools of one currency, taken up one by one.
///
/// Keeps an amount for each artist and model, and no plays.
#[derive(Debug)]
pub struct Comparison {
    models: Vec<Model>,
    baseline: usize,
    artists: Vec<Artist>,
    artist_places: HashMap<Artist, u32>,
    /// By artist: recordings and raw plays.
    played: Vec<(u64, u64)>,
    recordings: Vec<RecordingId>,
    recording_places: HashMap<RecordingId, u32>,
    /// By recording.
    artist_of: Vec<u32>,
    /// The places of the recordings of the last allocation, in its order. Those of the same pool
    /// have the same recordings, and need not be looked up again.
    last: Vec<u32>,
}

/// What a model has paid so far.
#[derive(Debug)]
struct Model {
    name: String,
    /// By artist.
    amounts: Vec<Micros>,
    /// By recording, whether it was paid.
    paid: Vec<bool>,
    total: Micros,
    set_aside: Micros,
}

/// How a model stands beside the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing<'a> {
    /// What it is called.
    pub model: &'a str,
    /// What it pays to recordings.
    pub total: Micros,
    /// The part of those who pay and play nothing, where the rule takes it out first.
    pub set_aside: Micros,
    /// Recordings that get anything.
    pub recordings_paid: u64,
    /// Artists who get anything.
    pub artists_paid: u64,
    /// Artists who get at least what was asked for.
    pub artists_living: u64,
    /// How evenly those who are played are paid; none if nothing is paid.
    pub measures: Option<Measures>,
    /// Who is better and worse off than under the baseline; none for the baseline itself.
    pub moved: Option<Moved<'a>>,
}

/// Who is better and worse off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved<'a> {
    /// Those who get more.
    pub better: Side<'a>,
    /// Those who get less; amounts are what they lose, not negative.
    pub worse: Side<'a>,
    /// How many who are played get the same.
    pub unchanged: u64,
}

/// Those on one side of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side<'a> {
    /// How many they are.
    pub artists: u64,
    /// What all of them gain or lose.
    pub total: Micros,
    /// What the one in the middle gains or loses; of two in the middle, the one who moves less.
    pub median: Micros,
    /// Who gains or loses most, and what; of several, the one whose id sorts first.
    pub largest: Option<(&'a Artist, Micros)>,
}

/// One artist under every model.
#[derive(Debug, Clone)]
pub struct ArtistAmounts<'a> {
    /// Who it is.
    pub artist: &'a Artist,
    /// How many recordings stand in the usage.
    pub recordings: u64,
    /// Their raw plays.
    pub plays: u64,
    /// What the artist gets, in the order of the models.
    pub amounts: Vec<Micros>,
}

impl Comparison {
    /// Of models that have these names, with the place of the one that the others are held
    /// against.
    pub fn new(models: impl IntoIterator<Item = String>, baseline: usize) -> Self {
        let model = |name| Model {
            name,
            amounts: Vec::new(),
            paid: Vec::new(),
            total: Micros::ZERO,
            set_aside: Micros::ZERO,
        };
        Self {
            models: models.into_iter().map(model).collect(),
            baseline,
            artists: Vec::new(),
            artist_places: HashMap::new(),
            played: Vec::new(),
            recordings: Vec::new(),
            recording_places: HashMap::new(),
            artist_of: Vec::new(),
            last: Vec::new(),
        }
    }

    /// Takes up what the model at a place has made of a pool; `artist` says who a recording's
    /// first artist is. Every pool must be given once for each model, and counted once. It is fastest to give all
    /// models of a pool before the next pool.
    pub fn add<'n>(
        &mut self,
        model: usize,
        allocation: &Allocation,
        artist: impl Fn(&RecordingId) -> Option<&'n Name>,
    ) -> Result<(), AmountOutOfRange> {
        let places = self.places(&allocation.recordings, artist);
        let of_model = &mut self.models[model];
        of_model.amounts.resize(self.artists.len(), Micros::ZERO);
        of_model.paid.resize(self.recordings.len(), false);
        for (row, place) in allocation.recordings.iter().zip(&places) {
            let artist = self.artist_of[*place as usize] as usize;
            let amount = &mut of_model.amounts[artist];
            *amount = amount.plus(row.amount)?;
            of_model.total = of_model.total.plus(row.amount)?;
            of_model.paid[*place as usize] |= !row.amount.is_zero();
        }
        of_model.set_aside = of_model.set_aside.plus(allocation.set_aside)?;
        self.last = places;
        Ok(())
    }

    /// Counts the plays of a pool, once. They are raw plays, those that a model holds too.
    pub fn count<'n>(
        &mut self,
        played: &[RecordingAmount],
        artist: impl Fn(&RecordingId) -> Option<&'n Name>,
    ) {
        let places = self.places(played, artist);
        for (row, place) in played.iter().zip(&places) {
            self.played[self.artist_of[*place as usize] as usize].1 += row.plays;
        }
        self.last = places;
    }

    /// The places of recordings, which are new or known.
    fn places<'n>(
        &mut self,
        rows: &[RecordingAmount],
        artist: impl Fn(&RecordingId) -> Option<&'n Name>,
    ) -> Vec<u32> {
        let mut places = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let guess = self.last.get(at).copied();
            let known = guess.filter(|place| self.recordings[*place as usize] == row.recording);
            places.push(match known {
                Some(place) => place,
                None => self.place(&row.recording, &artist),
            });
        }
        places
    }

    fn place<'n>(
        &mut self,
        recording: &RecordingId,
        artist: impl Fn(&RecordingId) -> Option<&'n Name>,
    ) -> u32 {
        if let Some(place) = self.recording_places.get(recording) {
            return *place;
        }
        let artist = match artist(recording) {
            Some(name) => Artist::Known(name.clone()),
            None => Artist::Recording(recording.clone()),
        };
        let (artists, played) = (&mut self.artists, &mut self.played);
        let artist = *self.artist_places.entry(artist).or_insert_with_key(|artist| {
            artists.push(artist.clone());
            played.push((0, 0));
            next_place(artists.len())
        });
        played[artist as usize].0 += 1;
        self.artist_of.push(artist);
        self.recordings.push(recording.clone());
        let place = next_place(self.recordings.len());
        self.recording_places.insert(recording.clone(), place);
        place
    }

    /// The names of the models, in their order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|model| model.name.as_str())
    }

    /// The name of the model that the others are held against.
    pub fn baseline(&self) -> &str {
        &self.models[self.baseline].name
    }

    /// Recordings that stand in the usage.
    pub fn recordings(&self) -> u64 {
        self.recordings.len() as u64
    }

    /// Recordings of nobody known.
    pub fn without_artist(&self) -> u64 {
        let own = |artist: &&u32| matches!(self.artists[**artist as usize], Artist::Recording(_));
        self.artist_of.iter().filter(own).count() as u64
    }

    /// All raw plays.
    pub fn plays(&self) -> u64 {
        self.played.iter().map(|(_, plays)| plays).sum()
    }

    /// Artists who are played: those whom the measures are about.
    pub fn artists(&self) -> u64 {
        self.played.iter().filter(|(_, plays)| *plays > 0).count() as u64
    }

    /// How every model stands, in their order; `living` is what an artist should get at least.
    pub fn standings(&self, living: Micros) -> Vec<Standing<'_>> {
        let standing = |place: usize| {
            let model = &self.models[place];
            let played = || self.played_places().map(|artist| self.amount(place, artist));
            Standing {
                model: &model.name,
                total: model.total,
                set_aside: model.set_aside,
                recordings_paid: model.paid.iter().filter(|paid| **paid).count() as u64,
                artists_paid: played().filter(|amount| !amount.is_zero()).count() as u64,
                artists_living: played().filter(|amount| *amount >= living).count() as u64,
                measures: Distribution::of(played()).map(|paid| paid.measures()),
                moved: (place != self.baseline).then(|| self.moved(place)),
            }
        };
        (0..self.models.len()).map(standing).collect()
    }

    /// What a model pays those who are played; none if it pays nothing.
    pub fn distribution(&self, model: usize) -> Option<Distribution> {
        Distribution::of(self.played_places().map(|artist| self.amount(model, artist)))
    }

    /// Every artist with what each model pays, by the bytes of ids.
    pub fn amounts(&self) -> impl Iterator<Item = ArtistAmounts<'_>> {
        let mut order: Vec<usize> = (0..self.artists.len()).collect();
        order.sort_unstable_by_key(|at| (self.artists[*at].as_str(), &self.artists[*at]));
        order.into_iter().map(|at| ArtistAmounts {
            artist: &self.artists[at],
            recordings: self.played[at].0,
            plays: self.played[at].1,
            amounts: (0..self.models.len()).map(|model| self.amount(model, at)).collect(),
        })
    }

    fn played_places(&self) -> impl Iterator<Item = usize> {
        (0..self.played.len()).filter(|artist| self.played[*artist].1 > 0)
    }

    fn amount(&self, model: usize, artist: usize) -> Micros {
        self.models[model].amounts.get(artist).copied().unwrap_or_default()
    }

    fn moved(&self, model: usize) -> Moved<'_> {
        let (mut better, mut worse, mut unchanged) = (Vec::new(), Vec::new(), 0);
        for artist in self.played_places() {
            let (before, after) = (self.amount(self.baseline, artist), self.amount(model, artist));
            // Both are at least 0, so their difference is in range.
            let by = |more: Micros, less| more.minus(less).unwrap_or(Micros::MAX);
            match after.cmp(&before) {
                std::cmp::Ordering::Greater => better.push((by(after, before), artist)),
                std::cmp::Ordering::Less => worse.push((by(before, after), artist)),
                std::cmp::Ordering::Equal => unchanged += 1,
            }
        }
        Moved { better: self.side(better), worse: self.side(worse), unchanged }
    }

    fn side(&self, mut moves: Vec<(Micros, usize)>) -> Side<'_> {
        if moves.is_empty() {
            return Side::default();
        }
        let middle = (moves.len() - 1) / 2;
        let median = moves.select_nth_unstable(middle).1.0;
        let artist = |at: usize| &self.artists[at];
        let most = moves.iter().max_by(|(one, artist_one), (other, artist_other)| {
            one.cmp(other)
                .then_with(|| artist(*artist_other).as_str().cmp(artist(*artist_one).as_str()))
        });
        Side {
            artists: moves.len() as u64,
            // At most what a model pays to all.
            total: Micros::sum(moves.iter().map(|(by, _)| *by)).unwrap_or(Micros::MAX),
            median,
            largest: most.map(|(by, at)| (artist(*at), *by)),
        }
    }
}

/// The place of the last of so many. Usage has less than 2³² recordings.
fn next_place(count: usize) -> u32 {
    u32::try_from(count - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::allocate::RecordingAmount;

    fn micros(value: i64) -> Micros {
        Micros::from_micros(i128::from(value)).unwrap()
    }

    /// Recordings `x::0`, `x::1` and so on with these amounts, each played once.
    fn allocation(amounts: &[i64]) -> Allocation {
        let row = |(at, amount): (usize, &i64)| RecordingAmount {
            recording: RecordingId::parse(&format!("x::{at}")).unwrap(),
            plays: 1,
            listeners: 1,
            amount: micros(*amount),
        };
        let recordings = amounts.iter().enumerate().map(row).collect();
        Allocation { recordings, plays: 0, listeners: 0, set_aside: Micros::ZERO }
    }

    /// Recordings 0 and 1 are p's; nobody knows whose the others are.
    fn add(comparison: &mut Comparison, model: usize, amounts: &[i64]) {
        let p = Name::parse("p").unwrap();
        let artist = |id: &RecordingId| ["x::0", "x::1"].contains(&id.as_str()).then_some(&p);
        let shared = allocation(amounts);
        if model == 0 {
            comparison.count(&shared.recordings, artist);
        }
        comparison.add(model, &shared, artist).unwrap();
    }

    fn comparison() -> Comparison {
        Comparison::new(["a".to_owned(), "b".to_owned()], 0)
    }

    #[test]
    fn pools_are_added_up_by_artist_before_anything_is_measured() {
        let mut both = comparison();
        for (pool, [a, b]) in [[[1, 2, 3], [3, 3, 0]], [[4, 5, 6], [0, 0, 15]]].iter().enumerate() {
            add(&mut both, 0, a);
            add(&mut both, 1, b);
            assert_eq!(both.artists(), 2, "after pool {pool}");
        }
        let rows: Vec<_> = both
            .amounts()
            .map(|row| (row.artist.as_str().to_owned(), row.recordings, row.plays, row.amounts))
            .collect();
        let expected = [
            ("p".to_owned(), 2, 4, vec![micros(12), micros(6)]),
            ("x::2".to_owned(), 1, 2, vec![micros(9), micros(15)]),
        ];
        assert_eq!(rows, expected);
        let standings = both.standings(micros(12));
        assert_eq!((standings[0].recordings_paid, standings[0].artists_living), (3, 1));
        assert_eq!(standings[0].moved, None);
        let moved = standings[1].moved.clone().unwrap();
        assert_eq!((moved.better.total, moved.worse.total), (micros(6), micros(6)));
        assert_eq!(moved.better.largest.unwrap().0.as_str(), "x::2");
        assert_eq!(moved.worse.largest.unwrap().0.as_str(), "p");
    }

    #[test]
    fn of_those_who_move_alike_the_first_is_named_and_the_middle_one_moves_less() {
        let mut both = comparison();
        add(&mut both, 0, &[0, 0, 9, 9, 9, 9]);
        add(&mut both, 1, &[0, 0, 4, 4, 12, 10]);
        let standings = both.standings(Micros::ZERO);
        let moved = standings[1].moved.as_ref().unwrap();
        assert_eq!((moved.better.artists, moved.worse.artists, moved.unchanged), (2, 2, 1));
        assert_eq!((moved.better.median, moved.worse.median), (micros(1), micros(5)));
        let largest = |side: &Side<'_>| side.largest.map(|(artist, _)| artist.as_str().to_owned());
        assert_eq!(largest(&moved.worse).as_deref(), Some("x::2"));
        assert_eq!(largest(&moved.better).as_deref(), Some("x::4"));
    }

    proptest! {
        #[test]
        fn gains_less_losses_are_the_difference_of_the_totals(
            pools in prop::collection::vec(
                prop::collection::vec((0_i64..1 << 40, 0_i64..1 << 40), 1..30), 1..4),
        ) {
            let mut both = comparison();
            for pool in &pools {
                let (a, b): (Vec<i64>, Vec<i64>) = pool.iter().copied().unzip();
                add(&mut both, 0, &a);
                add(&mut both, 1, &b);
            }
            let standings = both.standings(Micros::ZERO);
            let moved = standings[1].moved.as_ref().unwrap();
            prop_assert_eq!(
                moved.better.total.minus(moved.worse.total),
                standings[1].total.minus(standings[0].total)
            );
            prop_assert_eq!(
                moved.better.artists + moved.worse.artists + moved.unchanged, both.artists());
        }
    }
}
