//! All files of a month: who there is, who holds what, what was agreed, earned, played and sold.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::GenerateError;
use super::audience::Audience;
use super::cast::{Cast, FUND, Held, artist, label, producer};
use super::catalogue::Catalogue;
use super::names;
use super::place::{Compression, Out};
use super::plays::{CsvRows, Made};
use super::random::{Of, Random};
use crate::period::Period;

/// Where listeners are: the territory, its currency, how many of a hundred listeners, and what a
/// price there is in hundredths of what it is in the first.
const PLACES: [(&str, &str, u64, u64); 3] =
    [("CN", "CNY", 70, 100), ("TW", "TWD", 20, 430), ("JP", "JPY", 10, 2100)];
/// What they have: the offer, how many of a hundred, and the month's price in hundredths.
const OFFERS: [(&str, u64, u64); 3] = [("standard", 50, 1000), ("svip", 30, 1800), ("ad", 20, 110)];
const SERVICE: &str = "cloud";
const SHOP: &str = "corner-shop";
/// A recording of so many is played and in no catalogue.
const UNKNOWN: u32 = 500;
/// Terms of one agreement: its file stays below 512 KiB.
const TERMS: usize = 4000;

/// How large a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Labels, producers, a fund and artists; each of them is paid.
    pub payees: u32,
    /// How many of them are labels.
    pub labels: u32,
    /// Recordings in the catalogue; each of them is played.
    pub recordings: u32,
    /// Listeners.
    pub listeners: u32,
    /// Rows of a shop's report.
    pub sales: u32,
}

