//! More rows than memory holds, in order.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::spill::{Source, Spill, key_at, lost, parts, read_cell, record_at, write_record};
use super::{Cell, TableError};

/// How many runs are merged at once.
const FAN_IN: usize = 64;
/// The most that one run may hold: places in it are 32 bits.
const RUN_MAX: usize = 1 << 31;
/// What a row costs beside its bytes: its place in the order, while that is found.
const PLACE: usize = size_of::<Place>();

/// What rows are ordered by: fields, compared one after the other as bytes.
#[derive(Debug, Default)]
pub struct Key(Vec<u8>);

impl Key {
    /// Starts over.
    pub fn clear(&mut self) -> &mut Self {
        self.0.clear();
        self
    }

    /// Adds a text that holds no NUL, as no id and no word of this program does.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self
    }

    /// Adds bytes, always as many in this place.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Takes rows in any order and gives them back by key; rows of one key come in the order in
/// which they were taken. What does not fit into memory waits in a nameless file.
pub struct Sorter {
    folder: PathBuf,
    /// Bytes of a run, its places included.
    run_bytes: usize,
    memory: usize,
    threads: usize,
    room: Room,
    spill: Option<Spill>,
    spilling: Option<JoinHandle<Result<Emptied, TableError>>>,
}

/// Rows in memory: their records, and where each begins.
#[derive(Default)]
struct Room {
    arena: Vec<u8>,
    places: Vec<Place>,
}

/// Runs on the disk, and room for another.
type Emptied = (Spill, Room);

/// Where a record begins, and sixteen bytes of its key, so that most comparisons need no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    window: [u64; 2],
    /// Bytes of the key in the window, and one more if the key goes on.
    length: u8,
    at: u32,
}

impl Sorter {
    /// A sorter that keeps at most about `memory` bytes, and the rest in a file in `folder`.
    /// With two threads or more it sorts one half while it takes the other.
    pub fn new(folder: &Path, memory: u64, threads: usize) -> Self {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let halves = if threads > 1 { 2 } else { 1 };
        Self {
            folder: folder.to_owned(),
            run_bytes: (memory / halves).min(RUN_MAX),
            memory,
            threads,
            room: Room::default(),
            spill: None,
            spilling: None,
        }
    }

    /// Takes a row.
    pub fn push(&mut self, key: &Key, row: &[Cell<'_>]) -> Result<(), TableError> {
        let Room { arena, places } = &mut self.room;
        let at = u32::try_from(arena.len()).unwrap_or(u32::MAX);
        write_record(arena, &key.0, row);
        places.push(Place { window: [0; 2], length: 0, at });
        if arena.len() + places.len() * PLACE >= self.run_bytes {
            self.spill_run()?;
        }
        Ok(())
    }

    /// Sends what stands in memory to the disk, in order.
    fn spill_run(&mut self) -> Result<(), TableError> {
        let (spill, empty) = self.spilled()?;
        let spill = spill.map_or_else(|| Spill::new(&self.folder), Ok)?;
        let full = std::mem::replace(&mut self.room, empty);
        let folder = self.folder.clone();
        let work = move || write_run(spill, full, &folder);
        if self.threads > 1 {
            self.spilling = Some(std::thread::spawn(work));
        } else {
            let (spill, room) = work()?;
            (self.spill, self.room) = (Some(spill), room);
        }
        Ok(())
    }

    /// Waits for the run on its way to the disk; returns emptied room for another.
    fn spilled(&mut self) -> Result<(Option<Spill>, Room), TableError> {
        let Some(spilling) = self.spilling.take() else {
            return Ok((self.spill.take(), Room::default()));
        };
        let ended = || TableError::new(&self.folder, "sorting ended by itself");
        let (spill, room) = spilling.join().map_err(|_| ended())??;
        Ok((Some(spill), room))
    }

    /// All rows, in order.
    pub fn finish(mut self) -> Result<Sorted, TableError> {
        let (spill, _) = self.spilled()?;
        let Room { arena, mut places } = self.room;
        sort(&arena, &mut places, 0);
        let order = places.iter().map(|place| place.at).collect();
        let last = Source::Memory { arena, order, next: 0 };
        drop(places); // before the merge takes its share of the memory
        let folder = self.folder;
        let mut sources = Vec::new();
        if let Some(mut spill) = spill {
            while spill.runs.len() > FAN_IN {
                spill = merge_runs(&spill, &folder, self.memory)?;
            }
            sources = spill.sources(&spill.runs, self.memory / 2);
        }
        // The last run came last.
        sources.push(last);
        Sorted::new(sources, folder)
    }
}

/// Writes a run to the disk in order; returns its emptied room.
fn write_run(mut spill: Spill, mut room: Room, folder: &Path) -> Result<Emptied, TableError> {
    let Room { arena, places } = &mut room;
    sort(arena, places, 0);
    let records = places.iter().map(|place| record_at(arena, place.at as usize));
    spill.add(records).map_err(|e| lost(folder, &e))?;
    arena.clear();
    places.clear();
    Ok((spill, room))
}

/// Merges runs that stand side by side, until few enough are left to be merged at once.
fn merge_runs(spill: &Spill, folder: &Path, memory: usize) -> Result<Spill, TableError> {
    let mut fewer = Spill::new(folder)?;
    for runs in spill.runs.chunks(FAN_IN) {
        let mut sorted = Sorted::new(spill.sources(runs, memory / 2), folder.to_owned())?;
        fewer.add_all(&mut sorted)?;
    }
    Ok(fewer)
}

/// Orders places by their keys from byte `depth` on, all keys being alike before it. Whoever is
/// alike to the end stands in the order of arrival.
fn sort(arena: &[u8], places: &mut [Place], depth: usize) {
    const WINDOW: usize = 16;
    for place in &mut *places {
        let key = key_at(arena, place.at as usize).get(depth..).unwrap_or_default();
        let mut window = [0; WINDOW];
        let length = key.len().min(WINDOW);
        window[..length].copy_from_slice(&key[..length]);
        let window = u128::from_be_bytes(window);
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        place.window = [half(window >> 64), half(window)];
        place.length = u8::try_from(key.len().min(WINDOW + 1)).unwrap_or_default();
    }
    places.sort_unstable();
    let alike = places.chunk_by_mut(|a, b| (a.window, a.length) == (b.window, b.length));
    for group in alike {
        if group.len() > 1 && usize::from(group[0].length) > WINDOW {
            sort(arena, group, depth + WINDOW);
        }
    }
}

/// Rows in order.
pub struct Sorted {
    folder: PathBuf,
    sources: Vec<Source>,
    /// Sources that are not at their end: a heap with the least key on top.
    heap: Vec<usize>,
    started: bool,
}

/// A row and its key.
#[derive(Debug, Clone, Copy)]
pub struct SortedRow<'a> {
    /// What it was ordered by.
    pub key: &'a [u8],
    row: &'a [u8],
}

