//! The row groups of a sealed file, decoded page by page.
//!
//! Only what [`super::encode`] writes is read: the library takes pages from the file and
//! decompresses them, and what refers to their dictionaries is unpacked here, a listener at a
//! time, without a copy of the listener in every row.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::Play;
use super::packing::{repeated, unpack};

/// A file that several threads read at once.
#[derive(Clone)]
pub(super) struct Shared(pub Arc<File>);

/// A file from one place on.
pub(super) struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Shared {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |file| file.len())
    }
}

impl ChunkReader for Shared {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        // Headers are read so, and they are short.
        Ok(BufReader::with_capacity(1 << 6, From { file: self.0.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::with_capacity(length);
        From { file: self.0.clone(), at: start }.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF("the file is too short".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// What is wrong with a row group.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error("its pages are not those of sealed usage")]
    Pages,
    #[error("its row groups do not have the same recordings")]
    Recordings,
    #[error("its listeners are not in order")]
    Order,
    #[error("a listener's recordings are not in order")]
    Unordered,
    #[error("a code without a recording or a count")]
    Code,
}

/// The listeners, recordings and plays of one row group.
pub(super) struct GroupReader {
    listeners: SerializedPageReader<Shared>,
    hashes: Bytes,
    recordings: SerializedPageReader<Shared>,
    plays: Counts,
    active: Option<Counts>,
    rows_all: u64,
    /// How many listeners, and rows, are before the next page.
    listeners_read: u32,
    rows: u64,
    page: PageRows,
}

/// The rows of some listeners.
#[derive(Default)]
pub(super) struct PageRows {
    /// The first listener's place in the group.
    pub first: u32,
    /// How many rows each listener has.
    pub rows: Vec<u32>,
    /// By row, the place of the recording, the plays, and the active ones if they are read.
    recordings: Vec<u32>,
    plays: Vec<u32>,
    active: Option<Vec<u32>>,
}

/// Where a column's dictionary and its other pages stand in the file, one after the other.
fn places(file: &Shared, column: &ColumnChunkMetaData) -> Option<(u64, u64, u64)> {
    let begin = u64::try_from(column.dictionary_page_offset()?).ok()?;
    let data = u64::try_from(column.data_page_offset()).ok()?;
    let end = begin.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
    (begin <= data && data <= end && end <= file.len()).then_some((begin, data, end))
}

/// The first page of a column chunk, as it stands in the file: its dictionary.
pub(super) fn dictionary_page(
    file: &Shared,
    group: &RowGroupMetaData,
    column: usize,
) -> Result<Bytes, Wrong> {
    let (begin, data, _) = places(file, group.column(column)).ok_or(Wrong::Pages)?;
    let length = usize::try_from(data - begin).map_err(|_| Wrong::Pages)?;
    Ok(file.get_bytes(begin, length)?)
}

/// The texts of a dictionary.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Bytes,
    /// Where each begins and ends; a page has less than 2³² bytes.
    places: Vec<(u32, u32)>,
}

impl Texts {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where they stand.
    pub(super) fn places(&self) -> &[(u32, u32)] {
        &self.places
    }

    /// The text at a place.
    pub(super) fn text(&self, (begin, end): (u32, u32)) -> &[u8] {
        &self.bytes[begin as usize..end as usize]
    }
}

/// The dictionary of recordings.
pub(super) fn recordings(file: &Shared, group: &RowGroupMetaData) -> Result<Texts, Wrong> {
    let (bytes, count) = dictionary(&mut pages(file, group, 1)?)?;
    let (mut places, mut end) = (Vec::with_capacity(count.min(bytes.len())), 0);
    while let Some((length, rest)) = bytes[end..].split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        if rest.len() < length {
            return Err(Wrong::Pages);
        }
        let begin = bytes.len() - rest.len();
        end = begin + length;
        let place = u32::try_from(begin).ok().zip(u32::try_from(end).ok());
        places.push(place.ok_or(Wrong::Pages)?);
    }
    let whole = end == bytes.len() && places.len() == count;
    if whole { Ok(Texts { bytes, places }) } else { Err(Wrong::Pages) }
}

fn pages(
    file: &Shared,
    group: &RowGroupMetaData,
    column: usize,
) -> Result<SerializedPageReader<Shared>, Wrong> {
    let (rows, column) = (usize::try_from(group.num_rows()), group.column(column));
    // The library panics where they are not.
    places(file, column).ok_or(Wrong::Pages)?;
    let rows = rows.map_err(|_| Wrong::Pages)?;
    Ok(SerializedPageReader::new(Arc::new(file.clone()), column, rows, None)?)
}

fn dictionary(pages: &mut SerializedPageReader<Shared>) -> Result<(Bytes, usize), Wrong> {
    match pages.get_next_page()? {
        Some(Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, .. }) => {
            Ok((buf, num_values as usize))
        }
        _ => Err(Wrong::Pages),
    }
}

/// A column of counts.
struct Counts {
    pages: SerializedPageReader<Shared>,
    dictionary: Vec<u32>,
}

impl Counts {
    fn open(file: &Shared, group: &RowGroupMetaData, column: usize) -> Result<Self, Wrong> {
        let mut pages = pages(file, group, column)?;
        let (bytes, count) = dictionary(&mut pages)?;
        let (counts, []) = bytes.as_chunks() else { return Err(Wrong::Pages) };
        let dictionary: Vec<u32> = counts.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        if dictionary.len() == count { Ok(Self { pages, dictionary }) } else { Err(Wrong::Pages) }
    }

