//! Gathered rows, merged: one listener at a time, each recording once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::HashMap;

use super::gather::{GatheredRow, Gatherer, POOLS_MAX, Segment, Shelf};
use super::sealed::SealedRow;
use super::{UsageError, UsageKey};
use crate::ident::RecordingId;

/// The most rows that are read back from the disk at once.
const BLOCK_ROWS_MAX: usize = 1 << 13;
const BLOCK_ROWS_MIN: usize = 1 << 6;
/// Rows of one listener after which those of the same recording are added up on the way.
const LISTENER_ROWS: usize = 1 << 16;

/// All that a file's gatherers have gathered.
pub struct Gathered {
    shelves: Vec<Shelf>,
    /// For each shelf, the place of each of its recordings among all of them.
    places: Vec<Vec<u32>>,
    /// All recordings: those with most rows first, then by the bytes of their ids.
    pub(super) recordings: Vec<RecordingId>,
    /// Each pool with its rows and the segments that hold them, by shelf.
    pub(super) pools: BTreeMap<Option<UsageKey>, GatheredPool>,
    block_rows: usize,
}

/// The rows of one pool.
#[derive(Default)]
pub(super) struct GatheredPool {
    pub(super) rows: u64,
    /// The places of its recordings among all of them, in order.
    pub(super) recordings: Vec<u32>,
    segments: Vec<(usize, Segment)>,
}

impl Gathered {
    /// Brings together what the threads have gathered with `memory` bytes between them.
    pub fn new(gatherers: Vec<Gatherer>, memory: u64) -> Result<Self, UsageError> {
        let threads = gatherers.len().max(1);
        // Each thread sorts what it still holds.
        let shelves: Vec<Shelf> = std::thread::scope(|scope| {
            let finish = |gatherer: Gatherer| scope.spawn(move || gatherer.finish());
            let running: Vec<_> = gatherers.into_iter().map(finish).collect();
            running.into_iter().map(crate::threads::join).collect::<Result<_, _>>()
        })?;
        let (recordings, places) = order(&shelves);
        let mut pools: BTreeMap<Option<UsageKey>, GatheredPool> = BTreeMap::new();
        let mut on_disk = 0;
        for (index, (shelf, places)) in shelves.iter().zip(&places).enumerate() {
            for found in &shelf.pools {
                let pool = pools.entry(found.key.clone()).or_default();
                pool.rows += found.rows;
                let of_pool = found.recordings.iter().map(|number| places[*number as usize]);
                pool.recordings.extend(of_pool);
            }
            for segment in &shelf.segments {
                on_disk += usize::from(!segment.memory);
                let key = &shelf.pools[segment.pool as usize].key;
                pools.entry(key.clone()).or_default().segments.push((index, *segment));
            }
        }
        // Each thread has had fewer, and stopped where it alone had more.
        if pools.len() > POOLS_MAX as usize {
            return Err(UsageError::TooManyPools(POOLS_MAX));
        }
        for pool in pools.values_mut() {
            pool.recordings.sort_unstable();
            pool.recordings.dedup();
        }
        // Blocks of all runs on all threads take a quarter of the memory at most.
        let block = memory / 4 / (threads * on_disk.max(1) * size_of::<GatheredRow>()) as u64;
        let block = usize::try_from(block).unwrap_or(usize::MAX);
        let block_rows = block.clamp(BLOCK_ROWS_MIN, BLOCK_ROWS_MAX);
        Ok(Self { shelves, places, recordings, pools, block_rows })
    }

