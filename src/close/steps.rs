//! The steps between freezing and approving: each a pure function of files, into a file.

use std::path::{Path, PathBuf};

use super::arriving::Arriving;
use super::lines::{Books, ResultHash, read_lines};
use super::manifest::{Loaded, Manifest, check_file};
use super::pools::Pools;
use super::{CloseError, crash};
use crate::allocate::RecordingAmount;
use crate::catalog::{Catalogue, CatalogueBuilder};
use crate::columnar::{
    Batch, Batches, Cell, Key, Kind, Layout, Packing, Sorter, TableError, TableReader, TableWriter,
};
use crate::config::Means;
use crate::digest::Digest;
use crate::ident::RecordingId;
use crate::ledger::{Sum, Sums};
use crate::money::Micros;
use crate::period::Period;
use crate::settle::{Allocated, Line, Pool, order, settle_adjustment, settle_pool, settle_sales};
use crate::statements::{Drawn, Receipts, Sheets};

/// What a step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// Under the data folder.
    pub(super) path: String,
    pub(super) sha256: Digest,
}

impl Made {
    /// Proves that the file is what the step made.
    pub(super) fn check(&self, data: &Path) -> Result<PathBuf, CloseError> {
        check_file(data, &self.path, self.sha256)?;
        Ok(data.join(&self.path))
    }
}

/// What each pool gives each recording. A row without a recording is the pool as a whole, with
/// all its plays and listeners; a second one is what is set aside of it, a third what waits.
pub(super) const ALLOCATION: Layout = &[
    ("pool", Kind::Text),
    ("recording", Kind::Text),
    ("plays", Kind::Int),
    ("listeners", Kind::Int),
    ("amount", Kind::Amount),
];

fn int(count: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Allocates every pool.
pub(super) fn allocate_pools(
    data: &Path,
    manifest: &Manifest,
    loaded: &Loaded,
    folder: &Path,
    threads: usize,
) -> Result<Made, CloseError> {
    table(data, folder, "allocation", (ALLOCATION, Packing::Whole), |table| {
        let keys = (&loaded.keys, loaded.clearances.as_slice());
        let pools = Pools::new(data, manifest, keys, &loaded.facts.catalogue, threads);
        for pool in &loaded.pools {
            let opened = pools.open(pool, &[&pool.rule], false)?;
            let allocated = pools.allocate(pool, &pool.rule, &opened)?;
            write_allocated(table, &pool.origin.key(), pool, &allocated)?;
        }
        for month in &loaded.reopened {
            month.check_files(data)?;
            month.share(data, threads, |pool, both| {
                let keys = reopened_keys(pool);
                keys.iter()
                    .zip(&both)
                    .try_for_each(|(key, allocated)| write_allocated(table, key, pool, allocated))
            })?;
        }
        Ok(())
    })
}

/// What a pool of a published month is called where it is shared as before, and as now.
fn reopened_keys(pool: &Pool) -> [String; 2] {
    let (month, key) = (pool.origin.period, pool.origin.key());
    [format!("{month} {key} before"), format!("{month} {key} now")]
}

/// Writes what a pool gives; nothing if it has no plays.
fn write_allocated(
    table: &mut Table<'_>,
    key: &str,
    pool: &Pool,
    allocated: &Allocated,
) -> Result<(), CloseError> {
    if allocated.plays == 0 {
        return Ok(());
    }
    let key = Cell::Text(key);
    let (plays, listeners) = (int(allocated.plays), int(allocated.listeners));
    table.push(&[key, Cell::Absent, plays, listeners, Cell::Amount(pool.total())])?;
    for left in [allocated.set_aside, allocated.waits] {
        table.push(&[key, Cell::Absent, plays, listeners, Cell::Amount(left)])?;
    }
    for row in &allocated.recordings {
        let recording = Cell::Text(row.recording.as_str());
        let (plays, listeners) = (int(row.plays), int(row.listeners));
        table.push(&[key, recording, plays, listeners, Cell::Amount(row.amount)])?;
    }
    Ok(())
}

/// Settles the month into lines.
pub(super) fn settle_lines(
    data: &Path,
    loaded: &Loaded,
    allocation: &Made,
    folder: &Path,
    means: Means,
) -> Result<Made, CloseError> {
    let allocation = allocation.check(data)?;
    let waiting = data.join(folder);
    create(&waiting)?;
    let mut sorter = Sorter::new(&waiting, means.memory, means.threads);
    let (mut key, mut failed) = (Key::default(), None);
    let mut out = |line: Line| {
        if failed.is_none() {
            order(&line, &mut key);
            failed = line.with_cells(|cells| sorter.push(&key, cells)).err();
        }
    };
    let mut amounts = Amounts::open(&allocation)?;
    for pool in &loaded.pools {
        settle_pool(&loaded.facts, pool, &amounts.of(&pool.origin.key())?, &mut out)?;
    }
    for month in &loaded.reopened {
        let facts = month.facts(data)?;
        for pool in &month.pools {
            let [before, now] = reopened_keys(pool);
            let both = [amounts.of(&before)?, amounts.of(&now)?];
            settle_adjustment((&facts, loaded.facts.period), pool, &both, &mut out)?;
        }
    }
    amounts.end()?;
    settle_sales(&loaded.facts, &mut out)?;
    crash::point("settling");
    if let Some(error) = failed {
        return Err(error.into());
    }
    let layout = crate::settle::LAYOUT;
    table(data, folder, "lines", (layout, Packing::Whole), |table| {
        write_apart(means.threads, table, layout, |out| {
            let mut sorted = sorter.finish()?;
            while let Some(row) = sorted.read()? {
                let torn = || TableError::new(&waiting, "a line came back torn from its sort");
                let cells = row.cells::<{ crate::settle::LAYOUT.len() }>().ok_or_else(torn)?;
                out(&cells)?;
            }
            Ok(())
        })
    })
}

/// What a reading of the lines is for, beside the result hash, the month's totals and the faces
/// of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing more than the totals, in full.
    Totals,
    /// What is posted.
    Sums,
}

