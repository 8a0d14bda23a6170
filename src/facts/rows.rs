//! Files whose rows are facts of their own.

use std::collections::HashMap;

use super::FactsError;
use super::import::{Import, Outcome, Read, Report};
use crate::agreements::Agreement;
use crate::catalog::Fact;
use crate::ingest::Source;
use crate::store::statements::facts::{AGREEMENT, FactTable};
use crate::store::{Tx, Value};

/// An agreement is written by people; no contract is longer than this.
const AGREEMENT_BYTES_MAX: u64 = 512 * 1024;

/// A row on its way into its table.
struct Arriving {
    line: u64,
    key: String,
    cells: Vec<Option<String>>,
    /// True if a later row of the same file has the same key.
    superseded: bool,
}

pub(super) async fn import<F: Fact>(mut import: Import<'_>) -> Result<Report, FactsError> {
    let mut arriving: Vec<Arriving> = Vec::new();
    let mut latest: HashMap<String, usize> = HashMap::new();
    let Read { mut report, content, bad } = import.read(F::COLUMNS, |row| {
        let refuse = |fault| (fault, row.to_csv(|_, text| text.to_owned()));
        let fact = F::read(row).map_err(refuse)?;
        let (key, cells) = (fact.key(), fact.cells());
        if let Some(earlier) = latest.get(&key).map(|at| &mut arriving[*at]) {
            if F::REPLACE_ONLY_IF_ASKED && earlier.cells != cells {
                let reason = format!("line {} says something else of {key}", earlier.line);
                return Err(refuse(row.fault(0, reason)));
            }
            earlier.superseded = true;
        }
        latest.insert(key.clone(), arriving.len());
        arriving.push(Arriving { line: row.line(), key, cells, superseded: false });
        Ok(())
    })?;
    if report.outcome == Outcome::Refused {
        return Ok(report);
    }
    let mut tx = import.workspace.store.write().await?;
    if let Some(known) = import.known(&mut tx, content, &report).await? {
        return Ok(known);
    }
    let id = import.enter(&mut tx, content, &report, bad, 0).await?;
    let needs_replace = F::REPLACE_ONLY_IF_ASKED && !import.options.replace;
    let (unchanged, superseded) =
        arrive(&mut tx, F::TABLE, id, arriving, needs_replace, &import).await?;
    report.unchanged = unchanged;
    report.superseded = superseded;
    if !import.options.dry_run {
        tx.commit().await?;
    }
    Ok(report)
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
    let cells = vec![Some(agreement.id.to_string()), Some(text)];
    let arriving =
        vec![Arriving { line: 1, key: agreement.id.to_string(), cells, superseded: false }];
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
    arriving: Vec<Arriving>,
    needs_replace: bool,
    import: &Import<'_>,
) -> Result<(u64, u64), FactsError> {
    let within = arriving.iter().filter(|fact| fact.superseded).count() as u64;
    let rows = arriving.into_iter().map(|fact| {
        let line = i64::try_from(fact.line).unwrap_or(i64::MAX);
        let superseded_by = if fact.superseded { id } else { -1 };
        let place: [Value; 4] = [id.into(), line.into(), fact.key.into(), superseded_by.into()];
        place.into_iter().chain(fact.cells.into_iter().map(Value::from)).collect()
    });
    tx.add(table.table, rows).await?;
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
