//! A month's lines, read once for all who look at them.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use super::CloseError;
use super::manifest::Manifest;
use crate::agreements::Agreements;
use crate::columnar::{Batch, Cell, TableError, TableReader};
use crate::digest::{Canonical, Digest, Fields};
use crate::ledger::Sums;
use crate::settle::{LAYOUT, Line, LineRow, Pool, canonical};
use crate::statements::{Receipts, Sheets, Survey};

const WIDTH: usize = LAYOUT.len();

/// Somebody who looks at every line.
pub(super) trait Look: Send {
    /// Looks at the next line.
    fn look(&mut self, cells: &[Cell<'_>; WIDTH]) -> Result<(), CloseError>;
}

/// Shows every line of a file to all, in order. With two threads or more, each looks on a thread
/// of its own.
pub(super) fn read_lines(
    path: &Path,
    threads: usize,
    looks: &mut [&mut dyn Look],
) -> Result<(), CloseError> {
    let mut table = TableReader::open(path, LAYOUT, None)?;
    if threads < 2 {
        while let Some(batch) = table.read()? {
            looks.iter_mut().try_for_each(|look| look_at(&mut **look, &batch))?;
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        let (mut senders, mut at_work) = (Vec::new(), Vec::new());
        for look in looks {
            let (sender, batches) = mpsc::sync_channel::<Batch>(2);
            senders.push(sender);
            let work = move || batches.iter().try_for_each(|batch| look_at(&mut **look, &batch));
            at_work.push(scope.spawn(work));
        }
        let mut read = Ok(());
        'reading: loop {
            match table.read() {
                Ok(Some(batch)) => {
                    for sender in &senders {
                        // Who has gone has an error, which is told below.
                        if sender.send(batch.clone()).is_err() {
                            break 'reading;
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    read = Err(error);
                    break;
                }
            }
        }
        drop(senders);
        let gone = || TableError::new(path, "a reader of its lines ended by itself").into();
        for work in at_work {
            work.join().map_err(|_| gone()).and_then(|looked| looked)?;
        }
        Ok(read?)
    })
}

fn look_at(look: &mut dyn Look, batch: &Batch) -> Result<(), CloseError> {
    (0..batch.rows()).try_for_each(|row| look.look(&batch.row(row)))
}

/// The result hash: the month, the versions of the rules, the pools, and every line. It holds no
/// name of a file, no time and no number that another database or another order of files changes.
pub(super) struct ResultHash {
    record: Canonical,
    fields: Fields,
    rows: usize,
}

impl ResultHash {
    /// Rows that are hashed together.
    const ROWS: usize = 64;

    /// Begins with what comes before the lines.
    pub(super) fn new(manifest: &Manifest, pools: &[Pool]) -> Self {
        let mut record = Canonical::new("tantieme result 1")
            .int(i64::from(manifest.version))
            .text(&manifest.period.to_string());
        for pool in pools {
            record = record
                .text(&pool.origin.key())
                .text(pool.origin.currency.code())
                .int(pool.revenue.micros())
                .text(&pool.rate.to_string())
                .int(pool.amount.micros())
                .text(&pool.rule.canonical())
                .text(pool.agreement.id.as_str())
                .text(&pool.agreement.version)
                .text(&pool.agreement.term);
        }
        Self { record, fields: Fields::default(), rows: 0 }
    }

    fn flush(&mut self) {
        self.record.fields(&self.fields);
        self.fields.clear();
    }

    /// The hash.
    pub(super) fn digest(mut self) -> Digest {
        self.flush();
        self.record.digest()
    }
}

impl Look for ResultHash {
    fn look(&mut self, cells: &[Cell<'_>; WIDTH]) -> Result<(), CloseError> {
        canonical(cells, &mut self.fields);
        self.rows += 1;
        if self.rows.is_multiple_of(Self::ROWS) {
            self.flush();
        }
        Ok(())
    }
}

/// Adds lines up, and does with them what else is asked for.
pub(super) struct Books<'a> {
    path: PathBuf,
    pub(super) survey: Survey,
    pub(super) sums: Option<Sums>,
    pub(super) sheets: Option<Sheets>,
    pub(super) receipts: Option<(Receipts, &'a Agreements)>,
}

impl Books<'_> {
    /// Books that only add up the lines of the file of that path.
    pub(super) fn new(path: &Path) -> Self {
        let (path, survey) = (path.to_owned(), Survey::default());
        Self { path, survey, sums: None, sheets: None, receipts: None }
    }
}

impl Look for Books<'_> {
    fn look(&mut self, cells: &[Cell<'_>; WIDTH]) -> Result<(), CloseError> {
        let line = LineRow::from_cells(cells).ok_or_else(|| not_a_line(&self.path))?;
        self.survey.take(&line);
        if let Some(sums) = &mut self.sums {
            sums.take(&line).map_err(|error| TableError::new(&self.path, error))?;
        }
        if let Some(sheets) = &mut self.sheets {
            sheets.take(&line)?;
        }
        if let Some((receipts, agreements)) = &mut self.receipts {
            receipts.take(&line, agreements)?;
        }
        Ok(())
    }
}

fn not_a_line(path: &Path) -> TableError {
    TableError::new(path, "a row is not a line")
}

/// Lines, read one by one.
pub struct Lines {
    table: TableReader,
    batch: Option<Batch>,
    next: usize,
}

impl Lines {
    /// Opens a file of lines, all of it or `count` rows from row `first`.
    pub(super) fn open(path: &Path, range: Option<(usize, usize)>) -> Result<Self, TableError> {
        Ok(Self { table: TableReader::open(path, LAYOUT, range)?, batch: None, next: 0 })
    }

    /// The row of a line, found by the column of ids alone; `None` if it is not there.
    pub(super) fn find(path: &Path, id: [u8; 16]) -> Result<Option<usize>, TableError> {
        let mut table = TableReader::open_columns(path, LAYOUT, &["line"], None)?;
        let mut before = 0;
        while let Some(batch) = table.read()? {
            if let Some(at) = (0..batch.rows()).find(|at| batch.row(*at) == [Cell::Id(id)]) {
                return Ok(Some(before + at));
            }
            before += batch.rows();
        }
        Ok(None)
    }
}

impl Iterator for Lines {
    type Item = Result<Line, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.batch.take().filter(|batch| self.next < batch.rows());
        let batch = if let Some(batch) = left {
            batch
        } else {
            self.next = 0;
            match self.table.read() {
                Ok(batch) => batch?,
                Err(error) => return Some(Err(error)),
            }
        };
        let line = Line::from_cells(&batch.row(self.next));
        (self.batch, self.next) = (Some(batch), self.next + 1);
        Some(line.ok_or_else(|| not_a_line(self.table.path())))
    }
}