impl<'a> SortedRow<'a> {
    /// The texts at the front of the key.
    pub fn texts<const N: usize>(&self) -> Option<[&'a str; N]> {
        let mut texts = [""; N];
        let mut fields = self.key.split(|byte| *byte == 0);
        for text in &mut texts {
            *text = std::str::from_utf8(fields.next()?).ok()?;
        }
        Some(texts)
    }

    /// The cells that were pushed, one by one.
    pub fn each_cell(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let mut row = self.row;
        std::iter::from_fn(move || read_cell(&mut row))
    }

    /// The cells that were pushed, of which there must be `N`.
    pub fn cells<const N: usize>(&self) -> Option<[Cell<'a>; N]> {
        let mut cells = [Cell::Absent; N];
        let mut row = self.row;
        for cell in &mut cells {
            *cell = read_cell(&mut row)?;
        }
        row.is_empty().then_some(cells)
    }
}

impl Sorted {
    fn new(mut sources: Vec<Source>, folder: PathBuf) -> Result<Self, TableError> {
        for source in &mut sources {
            source.advance(false).map_err(|e| lost(&folder, &e))?;
        }
        let heap = (0..sources.len()).filter(|at| sources[*at].key().is_some()).collect();
        let mut sorted = Self { folder, sources, heap, started: false };
        for at in (0..sorted.heap.len()).rev() {
            sorted.sink(at);
        }
        Ok(sorted)
    }

    /// Where rows wait that do not fit into memory.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The next row; `None` at the end.
    pub fn read(&mut self) -> Result<Option<SortedRow<'_>>, TableError> {
        let record = self.record()?;
        let (key, row) = parts(record);
        Ok((!record.is_empty()).then_some(SortedRow { key, row }))
    }

    /// The next record; empty at the end.
    pub(super) fn record(&mut self) -> Result<&[u8], TableError> {
        if std::mem::replace(&mut self.started, true)
            && let Some(&top) = self.heap.first()
        {
            let source = &mut self.sources[top];
            source.advance(true).map_err(|e| lost(&self.folder, &e))?;
            if source.key().is_none() {
                self.heap.swap_remove(0);
            }
            self.sink(0);
        }
        Ok(self.heap.first().map_or(&[], |top| self.sources[*top].record()))
    }

    /// Lets the source in this place of the heap sink until none below it comes before it.
    fn sink(&mut self, mut at: usize) {
        loop {
            let children = [2 * at + 1, 2 * at + 2].into_iter().filter(|c| *c < self.heap.len());
            let Some(least) = children.min_by_key(|child| self.rank(*child)) else { return };
            if self.rank(at) <= self.rank(least) {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    /// Of two alike, the earlier run's comes first: its rows were taken first.
    fn rank(&self, at: usize) -> (Option<&[u8]>, usize) {
        (self.sources[self.heap[at]].key(), self.heap[at])
    }
}