    /// Calls `each` with every listener of a pool from the hash `from` on and before `to`, in
    /// order, and with the rows, ordered by recording, each of which stands once. Returns how
    /// many rows were added to others.
    pub(super) fn visit<E: From<UsageError>>(
        &self,
        key: Option<&UsageKey>,
        pool: &GatheredPool,
        (from, to): (u128, Option<u128>),
        mut each: impl FnMut(u128, &[SealedRow]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut cursors = Vec::new();
        let mut heap = BinaryHeap::new();
        for (shelf, segment) in &pool.segments {
            let mut cursor = Cursor::new(self, *shelf, *segment, from)?;
            if let Some(listener) = cursor.listener()? {
                heap.push(Reverse((listener, cursors.len())));
                cursors.push(cursor);
            }
        }
        let mut rows = Vec::new();
        let mut repeated = 0;
        let over = |row: SealedRow| UsageError::TooManyPlays {
            recording: self.recordings[row.recording as usize].to_string(),
            place: key.map_or_else(|| "the file".to_owned(), UsageKey::to_string),
        };
        while let Some(Reverse((listener, _))) = heap.peek().copied() {
            if to.is_some_and(|to| listener >= to) {
                break;
            }
            rows.clear();
            let mut room = LISTENER_ROWS;
            while let Some(Reverse((next, cursor))) = heap.peek().copied()
                && next == listener
            {
                heap.pop();
                while let Some(found) = cursors[cursor].listener()? {
                    if found != listener {
                        heap.push(Reverse((found, cursor)));
                        break;
                    }
                    rows.push(cursors[cursor].take());
                    if rows.len() >= room {
                        repeated += add_up(&mut rows).map_err(over)?;
                        room = LISTENER_ROWS.max(2 * rows.len());
                    }
                }
            }
            repeated += add_up(&mut rows).map_err(over)?;
            each(listener, &rows)?;
        }
        Ok(repeated)
    }
}

/// Orders the recordings of all shelves; returns them, and for each shelf the place of each.
fn order(shelves: &[Shelf]) -> (Vec<RecordingId>, Vec<Vec<u32>>) {
    let mut rows: HashMap<&RecordingId, u64> = HashMap::new();
    for (recording, count) in shelves.iter().flat_map(|shelf| &shelf.recordings) {
        *rows.entry(recording).or_default() += count;
    }
    let mut recordings: Vec<(Reverse<u64>, &RecordingId)> =
        rows.into_iter().map(|(recording, rows)| (Reverse(rows), recording)).collect();
    recordings.sort_unstable();
    let places: HashMap<&RecordingId, u32> =
        recordings.iter().map(|(_, recording)| *recording).zip(0..).collect();
    let of_shelf = |shelf: &Shelf| shelf.recordings.iter().map(|(id, _)| places[id]).collect();
    let of_shelves = shelves.iter().map(of_shelf).collect();
    (recordings.into_iter().map(|(_, recording)| recording.clone()).collect(), of_shelves)
}

/// Orders one listener's rows and adds up those of the same recording; returns how many were
/// added to others, or one whose plays do not fit.
fn add_up(rows: &mut Vec<SealedRow>) -> Result<u64, SealedRow> {
    rows.sort_unstable_by_key(|row| row.recording);
    let before = rows.len();
    let mut over = None;
    rows.dedup_by(|next, kept| {
        let same = next.recording == kept.recording;
        if same {
            match kept.plays.checked_add(next.plays) {
                Some(plays) => kept.plays = plays,
                None => over = Some(*kept),
            }
            // At most the plays, which fit.
            kept.active = kept.active.saturating_add(next.active);
        }
        same
    });
    over.map_or(Ok((before - rows.len()) as u64), Err)
}

/// The rows of one segment, in order.
struct Cursor<'a> {
    shelf: &'a Shelf,
    places: &'a [u32],
    pool: u32,
    /// In memory: all that is left. From the disk: the block that was read last.
    block: Block<'a>,
    at: usize,
    /// Rows on the disk after the block.
    next: u64,
    end: u64,
    block_rows: usize,
}

enum Block<'a> {
    Memory(&'a [GatheredRow]),
    Disk(Vec<GatheredRow>),
}

impl<'a> Cursor<'a> {
    fn new(
        gathered: &'a Gathered,
        shelf: usize,
        segment: Segment,
        from: u128,
    ) -> Result<Self, UsageError> {
        let (places, shelf) = (&gathered.places[shelf], &gathered.shelves[shelf]);
        let (first, end) = (segment.first, segment.first + segment.rows);
        let pool = segment.pool;
        let block_rows = gathered.block_rows;
        if segment.memory {
            let place = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
            let rows = &shelf.rows[place(first)..place(end)];
            let at = rows.partition_point(|row| row.listener < from);
            let block = Block::Memory(rows);
            return Ok(Self { shelf, places, pool, block, at, next: 0, end: 0, block_rows });
        }
        // The first row whose listener is not before `from`, by halving.
        let (mut low, mut high, mut one) = (first, end, Vec::new());
        while low < high && from > 0 {
            let middle = u64::midpoint(low, high);
            shelf.read(pool, middle, 1, &mut one)?;
            if one[0].listener < from {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let block = Block::Disk(Vec::new());
        Ok(Self { shelf, places, pool, block, at: 0, next: low, end, block_rows })
    }

    /// The listener of the next row; none at the end.
    fn listener(&mut self) -> Result<Option<u128>, UsageError> {
        if let Block::Disk(rows) = &mut self.block
            && self.at == rows.len()
            && self.next < self.end
        {
            let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
            let count = left.min(self.block_rows);
            self.shelf.read(self.pool, self.next, count, rows)?;
            self.next += count as u64;
            self.at = 0;
        }
        Ok(self.rows().get(self.at).map(|row| row.listener))
    }

    fn rows(&self) -> &[GatheredRow] {
        match &self.block {
            Block::Memory(rows) => rows,
            Block::Disk(rows) => rows,
        }
    }

    /// Takes the next row, which [`Cursor::listener`] has found.
    fn take(&mut self) -> SealedRow {
        let row = self.rows()[self.at];
        self.at += 1;
        SealedRow {
            listener: row.listener,
            recording: self.places[row.recording as usize],
            plays: row.plays,
            active: row.active,
        }
    }
}