/// A month of a service that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct Month {
    period: Period,
    seed: u64,
    cast: Cast,
    audience: Audience,
    sales: u32,
    threads: usize,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthMade {
    /// The usage.
    pub usage: Made,
    /// The files by kind, in an order in which they can be imported.
    pub files: Vec<(&'static str, PathBuf)>,
}

impl Month {
    /// A month of that size. The same numbers and the same seed make the same files on any
    /// machine.
    pub fn new(period: Period, size: Size, seed: u64) -> Result<Self, GenerateError> {
        let cast = Cast::new(seed, (size.payees, size.labels, size.recordings))?;
        let played = size.recordings.checked_add(size.recordings / UNKNOWN + 1);
        let played = played.filter(|played| *played <= Catalogue::RECORDINGS_MAX);
        let played = played.ok_or(GenerateError::Recordings(Catalogue::RECORDINGS_MAX))?;
        let catalogue = Catalogue::new(played, seed);
        let listeners = size.listeners.max(1);
        let audience = Audience { seed, listeners, catalogue, dealt: played };
        Ok(Self { period, seed, cast, audience, sales: size.sales, threads: 1 })
    }

    /// On how many threads usage is made. No file depends on it.
    #[must_use]
    pub const fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Writes all files into a folder that is not there yet, or empty.
    pub fn write(
        &self,
        folder: &Path,
        progress: &mut dyn FnMut(Made),
    ) -> Result<MonthMade, GenerateError> {
        let failed = |source| GenerateError::write(folder, source);
        std::fs::create_dir_all(folder).map_err(failed)?;
        if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(GenerateError::Occupied(folder.to_owned()));
        }
        let beside = tempfile::Builder::new().prefix(".generating-").tempdir_in(folder);
        let beside = beside.map_err(failed)?;
        let mut files = Vec::new();
        let mut usage = Made::default();
        let mut file = |kind: &'static str, name: &str, write: Writing<'_>| {
            let wrong = |source| GenerateError::write(&folder.join(name), source);
            let path = beside.path().join(name);
            let mut out = Out::create(&path, Compression::None).map_err(wrong)?;
            write(&mut out).and_then(|()| out.finish()).map_err(wrong)?;
            files.push((kind, name.to_owned()));
            Ok::<(), GenerateError>(())
        };
        file("parties", "parties.csv", &mut |out| self.parties(out))?;
        file("recordings", "recordings.csv", &mut |out| self.recordings(out))?;
        file("claims", "claims.csv", &mut |out| self.claims(out))?;
        file("agreements", "agreement-service.toml", &mut |out| self.service(out))?;
        let labels: Vec<u32> = (0..self.cast.labels).collect();
        for (number, labels) in (1..).zip(labels.chunks(TERMS)) {
            let id = format!("royalties-{number:03}");
            let name = format!("agreement-{id}.toml");
            file("agreements", &name, &mut |out| self.royalties(&id, labels, out))?;
        }
        file("revenue", "revenue.csv", &mut |out| self.revenue(out))?;
        file("usage", "usage.csv", &mut |out| {
            usage = self.usage(out, progress)?;
            Ok(())
        })?;
        if self.sales > 0 {
            file("sales", "sales.csv", &mut |out| self.sold(out))?;
        }
        for (_, name) in &files {
            std::fs::rename(beside.path().join(name), folder.join(name)).map_err(failed)?;
        }
        let files = files.into_iter().map(|(kind, name)| (kind, folder.join(name))).collect();
        Ok(MonthMade { usage, files })
    }

    fn parties(&self, out: &mut Out) -> io::Result<()> {
        writeln!(out, "party,name,kind,country,currency")?;
        let mut party = |id: &str, kind: &str, name: fn(&mut Random) -> String, number: u64| {
            let mut random = Random::new(self.seed, Of::Party, number);
            let (country, currency, ..) = place(&mut random);
            writeln!(out, "{id},{},{kind},{country},{currency}", name(&mut random))
        };
        let cast = &self.cast;
        let mut numbers = 0..;
        for (count, kind, id, name) in [
            (cast.labels, "label", label as fn(u32) -> String, names::house as fn(&mut _) -> _),
            (cast.producers, "producer", producer, names::person),
            (cast.artists, "artist", artist, names::person),
        ] {
            for (one, number) in (0..count).zip(&mut numbers) {
                party(&id(one), kind, name, number)?;
            }
        }
        if cast.fund {
            party(FUND, "fund", |_| "Fund for Session Players".to_owned(), u64::MAX)?;
        }
        Ok(())
    }

    fn recordings(&self, out: &mut Out) -> io::Result<()> {
        writeln!(out, "recording,title,artist,label,duration_seconds,content,ai,repertoire")?;
        for recording in 0..self.cast.recordings {
            let mut random = Random::new(self.seed, Of::Title, u64::from(recording));
            let artist_number = self.cast.artist_of(recording);
            writeln!(
                out,
                "{},{},{},{},{},music,none,domestic",
                Catalogue::id(recording),
                names::title(&mut random),
                artist(artist_number),
                label(self.cast.label_of(artist_number)),
                90 + random.below(240)
            )?;
        }
        Ok(())
    }

    /// Each recording: 60 % the label's, 40 % the artist's, with a few oddities.
    fn claims(&self, out: &mut Out) -> io::Result<()> {
        writeln!(out, "recording,right,party,share")?;
        for recording in 0..self.cast.recordings {
            let id = Catalogue::id(recording);
            let artist_number = self.cast.artist_of(recording);
            let label_number = self.cast.label_of(artist_number);
            let held = self.cast.held(recording);
            writeln!(out, "{id},recording,{},60", label(label_number))?;
            if held != Held::LabelAlone {
                writeln!(out, "{id},recording,{},40", artist(artist_number))?;
            }
            if held == Held::Disputed {
                let producer_number = label_number % self.cast.producers;
                writeln!(out, "{id},recording,{},25", producer(producer_number))?;
            }
        }
        Ok(())
    }

    /// What the service shares: memberships by listener, the rest by play.
    fn service(&self, out: &mut Out) -> io::Result<()> {
        agreement("service", self.period, out)?;
        for (offers, rate, model) in
            [(r#""standard", "svip""#, "55", "user_centric"), (r#""ad""#, "50", "pro_rata")]
        {
            writeln!(out, "\n[[pool]]\nservice = \"{SERVICE}\"\noffers = [{offers}]")?;
            writeln!(out, "right = \"recording\"\nrate = \"{rate}\"\nmodel = \"{model}\"")?;
        }
        Ok(())
    }

    /// What labels pay on: 5 % to a producer, or 2 % to the fund.
    fn royalties(&self, id: &str, labels: &[u32], out: &mut Out) -> io::Result<()> {
        agreement(id, self.period, out)?;
        for number in labels {
            let (party, rate) = match self.cast.producer_of(*number) {
                Some(number) => (producer(number), "5"),
                None => (FUND.to_owned(), "2"),
            };
            writeln!(out, "\n[[royalty]]\npayer = \"{}\"", label(*number))?;
            writeln!(out, "participants = [ {{ party = \"{party}\", rate = \"{rate}\" }} ]")?;
        }
        Ok(())
    }

    /// Where a listener is and what they have, by number in [`PLACES`] and [`OFFERS`].
    fn pool_of(&self, listener: u32) -> (usize, usize) {
        let mut random = Random::new(self.seed, Of::Pool, u64::from(listener));
        let place = weighted(PLACES.iter().map(|place| place.2), &mut random);
        (place, weighted(OFFERS.iter().map(|offer| offer.1), &mut random))
    }

    /// Each pool's listeners times its price.
    fn revenue(&self, out: &mut Out) -> io::Result<()> {
        let mut listeners = [[0_u64; OFFERS.len()]; PLACES.len()];
        for listener in 0..self.audience.listeners {
            let (place, offer) = self.pool_of(listener);
            listeners[place][offer] += 1;
        }
        writeln!(out, "period,service,offer,territory,currency,net_revenue,subscribers")?;
        for ((territory, currency, _, level), counts) in PLACES.iter().zip(listeners) {
            for ((offer, _, price), count) in OFFERS.iter().zip(counts) {
                // Nobody there: no plays and no pool.
                if count == 0 {
                    continue;
                }
                let cents = count * price * level / 100;
                let (whole, cents) = (cents / 100, cents % 100);
                let period = self.period;
                write!(out, "{period},{SERVICE},{offer},{territory},{currency},")?;
                writeln!(out, "{whole}.{cents:02},{count}")?;
            }
        }
        Ok(())
    }

    fn usage(&self, out: &mut Out, progress: &mut dyn FnMut(Made)) -> io::Result<Made> {
        writeln!(out, "period,service,offer,territory,listener,recording,plays")?;
        let lead = |listener| {
            let (place, offer) = self.pool_of(listener);
            let (offer, territory) = (OFFERS[offer].0, PLACES[place].0);
            format!("{},{SERVICE},{offer},{territory},u{listener},", self.period)
        };
        CsvRows { audience: self.audience, lead, shuffled: false }.write(
            self.threads,
            out,
            progress,
        )
    }

    fn sold(&self, out: &mut Out) -> io::Result<()> {
        let period = self.period;
        writeln!(
            out,
            "period,source,recording,territory,channel,quantity,amount,currency,sale_date"
        )?;
        for sale in 0..self.sales {
            let mut random = Random::new(self.seed, Of::Sale, u64::from(sale));
            let recording = Catalogue::id(random.below_u32(self.cast.recordings));
            let (territory, currency, _, level) = place(&mut random);
            let (quantity, day) = (1 + random.below(3), 1 + random.below(28));
            let cents = quantity * level * 7 / 10;
            let (whole, cents) = (cents / 100, cents % 100);
            write!(out, "{period},{SHOP},{recording},{territory},download,{quantity},")?;
            writeln!(out, "{whole}.{cents:02},{currency},{period}-{day:02}")?;
        }
        Ok(())
    }
}

/// How one file is written.
type Writing<'a> = &'a mut dyn FnMut(&mut Out) -> io::Result<()>;

fn agreement(id: &str, period: Period, out: &mut Out) -> io::Result<()> {
    writeln!(out, "[agreement]\nid = \"{id}\"\nvalid_from = {period}-01")
}

fn place(random: &mut Random) -> (&'static str, &'static str, u64, u64) {
    PLACES[weighted(PLACES.iter().map(|place| place.2), random)]
}

/// One of some weights' places; they add up to 100.
fn weighted(weights: impl Iterator<Item = u64>, random: &mut Random) -> usize {
    let mut left = random.below(100);
    for (place, weight) in weights.enumerate() {
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => return place,
        }
    }
    0
}
