//! Rows by declared columns: the header is checked once, each row by its form.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::csv::{CsvReader, Record};
use super::parquet::{ParquetFile, ParquetReader, Unusable};
use super::source::name_of;
use super::{Fault, IngestError, Part, Source};
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

const FLOAT: &str =
    "a float that is not whole or too large to be exact: write it as text or as a decimal";
/// Bytes of a bad row over which none of it is kept.
const KEPT_BYTES_MAX: usize = 1 << 14;

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
    Csv(Box<CsvReader<Source>>),
    Parquet(Box<ParquetReader>, Digest),
}

/// Where a declared column's text is found.
enum Place {
    Field(usize),
    Given(String),
    Absent,
}

/// A file's header, matched with the declared columns.
pub(super) struct Header {
    /// Which of several files it is of.
    part: Option<Arc<Part>>,
    columns: &'static [Column],
    places: Vec<Place>,
    /// How many fields each row has.
    pub(super) fields: usize,
}

/// An open file whose header has been matched with the declared columns.
pub struct Rows {
    path: PathBuf,
    reader: Reader,
    name: String,
    header: Header,
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
    header: &'a Header,
    line: u64,
    cells: Cells<'a>,
}

/// Where the fields of a row stand.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// In one text, each `gap` bytes after the one before.
    Csv { text: &'a str, ends: &'a [usize], gap: usize },
    /// In the columns of a batch.
    Parquet(&'a ParquetReader),
}

impl Rows {
    /// Opens a file and matches its header.
    pub fn open(
        path: &Path,
        columns: &'static [Column],
        given: Given,
        others: OtherColumns,
    ) -> Result<Self, IngestError> {
        let (reader, names) = if is_parquet(path)? {
            let digest = Digest::of_file(path)
                .map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
            let file = ParquetFile::open(path, |name| wanted(columns, others, name))?;
            let names = file.names();
            let reader = Box::new(file.rows(None)?);
            (Reader::Parquet(reader, digest), names)
        } else {
            let mut reader = Box::new(CsvReader::new(Source::open(path)?));
            let names = csv_header(&mut reader, path)?;
            (Reader::Csv(reader), names)
        };
        let header = Header::new(path, columns, &names, given, others)?;
        Ok(Self { path: path.to_owned(), reader, name: name_of(path), header })
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
            Reader::Csv(reader) => reader.source().consumed(),
            Reader::Parquet(..) => 0,
        }
    }

    /// True if the file has that column, or a flag gave it.
    pub fn has(&self, column: usize) -> bool {
        !matches!(self.header.places[column], Place::Absent)
    }

    /// What a flag gave for a column, if one did.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.header.given(name)
    }

    /// Reads the next row.
    #[expect(
        clippy::should_implement_trait,
        reason = "rows borrow the reader, which no Iterator can"
    )]
    pub fn next(&mut self) -> Result<RowRead<'_>, IngestError> {
        let header = &self.header;
        match &mut self.reader {
            Reader::Parquet(reader, _) => header.next_of(reader),
            Reader::Csv(reader) => {
                let read = |source| IngestError::Read { path: self.path.clone(), source };
                let record = reader.read().map_err(read)?;
                Ok(header.record(&record, reader.line(), reader.fields(), reader.record()))
            }
        }
    }
}

impl Header {
    pub(super) fn new(
        path: &Path,
        columns: &'static [Column],
        names: &[String],
        given: Given,
        others: OtherColumns,
    ) -> Result<Self, IngestError> {
        let refuse = |reason: String| IngestError::Header { path: path.to_owned(), reason };
        let places = places(columns, names, given, others).map_err(refuse)?;
        Ok(Self { part: None, columns, places, fields: names.len() })
    }

    /// The same, of one of several files if it is.
    pub(super) fn of(self, part: Option<Part>) -> Self {
        Self { part: part.map(Arc::new), ..self }
    }

    pub(super) fn given(&self, name: &str) -> Option<&str> {
        match &self.places[self.column(name)?] {
            Place::Given(text) => Some(text),
            Place::Field(_) | Place::Absent => None,
        }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub(super) const fn row<'a>(&'a self, line: u64, cells: Cells<'a>) -> Row<'a> {
        Row { header: self, line, cells }
    }

    /// Reads the next row of a Parquet file.
    pub(super) fn next_of<'a>(
        &'a self,
        reader: &'a mut ParquetReader,
    ) -> Result<RowRead<'a>, IngestError> {
        if !reader.read()? {
            return Ok(RowRead::End);
        }
        let row = Row { header: self, line: reader.line(), cells: Cells::Parquet(reader) };
        Ok(match reader.unusable() {
            None => RowRead::Row(row),
            Some(Unusable::TooLong) => {
                RowRead::Fault(row.fault_as_a_whole("the row is longer than 1 MiB"))
            }
            Some(Unusable::Float(field)) => RowRead::Fault(row.fault_in_field(field, FLOAT)),
        })
    }

    /// What is wrong with a row as a whole.
    fn fault(&self, line: u64, reason: String) -> Fault {
        Fault { part: self.part.clone(), line, field: 0, column: String::new(), reason }
    }

    /// What a CSV record is: a row, or a row without usable cells.
    pub(super) fn record<'a>(
        &'a self,
        record: &Record,
        line: u64,
        found: usize,
        cells: Option<(&'a str, &'a [usize])>,
    ) -> RowRead<'a> {
        let wrong = |reason| RowRead::Fault(self.fault(line, reason));
        match (record, cells) {
            (Record::End, _) => RowRead::End,
            (Record::TooLong, _) => {
                wrong("the row is longer than 1 MiB; look for a quote that is never closed".into())
            }
            (Record::Unclosed, _) => wrong("the row has a quote that is never closed".into()),
            (Record::Cells, None) => wrong("the row is not UTF-8; save the file as UTF-8".into()),
            (Record::Cells, Some(_)) if found != self.fields => {
                wrong(format!("the row has {found} fields and the header has {}", self.fields))
            }
            (Record::Cells, Some((text, ends))) => {
                RowRead::Row(self.row(line, Cells::Csv { text, ends, gap: 0 }))
            }
        }
    }
}

