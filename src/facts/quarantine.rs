//! Rows that were not taken.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::{FactsError, Workspace};
use crate::ingest::{Original, copy_rows, is_parquet};
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
/// they are in it; returns how many. The file may be a folder of parts.
pub fn restore(
    rows: &[Quarantined],
    path: &Path,
    out: &mut dyn Write,
) -> Result<usize, FactsError> {
    let original = Original::read(path)?.ok_or_else(|| FactsError::Once(path.to_owned()))?;
    let content = original.content.to_string();
    let rows: Vec<&Quarantined> = rows.iter().filter(|row| row.sha256 == content).collect();
    if rows.is_empty() {
        return Err(FactsError::OtherFile(path.to_owned()));
    }
    let (mut header, mut copied) = (None, 0);
    for (file, part) in original.files {
        if rows.iter().any(|row| row.part.is_some() != part.is_some()) {
            return Err(FactsError::NoParts(path.to_owned()));
        }
        let of_part = rows.iter().filter(|row| row.part == part);
        let lines: BTreeSet<u64> = of_part.filter_map(|row| u64::try_from(row.line).ok()).collect();
        if lines.is_empty() {
            continue;
        }
        if is_parquet(&file)? {
            return Err(FactsError::NotText(file));
        }
        copied += copy_rows(&file, &lines, &mut header, out)?;
    }
    Ok(copied)
}
