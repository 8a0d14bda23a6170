//! Rows that were not taken.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::{FactsError, Workspace};
use crate::digest::Digest;
use crate::ingest::{IngestError, Source, copy_rows};
use crate::store::statements::facts::QUARANTINE_LIST;

/// A row in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Quarantined {
    /// What the file was imported as.
    pub kind: String,
    /// The batch, by default the file's name.
    pub batch: String,
    /// The part's name, where the batch is a folder.
    pub part: Option<String>,
    /// The line in the file.
    pub line: i64,
    /// The column; empty where the whole row is at fault.
    pub column: String,
    /// What is wrong, and what it should be.
    pub reason: String,
    /// The row, its listener hashed; absent where that cannot be done safely.
    pub row: Option<String>,
    /// The file's SHA-256.
    #[serde(skip)]
    pub sha256: String,
}

/// All rows in quarantine, by batch, part and line.
pub async fn quarantined(workspace: &Workspace) -> Result<Vec<Quarantined>, FactsError> {
    let mut tx = workspace.store.read().await?;
    let rows = tx.rows(QUARANTINE_LIST, &[]).await?;
    let row = |row: &crate::store::Row| {
        Ok(Quarantined {
            kind: row.text(0)?,
            batch: row.text(1)?,
            line: row.int(2)?,
            column: row.text(3)?,
            reason: row.text(4)?,
            row: row.opt_text(5)?,
            sha256: row.text(6)?,
            part: row.opt_text(7)?,
        })
    };
    rows.iter().map(row).collect()
}

/// Writes the header of the user's own file and those of its rows that stand in quarantine, as
/// they are in it; returns how many.
pub fn restore(
    rows: &[Quarantined],
    path: &Path,
    out: &mut dyn Write,
) -> Result<usize, FactsError> {
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    if crate::ingest::is_parquet(path)? {
        return Err(FactsError::NotText(path.to_owned()));
    }
    let mut whole = Source::open(path)?;
    std::io::copy(&mut whole, &mut std::io::sink()).map_err(read)?;
    let sha256: Digest = whole.digest();
    let of_file = rows.iter().filter(|row| row.sha256 == sha256.to_string());
    let lines: BTreeSet<u64> = of_file.filter_map(|row| u64::try_from(row.line).ok()).collect();
    if lines.is_empty() {
        return Err(FactsError::OtherFile(path.to_owned()));
    }
    Ok(copy_rows(path, &lines, out)?)
}
