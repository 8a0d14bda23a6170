//! Files whose rows are facts of their own.

use std::collections::HashMap;

use super::FactsError;
use super::import::{Import, Outcome, Read, Report};
use crate::agreements::Agreement;
use crate::catalog::Fact;
use crate::columnar::{Cell, Key, Sorted, Sorter, TableError};
use crate::ingest::Source;
use crate::store::statements::facts::{AGREEMENT, FactTable};
use crate::store::{Tx, Value};

/// An agreement is written by people; no contract is longer than this.
const AGREEMENT_BYTES_MAX: u64 = 512 * 1024;

/// Bytes of a fact. Frozen facts are read back as rows of a file, which have at most 1 MiB; only a
/// list of artists or releases could come near.
const FACT_BYTES_MAX: usize = 1 << 19;

/// A row on its way into its table.
struct Arriving {
    line: i64,
    key: String,
    cells: Vec<Value>,
    /// True if a later row of the same file has the same key.
    superseded: bool,
}

pub(super) async fn import<F: Fact>(mut import: Import<'_>) -> Result<Report, FactsError> {
    let folder = import.workspace.data().join("facts");
    let waiting = |source| FactsError::Write { path: folder.clone(), source };
    std::fs::create_dir_all(&folder).map_err(waiting)?;
    let lost = |error: TableError| waiting(std::io::Error::other(error));
    let means = import.workspace.means;
    let mut sorter = Sorter::new(&folder, means.memory / 2, means.threads);
    let (mut key, mut failed) = (Key::default(), None);
    // Of facts that may not change unasked, what each key said first in the file, and where.
    let mut said: HashMap<String, (u64, Vec<Option<String>>)> = HashMap::new();
    let Read { mut report, content, bad } = import.read(F::COLUMNS, |row| {
        let kept = |column: usize, text: &str| match text {
            "" => String::new(),
            _ if F::WITHHELD.contains(&column) => "(withheld)".to_owned(),
            _ => text.to_owned(),
        };
        let refuse = |fault| (fault, row.to_csv(kept));
        let fact = F::read(row).map_err(refuse)?;
        let (id, cells) = (fact.key(), fact.cells());
        let line = row.line();
        if cells.iter().flatten().map(String::len).sum::<usize>() > FACT_BYTES_MAX {
            return Err(refuse(row.fault_as_a_whole("the row is longer than 512 KiB")));
        }
        if F::REPLACE_ONLY_IF_ASKED {
            let (first, earlier) = said.entry(id.clone()).or_insert_with(|| (line, cells.clone()));
            if *earlier != cells {
                let reason = format!("line {first} says something else of {id}");
                return Err(refuse(row.fault(0, reason)));
            }
            *first = line;
        }
        key.clear().text(&id).bytes(&line.to_be_bytes());
        if failed.is_none() {
            let line = Cell::Int(i64::try_from(line).unwrap_or(i64::MAX));
            let texts = cells.iter().map(|cell| cell.as_deref().map_or(Cell::Absent, Cell::Text));
            let cells: Vec<Cell<'_>> = [line].into_iter().chain(texts).collect();
            failed = sorter.push(&key, &cells).err();
        }
        Ok(())
    })?;
    if let Some(error) = failed {
        return Err(lost(error));
    }
    if report.outcome == Outcome::Refused {
        return Ok(report);
    }
    let mut tx = import.workspace.store.write().await?;
    if let Some(known) = import.known(&mut tx, content, &report).await? {
        return Ok(known);
    }
    let id = import.enter(&mut tx, content, &report, bad, 0).await?;
    let needs_replace = F::REPLACE_ONLY_IF_ASKED && !import.options.replace;
    let mut sorted = Latest::new(sorter.finish().map_err(lost)?, F::COLUMNS.len());
    let (unchanged, superseded) =
        arrive(&mut tx, F::TABLE, id, &mut sorted, needs_replace, &import).await?;
    if let Some(error) = sorted.failed {
        return Err(lost(error));
    }
    report.unchanged = unchanged;
    report.superseded = superseded;
    if !import.options.dry_run {
        tx.commit().await?;
    }
    Ok(report)
}

