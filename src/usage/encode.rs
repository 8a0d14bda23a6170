//! Rows of a sealed file, encoded.
//!
//! A row group has one part of the listeners, and of each column one dictionary and pages that
//! refer to it. A listener's rows stand in one page. The dictionary of recordings is the whole
//! file's and so the same in every group, those with most rows first: a reader numbers recordings
//! once for a file, and what it looks up most often lies together.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::FixedLenByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;

use super::UsageError;
use super::packing::{pack, repeat};
use super::sealed::{COLUMNS, SealedRow, schema, write_error};
use crate::ident::RecordingId;

/// Rows after which a page ends with its listener: a few of the processor's caches hold them.
const PAGE_ROWS: usize = 1 << 15;
/// Bytes of a listener's hash.
const HASH_BYTES: usize = size_of::<u128>();

/// What the row groups of one file have in common.
#[derive(Clone)]
pub(super) struct Coding {
    path: Arc<Path>,
    columns: SchemaDescPtr,
    recordings: Arc<Encoded>,
}

/// Bytes of pages, and how many they are before compression.
#[derive(Debug, Default)]
struct Encoded {
    bytes: Vec<u8>,
    uncompressed: usize,
}

/// A row group on its way.
pub(super) struct GroupEncoder {
    coding: Coding,
    compressor: zstd::bulk::Compressor<'static>,
    pages: [Encoded; COLUMNS],
    hashes: Vec<u8>,
    plays_met: Met,
    active_met: Met,
    page: PageRows,
    totals: (u64, u64, u64),
}

/// The rows of the page that is filled.
#[derive(Default)]
struct PageRows {
    /// The place of its first listener in the group.
    first: u32,
    /// How many rows each listener has.
    rows: Vec<u32>,
    recordings: Vec<u32>,
    plays: Vec<u32>,
    active: Vec<u32>,
    /// True if the last listener has played anything.
    counts: bool,
}

/// Numbers in the order in which they are met.
#[derive(Default)]
struct Met {
    numbers: Vec<u32>,
    /// The places of numbers below its length.
    small: Vec<Option<u32>>,
    large: HashMap<u32, u32>,
}

/// An encoded row group.
pub(super) struct Group {
    chunks: Vec<(Bytes, ColumnCloseResult)>,
    /// Rows, plays, listeners.
    pub(super) totals: (u64, u64, u64),
}

impl Coding {
    /// The coding of a file that has these recordings, each in at least one row; a row refers to
    /// their places.
    pub(super) fn new<'a>(
        path: &Path,
        recordings: impl Iterator<Item = &'a RecordingId>,
    ) -> Result<Self, UsageError> {
        let failed = |e| write_error(path, e);
        let (mut texts, mut count) = (Vec::new(), 0);
        for recording in recordings {
            let text = recording.as_str().as_bytes();
            texts.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()); // below 2^8
            texts.extend_from_slice(text);
            count += 1;
        }
        let compressed = zstd::bulk::compress(&texts, ZSTD_LEVEL).map_err(|e| failed(e.into()))?;
        let recordings = dictionary(count, compressed, texts.len()).map_err(failed)?;
        Ok(Self {
            path: path.into(),
            columns: Arc::new(schema().map_err(failed)?),
            recordings: Arc::new(recordings),
        })
    }

    /// Starts a row group.
    pub(super) fn group(&self) -> Result<GroupEncoder, UsageError> {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)
            .map_err(|source| UsageError::File { path: self.path.to_path_buf(), source })?;
        Ok(GroupEncoder {
            coding: self.clone(),
            compressor,
            pages: Default::default(),
            hashes: Vec::new(),
            plays_met: Met::default(),
            active_met: Met::default(),
            page: PageRows::default(),
            totals: (0, 0, 0),
        })
    }
}

const ZSTD_LEVEL: i32 = 1;

