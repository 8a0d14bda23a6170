//! Rows by declared columns: the header is checked once, each row by its form.

use std::io::Read;
use std::path::Path;

use super::csv::{CsvReader, Record};
use super::parquet::ParquetReader;
use super::{Fault, IngestError, Source};
use crate::digest::Digest;

/// A column that a kind of file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// True if a file without it is refused.
    pub required: bool,
}

impl Column {
    /// A column that must be there.
    pub const fn required(name: &'static str) -> Self {
        Self { name, required: true }
    }

    /// A column that may be there.
    pub const fn optional(name: &'static str) -> Self {
        Self { name, required: false }
    }
}

/// What is done about columns that nobody declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherColumns {
    /// They are an error that lists the known ones.
    Refused,
    /// They are passed over.
    Ignored,
}

/// Columns whose one value came with the command instead of the file.
pub type Given = Vec<(&'static str, String)>;

enum Reader {
    Csv(Box<CsvReader>),
    Parquet(Box<ParquetReader>, Digest),
}

/// Where a declared column's text is found.
enum Place {
    Field(usize),
    Given(String),
    Absent,
}

/// An open file whose header has been matched with the declared columns.
pub struct Rows {
    reader: Reader,
    name: String,
    columns: &'static [Column],
    places: Vec<Place>,
    fields: usize,
}

/// One read: a row, a row that cannot be one, or the end.
pub enum RowRead<'a> {
    /// Cells to look at.
    Row(Row<'a>),
    /// A row without usable cells.
    Fault(Fault),
    /// No more rows.
    End,
}

/// The cells of one row, by the declared column's index.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
}

impl Rows {
    /// Opens a file and matches its header.
    pub fn open(
        path: &Path,
        columns: &'static [Column],
        given: Given,
        others: OtherColumns,
    ) -> Result<Self, IngestError> {
        let known = |name: &str| columns.iter().any(|c| c.name == name);
        let (reader, name, header) = if is_parquet(path)? {
            let digest = Digest::of_file(path)
                .map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
            let wanted = |name: &str| others == OtherColumns::Refused || known(name);
            let (reader, header) = ParquetReader::open(path, wanted)?;
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
            (Reader::Parquet(Box::new(reader), digest), name.unwrap_or_default(), header)
        } else {
            let source = Source::open(path)?;
            let name = source.name();
            let mut reader = Box::new(CsvReader::new(source));
            let header = csv_header(&mut reader, path)?;
            (Reader::Csv(reader), name, header)
        };
        let refuse = |reason: String| IngestError::Header { path: path.to_owned(), reason };
        let places = places(columns, &header, given, others).map_err(refuse)?;
        Ok(Self { reader, name, columns, places, fields: header.len() })
    }

    /// The file's name, without its folders.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 of the decompressed bytes read so far: of the whole file at its end.
    pub fn digest(&self) -> Digest {
        match &self.reader {
            Reader::Csv(reader) => reader.source().digest(),
            Reader::Parquet(_, digest) => *digest,
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        match &self.reader {
            Reader::Csv(reader) => reader.source().bytes(),
            Reader::Parquet(..) => 0,
        }
    }

    /// True if the file has that column, or a flag gave it.
    pub fn has(&self, column: usize) -> bool {
        !matches!(self.places[column], Place::Absent)
    }

    /// What a flag gave for a column, if one did.
    pub fn given(&self, name: &str) -> Option<&str> {
        match &self.places[self.column(name)?] {
            Place::Given(text) => Some(text),
            Place::Field(_) | Place::Absent => None,
        }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Reads the next row.
    #[expect(
        clippy::should_implement_trait,
        reason = "rows borrow the reader, which no Iterator can"
    )]
    pub fn next(&mut self) -> Result<RowRead<'_>, IngestError> {
        let row_fault = |line, reason: String| {
            RowRead::Fault(Fault { line, field: 0, column: String::new(), reason })
        };
        match &mut self.reader {
            Reader::Parquet(reader, _) => {
                Ok(if reader.read()? { RowRead::Row(Row { rows: self }) } else { RowRead::End })
            }
            Reader::Csv(reader) => {
                let record = reader.read()?;
                let (line, found) = (reader.line(), reader.fields());
                let (header, utf8) = (self.fields, std::str::from_utf8(reader.bytes()).is_ok());
                Ok(match record {
                    Record::End => RowRead::End,
                    Record::TooLong => row_fault(
                        line,
                        "the row is longer than 1 MiB; look for a quote that is never closed"
                            .into(),
                    ),
                    Record::Unclosed => {
                        row_fault(line, "the row has a quote that is never closed".into())
                    }
                    Record::Cells if !utf8 => {
                        row_fault(line, "the row is not UTF-8; save the file as UTF-8".into())
                    }
                    Record::Cells if found != header => row_fault(
                        line,
                        format!("the row has {found} fields and the header has {header}"),
                    ),
                    Record::Cells => RowRead::Row(Row { rows: self }),
                })
            }
        }
    }
}

