//! The steps between freezing and approving: each a pure function of files, into a file.

use std::path::{Path, PathBuf};

use super::CloseError;
use super::manifest::{Loaded, Manifest, check_file, put};
use crate::allocate::{AllocateError, RecordingAmount, allocate};
use crate::columnar::{Cell, Kind, Layout, TableError, TableReader, TableWriter};
use crate::digest::{Canonical, Digest};
use crate::ident::RecordingId;
use crate::settle::{Line, Pool, settle, sort};
use crate::statements::{Drawn, Entry, LAYOUT as ENTRY_LAYOUT, draw};
use crate::usage::SealedScan;

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
/// all its plays and listeners.
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
    table(data, folder, "allocation", ALLOCATION, |table| {
        for pool in &loaded.pools {
            let key = pool.origin.key();
            let mut scan = SealedScan::new(manifest.usage_of(data, pool, loaded), threads);
            let allocation = match allocate(pool.model, pool.amount, &mut scan) {
                Ok(allocation) => allocation,
                // Settlement sends a pool without recordings to `undistributed`.
                Err(AllocateError::NoPlays) => continue,
                Err(AllocateError::Usage(error)) => return Err(error.into()),
                Err(error) => {
                    return Err(CloseError::Allocate { pool: key, reason: error.to_string() });
                }
            };
            let plays = [int(allocation.plays), int(allocation.listeners)];
            let amount = Cell::Amount(pool.amount);
            table.push(&[Cell::Text(&key), Cell::Absent, plays[0], plays[1], amount])?;
            for recording in &allocation.recordings {
                table.push(&[
                    Cell::Text(&key),
                    Cell::Text(recording.recording.as_str()),
                    int(recording.plays),
                    int(recording.listeners),
                    Cell::Amount(recording.amount),
                ])?;
            }
        }
        Ok(())
    })
}

/// Settles the month into lines.
pub(super) fn settle_lines(
    data: &Path,
    loaded: &Loaded,
    allocation: &Made,
    folder: &Path,
) -> Result<Made, CloseError> {
    let amounts = read_allocation(&allocation.check(data)?, &loaded.pools)?;
    let pools: Vec<(Pool, Vec<RecordingAmount>)> =
        loaded.pools.iter().cloned().zip(amounts).collect();
    let mut lines = Vec::new();
    settle(&loaded.facts, &pools, &mut |line| lines.push(line))?;
    sort(&mut lines);
    table(data, folder, "lines", crate::settle::LAYOUT, |table| {
        lines
            .iter()
            .try_for_each(|line| line.with_cells(|cells| table.push(cells)).map_err(Into::into))
    })
}

/// Draws the statements; returns their file, and what they come to.
pub(super) fn draw_statements(
    data: &Path,
    loaded: &Loaded,
    lines: &Made,
    folder: &Path,
) -> Result<(Made, Drawn), CloseError> {
    let drawn = drawn(data, loaded, lines)?;
    let made = table(data, folder, "statements", ENTRY_LAYOUT, |table| {
        drawn
            .entries
            .iter()
            .try_for_each(|entry: &Entry| table.push(&entry.cells()).map_err(Into::into))
    })?;
    Ok((made, drawn))
}

/// The statements that lines make, without writing them.
pub(super) fn drawn(data: &Path, loaded: &Loaded, lines: &Made) -> Result<Drawn, CloseError> {
    let lines: Vec<Line> = Lines::open(&lines.check(data)?)?.collect::<Result<_, _>>()?;
    let facts = &loaded.facts;
    Ok(draw(facts.period, &facts.catalogue, &facts.agreements, &lines)?)
}

