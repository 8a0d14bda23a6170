//! Statements as CSV and JSON, line by line.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc;

use super::entry::WIDTH;
use super::{Entries, Entry};
use crate::columnar::{Batch, Cell, TableError};
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

/// Rows from which on reading and writing overlap.
const OVERLAP_ROWS: usize = 1 << 14;

/// Writes the header of lines as CSV.
pub fn write_csv_header(mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))
}

/// Writes lines as CSV, with a header.
pub fn write_csv(entries: Entries, mut out: impl Write) -> io::Result<()> {
    write_csv_header(&mut out)?;
    write_csv_rows(entries, out)
}

/// Writes lines as CSV, without a header: what comes after an earlier part.
pub fn write_csv_rows(mut entries: Entries, mut out: impl Write) -> io::Result<()> {
    if entries.rows.is_some_and(|rows| rows < OVERLAP_ROWS) {
        return write_csv_next(&mut entries, usize::MAX, &mut out);
    }
    // Unpacking costs about as much as writing, so another thread does it.
    std::thread::scope(|scope| {
        let (sender, parts) = mpsc::sync_channel(4);
        scope.spawn(move || {
            while let Some(rows) = entries.next_rows(usize::MAX).transpose() {
                // A receiver that has left wants no more.
                if sender.send(rows).is_err() {
                    return;
                }
            }
        });
        let mut text = Vec::new();
        for part in parts {
            let (batch, rows) = part.map_err(io::Error::other)?;
            write_part(&mut text, &batch, rows, &mut out)?;
        }
        out.flush()
    })
}

/// Writes at most the next `count` lines as CSV, without a header; those after them are still
/// there to be read.
pub fn write_csv_next(
    entries: &mut Entries,
    mut count: usize,
    mut out: impl Write,
) -> io::Result<()> {
    let mut text = Vec::new();
    while count > 0 {
        let Some((batch, rows)) = entries.next_rows(count).map_err(io::Error::other)? else {
            break;
        };
        count -= rows.len();
        write_part(&mut text, &batch, rows, &mut out)?;
    }
    out.flush()
}

/// Adds those of the next lines as CSV that `keep` keeps, shown the cells of [`super::LAYOUT`]; looks at
/// `count` at most and returns at how many it has looked.
pub fn write_csv_where(
    entries: &mut Entries,
    count: usize,
    keep: impl Fn(&[Cell<'_>; WIDTH]) -> bool,
    out: &mut Vec<u8>,
) -> Result<usize, TableError> {
    let mut looked = 0;
    while looked < count
        && let Some((batch, rows)) = entries.next_rows(count - looked)?
    {
        looked += rows.len();
        for row in rows {
            let cells = batch.row::<WIDTH>(row);
            if keep(&cells) {
                write_row(out, cells.into_iter().take(COLUMNS.len()));
            }
        }
    }
    Ok(looked)
}

fn write_part(
    text: &mut Vec<u8>,
    batch: &Batch,
    rows: Range<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    text.clear();
    for row in rows {
        write_row(text, batch.row::<{ COLUMNS.len() }>(row).into_iter());
    }
    out.write_all(text)
}

fn write_row<'a>(text: &mut Vec<u8>, cells: impl Iterator<Item = Cell<'a>>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(b',');
        }
        write_cell(text, cell);
    }
    text.push(b'\n');
}

fn write_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Absent => {}
        Cell::Text(text) => write_text(out, text),
        Cell::Int(number) => write_int(out, number < 0, number.unsigned_abs(), 1),
        Cell::Amount(amount) => {
            let micros = amount.micros();
            let (all, unit) = (micros.unsigned_abs(), Micros::PER_UNIT.unsigned_abs());
            write_int(out, micros < 0, all / unit, 1);
            out.push(b'.');
            write_int(out, false, all % unit, 6);
        }
        Cell::Id(id) => {
            let mut digits = [0; 32];
            // Thirty-two digits are what sixteen bytes have.
            if const_hex::encode_to_slice(id, &mut digits).is_ok() {
                out.extend_from_slice(&digits);
            }
        }
    }
}

/// Quotes a text only where a reader needs it.
fn write_text(out: &mut Vec<u8>, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A number with at least so many digits.
fn write_int(out: &mut Vec<u8>, negative: bool, mut number: u64, digits_min: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at.min(digits.len() - digits_min)..]);
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