/// What one reading of the lines has found.
pub(super) struct Read {
    pub(super) drawn: Drawn,
    pub(super) result: Digest,
    pub(super) sums: Vec<Sum>,
}

/// Reads the lines once. Of the frozen facts it needs pools, agreements and parties' names only.
pub(super) fn read(
    data: &Path,
    manifest: &Manifest,
    lines: &Made,
    means: Means,
    wanted: Wanted,
) -> Result<Read, CloseError> {
    let path = lines.check(data)?;
    let planned = manifest.plan(data)?;
    let mut books = Books::new(&path);
    match wanted {
        Wanted::Sums => books.sums = Some(Sums::default()),
        Wanted::Totals => {
            let folder = path.parent().unwrap_or(data);
            let receipts = Receipts::new(folder, means.memory, means.threads);
            books.receipts = Some((receipts, &planned.agreements));
        }
    }
    let mut hash = ResultHash::new(manifest, &planned.pools);
    read_lines(&path, means.threads, &mut [&mut hash, &mut books])?;
    let mut names = CatalogueBuilder::default();
    manifest.each_fact(data, |party| names.party(party))?;
    finish(books, hash, manifest.period, &names.finish()).map(|(read, _)| read)
}

/// Draws the statements, from one reading of the lines; returns their file, and what they come
/// to.
pub(super) fn draw_statements(
    data: &Path,
    (manifest, loaded): (&Manifest, &Loaded),
    lines: &Made,
    folder: &Path,
    (means, wanted): (Means, Wanted),
) -> Result<(Made, Read), CloseError> {
    let path = lines.check(data)?;
    let waiting = data.join(folder);
    let mut books = Books::new(&path);
    // What a sheet holds is far more than a receipt.
    let (most, least) = (means.memory / 8 * 7, means.memory / 8);
    books.sheets = Some(Sheets::new(&waiting, most, means.threads));
    let receipts = Receipts::new(&waiting, least, means.threads);
    books.receipts = Some((receipts, &loaded.facts.agreements));
    books.sums = (wanted == Wanted::Sums).then(Sums::default);
    let mut hash = ResultHash::new(manifest, &loaded.pools);
    read_lines(&path, means.threads, &mut [&mut hash, &mut books])?;
    crash::point("drawing");
    let (read, sheets) = finish(books, hash, manifest.period, &loaded.facts.catalogue)?;
    let layout = crate::statements::LAYOUT;
    let made = table(data, folder, "statements", (layout, Packing::Few), |table| {
        let Some(sheets) = sheets else { return Ok(()) };
        let facts = &loaded.facts;
        write_apart(means.threads, table, layout, |out| {
            sheets.write(facts.period, &facts.catalogue, out)
        })
    })?;
    Ok((made, read))
}

fn finish(
    books: Books<'_>,
    hash: ResultHash,
    period: Period,
    catalogue: &Catalogue,
) -> Result<(Read, Option<Sheets>), CloseError> {
    let mut drawn = books.survey.finish(period, catalogue)?;
    if let Some((receipts, _)) = books.receipts {
        for (currency, count) in receipts.count()? {
            drawn.totals.entry(currency).or_default().without_term = count;
        }
    }
    let sums = books.sums.map_or_else(Vec::new, Sums::finish);
    Ok((Read { drawn, result: hash.digest(), sums }, books.sheets))
}

/// A pool as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whole {
    pub(super) plays: u64,
    pub(super) listeners: u64,
    pub(super) set_aside: Micros,
    pub(super) waits: Micros,
}

/// Reads an allocation pool by pool.
pub(super) struct Amounts {
    table: TableReader,
    batch: Option<Batch>,
    next: usize,
}