/// The result hash: the month, the versions of the rules, the pools, and every line. It holds no
/// name of a file, no time and no number that another database or another order of files changes.
pub(super) fn result_hash(
    manifest: &Manifest,
    loaded: &Loaded,
    lines: &Path,
) -> Result<Digest, CloseError> {
    let mut record = Canonical::new("tantieme result 1")
        .int(i64::from(manifest.version))
        .text(&manifest.period.to_string());
    for pool in &loaded.pools {
        record = record
            .text(&pool.origin.key())
            .text(pool.origin.currency.code())
            .int(pool.revenue.micros())
            .text(&pool.rate.to_string())
            .int(pool.amount.micros())
            .text(pool.model.as_str())
            .text(pool.agreement.id.as_str())
            .text(&pool.agreement.version)
            .text(&pool.agreement.term);
    }
    for line in Lines::open(lines)? {
        record = line?.canonical(record);
    }
    Ok(record.digest())
}

/// Reads each pool's allocation, in the order of the pools.
pub(super) fn read_allocation(
    path: &Path,
    pools: &[Pool],
) -> Result<Vec<Vec<RecordingAmount>>, CloseError> {
    let mut amounts = vec![Vec::new(); pools.len()];
    let keys: std::collections::HashMap<String, usize> =
        pools.iter().enumerate().map(|(at, pool)| (pool.origin.key(), at)).collect();
    let mut table = TableReader::open(path, ALLOCATION, None)?;
    while let Some(cells) = table.read_row()? {
        let [
            Cell::Text(key),
            recording,
            Cell::Int(plays),
            Cell::Int(listeners),
            Cell::Amount(amount),
        ] = cells.as_slice()
        else {
            return Err(not_an_allocation(path));
        };
        let pool = keys.get(*key).copied().ok_or_else(|| not_an_allocation(path))?;
        let Cell::Text(recording) = recording else { continue };
        amounts[pool].push(RecordingAmount {
            recording: RecordingId::parse(recording).map_err(|_| not_an_allocation(path))?,
            plays: u64::try_from(*plays).unwrap_or_default(),
            listeners: u64::try_from(*listeners).unwrap_or_default(),
            amount: *amount,
        });
    }
    Ok(amounts)
}

fn not_an_allocation(path: &Path) -> CloseError {
    TableError { path: path.to_owned(), reason: "a row is not an allocation".to_owned() }.into()
}

/// Lines, read one by one.
pub(super) struct Lines {
    path: PathBuf,
    table: TableReader,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, TableError> {
        let table = TableReader::open(path, crate::settle::LAYOUT, None)?;
        Ok(Self { path: path.to_owned(), table })
    }
}

impl Iterator for Lines {
    type Item = Result<Line, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.table.read_row() {
            Err(error) => Some(Err(error)),
            Ok(None) => None,
            Ok(Some(cells)) => Some(Line::from_cells(&cells).ok_or_else(|| TableError {
                path: self.path.clone(),
                reason: "a row is not a line".to_owned(),
            })),
        }
    }
}

type Table<'a> = TableWriter<&'a mut (dyn std::io::Write + Send)>;

/// Writes a table and names its file by its content.
fn table(
    data: &Path,
    folder: &Path,
    name: &str,
    layout: Layout,
    fill: impl FnOnce(&mut Table<'_>) -> Result<(), CloseError>,
) -> Result<Made, CloseError> {
    let arriving = folder.join(format!("{name}.arriving"));
    let mut failed = None;
    let sha256 = put(&data.join(&arriving), |out| {
        let out: &mut (dyn std::io::Write + Send) = out;
        let filled = TableWriter::new(out, &arriving, layout).map_err(CloseError::from).and_then(
            |mut table| {
                fill(&mut table)?;
                table.finish()?;
                Ok(())
            },
        );
        filled.map_err(|error| {
            failed = Some(error);
            std::io::Error::other("the table was not written")
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let sha256 = sha256?;
    let place = folder.join(format!("{name}-{}.parquet", sha256.short()));
    let (from, to) = (data.join(&arriving), data.join(&place));
    std::fs::rename(from, &to).map_err(|source| CloseError::Io { path: to, source })?;
    Ok(Made { path: place.to_string_lossy().into_owned(), sha256 })
}
