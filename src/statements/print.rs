//! Statements as CSV and JSON, line by line.

use std::io::{self, Write};

use super::Entry;
use crate::columnar::TableError;
use crate::money::{Currency, Micros};

/// The columns of every export of lines, in this order.
pub const COLUMNS: [&str; 21] = [
    "statement",
    "period",
    "payee",
    "payer",
    "kind",
    "recording",
    "title",
    "artist",
    "service",
    "offer",
    "territory",
    "right",
    "plays",
    "base_amount",
    "rate",
    "amount",
    "currency",
    "agreement",
    "line",
    "payee_name",
    "payer_name",
];

/// A statement's face as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Printed {
    /// PERIOD/PAYEE/CURRENCY.
    pub statement: String,
    /// The month.
    pub period: String,
    /// Whose it is.
    pub payee: String,
    /// What they are called.
    pub payee_name: String,
    /// In what.
    pub currency: Currency,
    /// What was owed before.
    pub opening: Micros,
    /// What the lines add up to.
    pub total: Micros,
    /// How many lines.
    pub line_count: i64,
    /// Where they begin in the statements file.
    #[serde(skip)]
    pub first_row: i64,
}

/// Writes lines as CSV, with a header.
pub fn write_csv(
    entries: impl Iterator<Item = Result<Entry, TableError>>,
    out: impl Write,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    for entry in entries {
        let entry = entry.map_err(io::Error::other)?;
        writer.write_record([
            &entry.statement,
            &entry.period,
            &entry.payee,
            &entry.payer,
            &entry.kind,
            &entry.recording,
            &entry.title,
            &entry.artist,
            &entry.service,
            &entry.offer,
            &entry.territory,
            &entry.right,
            &entry.plays.to_string(),
            &entry.base.to_string(),
            &entry.rate,
            &entry.amount.to_string(),
            entry.currency.code(),
            &entry.agreement,
            &entry.line.to_string(),
            &entry.payee_name,
            &entry.payer_name,
        ])?;
    }
    writer.flush()
}

/// Writes statements with their lines as one JSON array; the lines must come statement by
/// statement in the order of the faces.
pub fn write_json(
    faces: &[Printed],
    entries: impl Iterator<Item = Result<Entry, TableError>>,
    mut out: impl Write,
) -> io::Result<()> {
    let mut entries = entries;
    write!(out, "[")?;
    for (index, face) in faces.iter().enumerate() {
        write!(out, "{}", if index == 0 { "\n" } else { ",\n" })?;
        let text = serde_json::to_string(face)?;
        // The face's object stays open for its lines.
        write!(out, "{},\"lines\":[", text.trim_end_matches('}'))?;
        for row in 0..face.line_count {
            let Some(entry) = entries.next() else {
                return Err(io::Error::other("the statements file is shorter than its statements"));
            };
            write!(out, "{}", if row == 0 { "\n  " } else { ",\n  " })?;
            serde_json::to_writer(&mut out, &json(&entry.map_err(io::Error::other)?))?;
        }
        write!(out, "]}}")?;
    }
    writeln!(out, "\n]")?;
    out.flush()
}

fn json(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "statement": entry.statement,
        "period": entry.period,
        "payee": entry.payee,
        "payer": entry.payer,
        "kind": entry.kind,
        "recording": entry.recording,
        "title": entry.title,
        "artist": entry.artist,
        "service": entry.service,
        "offer": entry.offer,
        "territory": entry.territory,
        "right": entry.right,
        "plays": entry.plays,
        "base_amount": entry.base,
        "rate": entry.rate,
        "amount": entry.amount,
        "currency": entry.currency,
        "agreement": entry.agreement,
        "line": entry.line.to_string(),
        "payee_name": entry.payee_name,
        "payer_name": entry.payer_name,
    })
}