impl GroupEncoder {
    /// Adds a row; rows come in the order of listeners and then of recordings' places, and no pair
    /// twice.
    pub(super) fn push(&mut self, row: SealedRow) -> Result<(), UsageError> {
        let hash = row.listener.to_be_bytes();
        if self.hashes.last_chunk() != Some(&hash) {
            if self.page.plays.len() >= PAGE_ROWS {
                self.end_page()?;
            }
            self.totals.2 += u64::from(std::mem::take(&mut self.page.counts));
            self.hashes.extend_from_slice(&hash);
            self.page.rows.push(0);
        }
        if let Some(rows) = self.page.rows.last_mut() {
            *rows += 1;
        }
        self.page.counts |= row.plays > 0;
        self.page.recordings.push(row.recording);
        self.page.plays.push(self.plays_met.place(row.plays));
        self.page.active.push(self.active_met.place(row.active));
        self.totals.0 += 1;
        self.totals.1 += u64::from(row.plays);
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), UsageError> {
        let page = &mut self.page;
        let rows = page.plays.len();
        let mut texts: [Vec<u8>; COLUMNS] = Default::default();
        repeat(page.first, &page.rows, &mut texts[0]);
        pack(&page.recordings, &mut texts[1]);
        pack(&page.plays, &mut texts[2]);
        pack(&page.active, &mut texts[3]);
        for (column, text) in texts.into_iter().enumerate() {
            // Nothing is gained by compressing the first two.
            let compressor = (column >= 2).then_some(&mut self.compressor);
            let added = self.pages[column].add_page(rows, text, compressor);
            added.map_err(|e| write_error(&self.coding.path, e))?;
        }
        page.first = u32::try_from(self.hashes.len() / HASH_BYTES).unwrap_or(u32::MAX);
        page.rows.clear();
        page.recordings.clear();
        page.plays.clear();
        page.active.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Group, UsageError> {
        if !self.page.plays.is_empty() {
            self.end_page()?;
        }
        self.totals.2 += u64::from(self.page.counts);
        let path = self.coding.path.clone();
        let chunks = self.chunks().map_err(|e| write_error(&path, e))?;
        Ok(Group { chunks, totals: self.totals })
    }

    fn chunks(&mut self) -> Result<Vec<(Bytes, ColumnCloseResult)>, ParquetError> {
        let bound = |hash: Option<&[u8; HASH_BYTES]>| {
            hash.map(|hash| FixedLenByteArray::from(hash.to_vec()))
        };
        let (first, last) = (bound(self.hashes.first_chunk()), bound(self.hashes.last_chunk()));
        let bounds = ValueStatistics::new(first, last, None, Some(0), false);
        let hashes = std::mem::take(&mut self.hashes);
        let bytes = hashes.len();
        let dictionaries = [
            &dictionary(bytes / HASH_BYTES, hashes, bytes)?,
            &*self.coding.recordings,
            &self.plays_met.dictionary()?,
            &self.active_met.dictionary()?,
        ];
        let rows = self.totals.0;
        let chunk = |(column, (dictionary, pages)): (usize, (&Encoded, &Encoded))| {
            let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            let compression = if column == 0 {
                Compression::UNCOMPRESSED
            } else {
                Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?)
            };
            let bytes = [dictionary.bytes.as_slice(), &pages.bytes].concat();
            let mut metadata = ColumnChunkMetaData::builder(self.coding.columns.column(column))
                .set_encodings(vec![Encoding::PLAIN, Encoding::RLE_DICTIONARY])
                .set_compression(compression)
                .set_num_values(i64::try_from(rows).unwrap_or(i64::MAX))
                .set_dictionary_page_offset(Some(0))
                .set_data_page_offset(whole(dictionary.bytes.len()))
                .set_total_compressed_size(whole(bytes.len()))
                .set_total_uncompressed_size(whole(dictionary.uncompressed + pages.uncompressed));
            if column == 0 {
                metadata = metadata.set_statistics(Statistics::FixedLenByteArray(bounds.clone()));
            }
            let close = ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: rows,
                metadata: metadata.build()?,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            Ok((Bytes::from(bytes), close))
        };
        dictionaries.into_iter().zip(&self.pages).enumerate().map(chunk).collect()
    }
}

impl Group {
    /// How many rows it has.
    pub(super) const fn rows(&self) -> u64 {
        self.totals.0
    }

    /// Writes the columns; a group without rows leaves no trace.
    pub(super) fn append_to<W: std::io::Write + Send>(
        self,
        mut out: SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        for (bytes, close) in self.chunks {
            out.append_column(&bytes, close)?;
        }
        out.close().map(drop)
    }
}

impl Encoded {
    /// Adds a page of references, compressed where that makes it smaller by a quarter.
    fn add_page(
        &mut self,
        rows: usize,
        text: Vec<u8>,
        compressor: Option<&mut zstd::bulk::Compressor<'_>>,
    ) -> Result<(), ParquetError> {
        let uncompressed = text.len();
        let compressed = match compressor {
            Some(compressor) => Some(compressor.compress(&text)?),
            None => None,
        };
        let compressed = compressed.filter(|short| short.len() <= uncompressed / 4 * 3);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX); // a recording has one row of a page's listener
        self.add(
            Page::DataPageV2 {
                is_compressed: compressed.is_some(),
                buf: compressed.unwrap_or(text).into(),
                num_values: rows,
                encoding: Encoding::RLE_DICTIONARY,
                num_nulls: 0,
                num_rows: rows,
                def_levels_byte_len: 0,
                rep_levels_byte_len: 0,
                statistics: None,
            },
            uncompressed,
        )
    }

    fn add(&mut self, page: Page, uncompressed: usize) -> Result<(), ParquetError> {
        let mut out = TrackedWrite::new(&mut self.bytes);
        let written = SerializedPageWriter::new(&mut out)
            .write_page(CompressedPage::new(page, uncompressed))?;
        self.uncompressed += written.uncompressed_size;
        out.into_inner().map(drop)
    }
}

/// A dictionary of so many values.
fn dictionary(count: usize, bytes: Vec<u8>, uncompressed: usize) -> Result<Encoded, ParquetError> {
    let num_values = i32::try_from(count)
        .map_err(|_| ParquetError::General(format!("{count} values are too many")))?;
    let page = Page::DictionaryPage {
        buf: bytes.into(),
        num_values: num_values.cast_unsigned(),
        encoding: Encoding::PLAIN,
        is_sorted: false,
    };
    let mut encoded = Encoded::default();
    encoded.add(page, uncompressed)?;
    Ok(encoded)
}

impl Met {
    const SMALL: u32 = 1 << 12;

    fn place(&mut self, number: u32) -> u32 {
        if self.small.is_empty() {
            self.small.resize(Self::SMALL as usize, None);
        }
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let place = match self.small.get_mut(number as usize) {
            Some(place) => *place.get_or_insert(next),
            None => *self.large.entry(number).or_insert(next),
        };
        if place == next {
            self.numbers.push(number);
        }
        place
    }

    fn dictionary(&self) -> Result<Encoded, ParquetError> {
        let bytes: Vec<u8> = self.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let compressed = zstd::bulk::compress(&bytes, ZSTD_LEVEL)?;
        dictionary(self.numbers.len(), compressed, bytes.len())
    }
}