impl<'a> Row<'a> {
    /// The line in the file; the header is line 1.
    pub fn line(self) -> u64 {
        match &self.rows.reader {
            Reader::Csv(reader) => reader.line(),
            Reader::Parquet(reader, _) => reader.line(),
        }
    }

    /// The text in a declared column; empty where there is none.
    pub fn text(self, column: usize) -> &'a str {
        match &self.rows.places[column] {
            Place::Absent => "",
            Place::Given(text) => text,
            Place::Field(field) => match &self.rows.reader {
                Reader::Csv(reader) => std::str::from_utf8(reader.cell(*field)).unwrap_or_default(),
                Reader::Parquet(reader, _) => reader.cell(*field),
            },
        }
    }

    /// The text in the declared column of that name, if one is declared.
    pub fn named(self, name: &str) -> Option<&'a str> {
        self.rows.column(name).map(|column| self.text(column))
    }

    /// The text in a declared column, or nothing where it is empty.
    pub fn optional(self, column: usize) -> Option<&'a str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    /// What is wrong with one of this row's cells.
    pub fn fault(self, column: usize, reason: impl std::fmt::Display) -> Fault {
        let field = match self.rows.places[column] {
            Place::Field(field) => field + 1,
            Place::Given(_) | Place::Absent => 0,
        };
        let column = self.rows.columns[column].name.to_owned();
        Fault { line: self.line(), field, column, reason: reason.to_string() }
    }

    /// The row's declared columns as one CSV record, each cell as `shown` gives it; nothing if a
    /// cell goes over several lines, since it may have swallowed other rows.
    pub fn to_csv(self, mut shown: impl FnMut(usize, &'a str) -> String) -> Option<String> {
        let columns = 0..self.rows.columns.len();
        if columns.clone().any(|column| self.text(column).contains(['\n', '\r'])) {
            return None;
        }
        let cells: Vec<String> = columns.map(|column| shown(column, self.text(column))).collect();
        // PostgreSQL keeps no NUL in a text.
        Some(csv_record(&cells).replace('\0', "\u{fffd}"))
    }
}

/// Cells as one CSV record without its line end.
fn csv_record(cells: &[String]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let bytes = writer.write_record(cells).ok().and_then(|()| writer.into_inner().ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    text.trim_end_matches('\n').to_owned()
}

fn csv_header(reader: &mut CsvReader, path: &Path) -> Result<Vec<String>, IngestError> {
    let refuse =
        |reason: &str| IngestError::Header { path: path.to_owned(), reason: reason.to_owned() };
    match reader.read()? {
        Record::Cells => (0..reader.fields())
            .map(|field| std::str::from_utf8(reader.cell(field)).map(|name| name.trim().to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|_| refuse("the header row is not UTF-8; save the file as UTF-8")),
        Record::TooLong => Err(refuse("the header row is longer than 1 MiB")),
        Record::Unclosed => Err(refuse("the header row has a quote that is never closed")),
        Record::End => Err(refuse("the file is empty; it needs a header row")),
    }
}

fn places(
    columns: &'static [Column],
    header: &[String],
    given: Given,
    others: OtherColumns,
) -> Result<Vec<Place>, String> {
    let list = |columns: &[Column]| columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
    if !columns.iter().any(|column| header.iter().any(|name| name == column.name)) {
        // Nothing of it is shown: it may be a row of data, and hold a listener.
        let list = list(columns);
        return Err(format!("the first row is no header: it has none of the columns {list}"));
    }
    for (index, name) in header.iter().enumerate() {
        if header[..index].contains(name) {
            return Err(format!("column {name:?} stands twice"));
        }
        let known = columns.iter().any(|c| c.name == name);
        if !known && others == OtherColumns::Refused {
            return Err(format!("unknown column {name:?}; known are {}", list(columns)));
        }
    }
    let mut given = given;
    let mut places = Vec::with_capacity(columns.len());
    let mut missing = Vec::new();
    for column in columns {
        let field = header.iter().position(|name| name == column.name);
        let flag = given.iter().position(|(name, _)| *name == column.name);
        places.push(match (field, flag) {
            (Some(_), Some(_)) => {
                return Err(format!(
                    "column {:?} stands in the file and was given as a flag too",
                    column.name
                ));
            }
            (Some(field), None) => Place::Field(field),
            (None, Some(flag)) => Place::Given(given.swap_remove(flag).1),
            (None, None) => {
                if column.required {
                    missing.push(*column);
                }
                Place::Absent
            }
        });
    }
    if missing.is_empty() {
        return Ok(places);
    }
    Err(format!("missing column {}; known are {}", list(&missing), list(columns)))
}

/// True if a file begins as Parquet does. A pipe is not asked: it can be read only once.
pub fn is_parquet(path: &Path) -> Result<bool, IngestError> {
    if path == Path::new("-") || std::fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        return Ok(false);
    }
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    let mut magic = Vec::with_capacity(4);
    let file = std::fs::File::open(path).map_err(read)?;
    file.take(4).read_to_end(&mut magic).map_err(read)?;
    Ok(magic == b"PAR1")
}
