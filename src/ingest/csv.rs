//! CSV records within a bounded buffer, whatever a file holds.

use std::io::{self, Read};

use csv_core::ReadRecordResult;

/// The longest row that is taken; a longer one (an unclosed quote, mostly) is one bad row.
pub(super) const ROW_BYTES_MAX: usize = 1 << 20;
pub(super) const FIELDS_MAX: usize = 4096;
const INPUT_BYTES: usize = 1 << 18;

/// What came out of one read.
pub(super) enum Record {
    /// A row whose cells can be asked for.
    Cells,
    /// A row over [`ROW_BYTES_MAX`] or [`FIELDS_MAX`]; it was skipped.
    TooLong,
    /// The last row, if it ends within a quote.
    Unclosed,
    /// No more rows.
    End,
}

pub(super) struct CsvReader<R> {
    source: R,
    core: csv_core::Reader,
    input: Vec<u8>,
    input_used: usize,
    input_end: usize,
    output: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    line: u64,
    /// Bytes that the core has read, and how many of them before the last record.
    read: u64,
    start: u64,
    line_ends: u64,
    /// True if the last byte was a carriage return: a newline after it is the same line end.
    after_return: bool,
    /// True once the file is at its end.
    ended: bool,
}

impl<R: Read> CsvReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            core: csv_core::Reader::new(),
            input: vec![0; INPUT_BYTES],
            input_used: 0,
            input_end: 0,
            output: vec![0; ROW_BYTES_MAX],
            ends: vec![0; FIELDS_MAX],
            fields: 0,
            line: 0,
            read: 0,
            start: 0,
            line_ends: 0,
            after_return: false,
            ended: false,
        }
    }

    pub(super) const fn source(&self) -> &R {
        &self.source
    }

    /// The line on which the last record began.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// Where in the file the last record lies. Line ends before and after it may be in there.
    pub(super) const fn place(&self) -> std::ops::Range<u64> {
        self.start..self.read
    }

    pub(super) const fn fields(&self) -> usize {
        self.fields
    }

    /// The record's fields one after the other, and where each ends; nothing if they are not
    /// UTF-8.
    pub(super) fn record(&self) -> Option<(&str, &[usize])> {
        let ends = &self.ends[..self.fields];
        let text = std::str::from_utf8(&self.output[..ends.last().copied().unwrap_or(0)]);
        text.ok().map(|text| (text, ends))
    }

    pub(super) fn read(&mut self) -> io::Result<Record> {
        let (mut written, mut fields, mut too_long) = (0, 0, false);
        let mut begun = false;
        self.start = self.read;
        loop {
            if self.input_used == self.input_end {
                self.fill()?;
            }
            let input = &self.input[self.input_used..self.input_end];
            let (result, read, wrote, ended) =
                self.core.read_record(input, &mut self.output[written..], &mut self.ends[fields..]);
            for byte in &input[..read] {
                match byte {
                    b'\n' if self.after_return => {}
                    b'\n' | b'\r' => self.line_ends += 1,
                    _ if !begun => {
                        begun = true;
                        self.line = self.line_ends + 1;
                    }
                    _ => {}
                }
                self.after_return = *byte == b'\r';
            }
            self.input_used += read;
            self.read += if self.ended { 0 } else { read as u64 };
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    too_long = true;
                    (written, fields) = (0, 0);
                }
                ReadRecordResult::Record => {
                    // The line end that `fill` adds ends every record but one within a quote.
                    let unclosed = self.ended && read == 0;
                    self.fields = if too_long || unclosed { 0 } else { fields };
                    return Ok(match (too_long, unclosed) {
                        (true, _) => Record::TooLong,
                        (false, true) => Record::Unclosed,
                        (false, false) => Record::Cells,
                    });
                }
                ReadRecordResult::End => return Ok(Record::End),
            }
        }
    }

    /// Reads on; at the end of the file adds one line end, and after it nothing.
    fn fill(&mut self) -> io::Result<()> {
        self.input_used = 0;
        self.input_end = 0;
        if self.ended {
            return Ok(());
        }
        self.input_end = self.source.read(&mut self.input)?;
        if self.input_end == 0 {
            self.ended = true;
            self.input[0] = b'\n';
            self.input_end = 1;
        }
        Ok(())
    }
}