/// Whether a column is read at all.
pub(super) fn wanted(columns: &[Column], others: OtherColumns, name: &str) -> bool {
    others == OtherColumns::Refused || columns.iter().any(|column| column.name == name)
}

impl<'a> Row<'a> {
    /// The line in the file; the header is line 1.
    pub const fn line(self) -> u64 {
        self.line
    }

    /// The text in a declared column; empty where there is none.
    pub fn text(self, column: usize) -> &'a str {
        match &self.header.places[column] {
            Place::Absent => "",
            Place::Given(text) => text,
            Place::Field(field) => match self.cells {
                Cells::Csv { text, ends, gap } => {
                    let start = if *field == 0 { 0 } else { ends[*field - 1] + gap };
                    text.get(start..ends[*field]).unwrap_or_default()
                }
                Cells::Parquet(reader) => reader.cell(*field),
            },
        }
    }

    /// The text in the declared column of that name, if one is declared.
    pub fn named(self, name: &str) -> Option<&'a str> {
        self.header.column(name).map(|column| self.text(column))
    }

    /// The text in a declared column, or nothing where it is empty.
    pub fn optional(self, column: usize) -> Option<&'a str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    /// What is wrong with one of this row's cells.
    pub fn fault(self, column: usize, reason: impl std::fmt::Display) -> Fault {
        let field = match self.header.places[column] {
            Place::Field(field) => field + 1,
            Place::Given(_) | Place::Absent => 0,
        };
        let column = self.header.columns[column].name.to_owned();
        let part = self.header.part.clone();
        Fault { part, line: self.line, field, column, reason: reason.to_string() }
    }

    /// What is wrong with the row where no one cell is to blame.
    pub fn fault_as_a_whole(self, reason: &str) -> Fault {
        self.header.fault(self.line, reason.to_owned())
    }

    /// What is wrong with a field of the file.
    fn fault_in_field(self, field: usize, reason: &str) -> Fault {
        let is_there = |place: &Place| matches!(place, Place::Field(at) if *at == field);
        let column = self.header.places.iter().position(is_there);
        column.map_or_else(|| self.fault_as_a_whole(reason), |column| self.fault(column, reason))
    }

    /// The row's declared columns as one CSV record, each cell as `shown` gives it; nothing if
    /// [`Row::keep`] keeps nothing.
    pub fn to_csv(self, shown: impl FnMut(usize, &str) -> String) -> Option<String> {
        self.keep().map(|kept| kept.to_csv(shown))
    }

    /// A copy of the row's declared columns; nothing if a cell goes over several lines, since it
    /// may have swallowed other rows, or if the row is longer than any that is meant for here.
    pub fn keep(self) -> Option<KeptRow> {
        let cells = || (0..self.header.columns.len()).map(|column| self.text(column));
        let bytes: usize = cells().map(str::len).sum();
        if bytes > KEPT_BYTES_MAX || cells().any(|cell| cell.contains(['\n', '\r'])) {
            return None;
        }
        Some(KeptRow { cells: cells().map(str::to_owned).collect() })
    }
}

/// The cells of a row that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRow {
    /// One for each declared column.
    pub cells: Vec<String>,
}

impl KeptRow {
    /// The cells as one CSV record, each as `shown` gives it.
    pub fn to_csv(&self, mut shown: impl FnMut(usize, &str) -> String) -> String {
        let cells = self.cells.iter().enumerate();
        let cells: Vec<String> = cells.map(|(column, text)| shown(column, text)).collect();
        // PostgreSQL keeps no NUL in a text.
        csv_record(&cells).replace('\0', "\u{fffd}")
    }
}

/// Cells as one CSV record without its line end.
fn csv_record(cells: &[String]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let bytes = writer.write_record(cells).ok().and_then(|()| writer.into_inner().ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    text.trim_end_matches('\n').to_owned()
}

pub(super) fn csv_header<R: Read>(
    reader: &mut CsvReader<R>,
    path: &Path,
) -> Result<Vec<String>, IngestError> {
    let refuse =
        |reason: &str| IngestError::Header { path: path.to_owned(), reason: reason.to_owned() };
    let record =
        reader.read().map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
    match record {
        Record::Cells => {
            let (text, ends) = reader
                .record()
                .ok_or_else(|| refuse("the header row is not UTF-8; save the file as UTF-8"))?;
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let names = starts.zip(ends).map(|(start, end)| text.get(start..*end));
            Ok(names.map(|name| name.unwrap_or_default().trim().to_owned()).collect())
        }
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