impl Amounts {
    pub(super) fn open(path: &Path) -> Result<Self, CloseError> {
        Ok(Self { table: TableReader::open(path, ALLOCATION, None)?, batch: None, next: 0 })
    }

    /// What the pool of that key gives, if it is next.
    fn of(&mut self, key: &str) -> Result<Allocated, CloseError> {
        let mut recordings = Vec::new();
        let Whole { plays, listeners, set_aside, waits } =
            self.each(key, |recording, plays, listeners, amount| {
                let recording = RecordingId::parse(recording).ok()?;
                recordings.push(RecordingAmount { recording, plays, listeners, amount });
                Some(())
            })?;
        Ok(Allocated { recordings, plays, listeners, set_aside, waits })
    }

    /// Shows the amounts of the pool of that key, if they are next; the pool as a whole is none.
    pub(super) fn each(
        &mut self,
        key: &str,
        mut look: impl FnMut(&str, u64, u64, Micros) -> Option<()>,
    ) -> Result<Whole, CloseError> {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let (mut whole, mut wholes) = (Whole::default(), 0);
        while self.fill()? {
            let Some(batch) = &self.batch else { break };
            let damaged = || TableError::new(self.table.path(), "a row is not an allocation");
            let [pool, recording, plays, listeners, amount] = batch.row(self.next);
            if pool.text().ok_or_else(damaged)? != key {
                break;
            }
            let (Some(plays), Some(listeners), Some(amount)) =
                (plays.int(), listeners.int(), amount.amount())
            else {
                return Err(damaged().into());
            };
            let (plays, listeners) = (count(plays), count(listeners));
            if let Cell::Text(recording) = recording {
                look(recording, plays, listeners, amount).ok_or_else(damaged)?;
            } else {
                match wholes {
                    0 => whole = Whole { plays, listeners, ..Whole::default() },
                    1 => whole.set_aside = amount,
                    _ => whole.waits = amount,
                }
                wholes += 1;
            }
            self.next += 1;
        }
        Ok(whole)
    }

    /// True if there is a row; reads on where it must.
    fn fill(&mut self) -> Result<bool, TableError> {
        while self.batch.as_ref().is_none_or(|batch| self.next >= batch.rows()) {
            let Some(batch) = self.table.read()? else { return Ok(false) };
            (self.batch, self.next) = (Some(batch), 0);
        }
        Ok(true)
    }

    /// Proves that nothing is left.
    fn end(mut self) -> Result<(), CloseError> {
        let left = self.fill()?;
        let other = || TableError::new(self.table.path(), "it allocates what is no pool").into();
        (!left).then_some(()).ok_or_else(other)
    }
}

type Table<'a> = TableWriter<&'a mut (dyn std::io::Write + Send)>;

/// Fills a table with rows that `make` gives. With two threads or more they are made on another
/// thread than the one that packs them; the file is the same.
fn write_apart(
    threads: usize,
    table: &mut Table<'_>,
    layout: Layout,
    make: impl FnOnce(&mut dyn FnMut(&[Cell<'_>]) -> Result<(), TableError>) -> Result<(), TableError>
    + Send,
) -> Result<(), CloseError> {
    if threads < 2 {
        return Ok(make(&mut |row| table.push(row))?);
    }
    let path = table.path().to_owned();
    std::thread::scope(|scope| {
        let (sender, made) = std::sync::mpsc::sync_channel(4);
        let work = scope.spawn(move || {
            let mut batches = Batches::new(&path, layout);
            let gone = |_| TableError::new(&path, "it is not written any more");
            make(&mut |row| match batches.push(row)? {
                Some(batch) => sender.send(batch).map_err(gone),
                None => Ok(()),
            })?;
            sender.send(batches.rest()?).map_err(gone)
        });
        let written = made.iter().try_for_each(|batch| table.write(&batch));
        drop(made);
        let ended = || TableError::new(table.path(), "who made its rows ended by itself");
        written?;
        Ok(work.join().map_err(|_| ended())??)
    })
}

fn create(folder: &Path) -> Result<(), CloseError> {
    let path = folder.to_owned();
    std::fs::create_dir_all(folder).map_err(|source| CloseError::Io { path, source })
}

/// Writes a table and names its file by its content.
fn table(
    data: &Path,
    folder: &Path,
    name: &str,
    (layout, packing): (Layout, Packing),
    fill: impl FnOnce(&mut Table<'_>) -> Result<(), CloseError>,
) -> Result<Made, CloseError> {
    let mut arriving = Arriving::new(&data.join(folder))?;
    let out: &mut (dyn std::io::Write + Send) = &mut arriving;
    let mut table = TableWriter::packed(out, &folder.join(name), layout, packing)?;
    fill(&mut table)?;
    table.finish()?;
    let place = folder.join(format!("{name}-{}.parquet", arriving.digest().short()));
    let sha256 = arriving.keep(&data.join(&place))?;
    Ok(Made { path: place.to_string_lossy().into_owned(), sha256 })
}