/// Rows by key and line; all but the last of a key are superseded.
struct Latest {
    sorted: Sorted,
    columns: usize,
    held: Option<Arriving>,
    failed: Option<TableError>,
}

impl Latest {
    fn new(sorted: Sorted, columns: usize) -> Self {
        let mut latest = Self { sorted, columns, held: None, failed: None };
        latest.held = latest.read();
        latest
    }

    fn read(&mut self) -> Option<Arriving> {
        let row = match self.sorted.read() {
            Ok(row) => row?,
            Err(error) => {
                self.failed = Some(error);
                return None;
            }
        };
        let [key] = row.texts()?;
        let mut cells = row.each_cell();
        let line = cells.next().and_then(Cell::int).unwrap_or_default();
        let cells =
            cells.take(self.columns).map(|cell| Value::from(cell.text().map(str::to_owned)));
        Some(Arriving { line, key: key.to_owned(), cells: cells.collect(), superseded: false })
    }
}

impl Iterator for Latest {
    type Item = Arriving;

    fn next(&mut self) -> Option<Arriving> {
        let next = self.read();
        let mut row = std::mem::replace(&mut self.held, next)?;
        row.superseded = self.held.as_ref().is_some_and(|next| next.key == row.key);
        Some(row)
    }
}

pub(super) async fn import_agreement(import: Import<'_>) -> Result<Report, FactsError> {
    let source = Source::open(import.path)?;
    let name = source.name();
    let (text, digest) = source.read_text(AGREEMENT_BYTES_MAX)?;
    let agreement = Agreement::parse(&text)
        .map_err(|source| FactsError::Agreement { path: import.path.to_owned(), source })?;
    let mut report = import.report(&name, 1);
    report.notes.push(format!("agreement {} version {}", agreement.id, agreement.version));
    let mut tx = import.workspace.store.write().await?;
    if let Some(known) = import.known(&mut tx, digest, &report).await? {
        return Ok(known);
    }
    let id = import.enter(&mut tx, digest, &report, Vec::new(), 0).await?;
    let cells = vec![agreement.id.as_str().into(), text.into()];
    let arriving = Arriving { line: 1, key: agreement.id.to_string(), cells, superseded: false };
    let arriving = std::iter::once(arriving);
    let (unchanged, superseded) = arrive(&mut tx, &AGREEMENT, id, arriving, false, &import).await?;
    report.unchanged = unchanged;
    report.superseded = superseded;
    if !import.options.dry_run {
        tx.commit().await?;
    }
    Ok(report)
}

/// Puts facts into their table; returns how many were known already and how many superseded
/// others.
async fn arrive(
    tx: &mut Tx,
    table: &'static FactTable,
    id: i64,
    arriving: impl Iterator<Item = Arriving>,
    needs_replace: bool,
    import: &Import<'_>,
) -> Result<(u64, u64), FactsError> {
    let mut within = 0;
    // Where nothing is current there is nothing to compare with: rows are current at once.
    let first = tx.row(table.any, &[]).await?.is_none();
    let standing = if first { Value::Int(None) } else { (-1).into() };
    let rows = arriving.map(|fact| {
        within += u64::from(fact.superseded);
        let superseded_by = if fact.superseded { id.into() } else { standing.clone() };
        let place: [Value; 4] = [id.into(), fact.line.into(), fact.key.into(), superseded_by];
        place.into_iter().chain(fact.cells).collect()
    });
    tx.add(table.table, rows).await?;
    if first {
        return Ok((0, within));
    }
    let unchanged = tx.run(table.drop_unchanged, &[]).await?;
    if needs_replace && let Some(row) = tx.row(table.conflicts, &[]).await? {
        return Err(FactsError::NeedsReplace {
            file: import.path.display().to_string(),
            line: u64::try_from(row.int(0)?).unwrap_or_default(),
            kind: import.kind.as_str(),
            key: row.text(1)?,
        });
    }
    let superseded = tx.run(table.supersede, &[id.into()]).await?;
    tx.run(table.arrive, &[]).await?;
    Ok((unchanged, superseded + within))
}