    /// Reads a page of so many rows.
    fn read(&mut self, rows: usize, counts: &mut Vec<u32>) -> Result<(), Wrong> {
        references(&mut self.pages, rows, counts)?;
        for count in counts {
            // An error that is made and dropped for each row would take longer than all else here.
            let Some(known) = self.dictionary.get(*count as usize) else {
                return Err(Wrong::Code);
            };
            *count = *known;
        }
        Ok(())
    }
}

/// Reads a page of so many rows, which refer to a dictionary.
fn references(
    pages: &mut SerializedPageReader<Shared>,
    rows: usize,
    into: &mut Vec<u32>,
) -> Result<(), Wrong> {
    let (page, count) = data(pages.get_next_page()?)?.ok_or(Wrong::Pages)?;
    unpack(&page, rows, into).filter(|()| rows == count).ok_or(Wrong::Pages)
}

impl GroupReader {
    /// Opens a row group; active plays are read if they are asked for.
    pub(super) fn open(
        file: &Shared,
        group: &RowGroupMetaData,
        active: bool,
    ) -> Result<Self, Wrong> {
        let mut listeners = pages(file, group, 0)?;
        let (hashes, count) = dictionary(&mut listeners)?;
        if hashes.len() / 16 != count || hashes.len() % 16 != 0 {
            return Err(Wrong::Pages);
        }
        if hashes.as_chunks::<16>().0.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Wrong::Order);
        }
        let mut recordings = pages(file, group, 1)?;
        recordings.skip_next_page()?;
        let active = if active { Some(Counts::open(file, group, 3)?) } else { None };
        Ok(Self {
            listeners,
            hashes,
            recordings,
            plays: Counts::open(file, group, 2)?,
            page: PageRows { active: active.as_ref().map(|_| Vec::new()), ..PageRows::default() },
            active,
            rows_all: u64::try_from(group.num_rows()).map_err(|_| Wrong::Pages)?,
            listeners_read: 0,
            rows: 0,
        })
    }

    /// A listener by the place in the group.
    pub(super) fn listener(&self, place: u32) -> Option<u128> {
        self.hashes.as_chunks().0.get(place as usize).map(|hash| u128::from_be_bytes(*hash))
    }

    /// The first and the last listener.
    pub(super) fn bounds(&self) -> Option<(u128, u128)> {
        let hashes = self.hashes.as_chunks().0;
        Some((u128::from_be_bytes(*hashes.first()?), u128::from_be_bytes(*hashes.last()?)))
    }

    /// Goes on to the next page; false after the last.
    pub(super) fn next_page(&mut self) -> Result<bool, Wrong> {
        let Some((listeners, rows)) = data(self.listeners.get_next_page()?)? else {
            let whole = self.listeners_read as usize == self.hashes.len() / 16
                && self.rows == self.rows_all;
            return if whole { Ok(false) } else { Err(Wrong::Pages) };
        };
        let page = &mut self.page;
        references(&mut self.recordings, rows, &mut page.recordings)?;
        self.plays.read(rows, &mut page.plays)?;
        if let Some((column, active)) = self.active.as_mut().zip(page.active.as_mut()) {
            column.read(rows, active)?;
        }
        page.first = self.listeners_read;
        repeated(&listeners, page.first, rows, &mut page.rows).ok_or(Wrong::Pages)?;
        self.listeners_read += u32::try_from(page.rows.len()).map_err(|_| Wrong::Pages)?;
        self.rows += rows as u64;
        Ok(true)
    }

    /// The current page.
    pub(super) const fn page(&self) -> &PageRows {
        &self.page
    }
}

impl PageRows {
    /// Adds rows of one listener to `plays`. Recordings are numbered by their places in the
    /// dictionary, of which there are so many.
    pub(super) fn read(
        &self,
        rows: Range<usize>,
        recordings: usize,
        plays: &mut Vec<Play>,
    ) -> Result<(), Wrong> {
        let (places, counts) = (&self.recordings[rows.clone()], &self.plays[rows.clone()]);
        // Without a way out, the compiler compares several pairs at once.
        let unordered = places.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        if unordered > 0 {
            return Err(Wrong::Unordered);
        }
        if places.last().is_some_and(|last| *last as usize >= recordings) {
            return Err(Wrong::Code);
        }
        let begin = plays.len();
        let play = |(recording, plays): (&u32, &u32)| Play {
            recording: *recording,
            plays: *plays,
            active: 0,
        };
        plays.extend(places.iter().zip(counts).map(play));
        if let Some(active) = &self.active {
            for (play, active) in plays[begin..].iter_mut().zip(&active[rows]) {
                play.active = *active;
            }
        }
        Ok(())
    }
}

/// The bytes and the number of rows of a page of references.
fn data(page: Option<Page>) -> Result<Option<(Bytes, usize)>, Wrong> {
    match page {
        None => Ok(None),
        Some(Page::DataPageV2 { buf, num_values, encoding: Encoding::RLE_DICTIONARY, .. }) => {
            Ok(Some((buf, num_values as usize)))
        }
        Some(_) => Err(Wrong::Pages),
    }
}
