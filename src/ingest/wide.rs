//! A large file, or a folder of its parts, read on several threads.
//!
//! One thread reads, decompresses and hashes; the others parse.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::csv::{CsvReader, Record};
use super::parquet::ParquetFile;
use super::pieces::{Next, Piece, Pieces};
use super::rows::{Header, csv_header, wanted};
use super::source::name_of;
use super::split::Splitter;
use super::{Column, Given, IngestError, OtherColumns, Part, RowRead, Source, is_parquet};
use crate::digest::{Canonical, Digest};

/// How far a reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files that have been read.
    pub read: u64,
    /// Bytes of all of them; none where that is not known.
    pub of: Option<u64>,
    /// Rows that have been looked at.
    pub rows: u64,
}

/// Files that hold the same columns and are read as one.
pub struct WideRows {
    parts: Vec<OpenPart>,
    name: String,
    several: bool,
}

/// One file.
struct OpenPart {
    path: PathBuf,
    header: Header,
    body: Body,
}

enum Body {
    /// Opened when its turn comes: of many parts, one is open and in memory at a time.
    Csv {
        names: Vec<String>,
    },
    /// Standard input or a pipe, which can be opened only once.
    Stream(Mutex<Pieces<Source>>),
    Parquet(ParquetFile),
}

/// What a parsing thread gets to do.
enum Work {
    Csv(usize, Piece),
    TooLong(usize, u64),
    /// A row group of a Parquet part, and the rows before it.
    Group(usize, usize, u64),
}

/// What the threads share.
struct Shared<'a> {
    parts: &'a [OpenPart],
    several: bool,
    rows: AtomicU64,
    stop: AtomicBool,
    /// What went wrong first.
    failed: Mutex<Option<IngestError>>,
}

impl WideRows {
    /// Opens files that are read as one, a folder standing for all files in it but hidden ones,
    /// and matches their headers.
    pub fn open(
        paths: &[PathBuf],
        columns: &'static [Column],
        given: &Given,
        others: OtherColumns,
    ) -> Result<Self, IngestError> {
        let files = files_of(paths)?;
        let several = files != *paths || files.len() > 1;
        let open = |(number, path): (usize, PathBuf)| {
            let part = several.then(|| Part { number, path: path.clone() });
            OpenPart::open(path, part, columns, given, others)
        };
        let parts = files.into_iter().enumerate().map(open).collect::<Result<_, _>>()?;
        let name = paths.first().map(|path| name_of(path)).unwrap_or_default();
        Ok(Self { parts, name, several })
    }

    /// The file's or folder's name, without its folders.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a flag gave for a column, if one did.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.parts.first().and_then(|part| part.header.given(name))
    }

    /// Shows every row to one of the `takers`, each of which works on a thread of its own, until
    /// one of them breaks off. All rows that stand before the one it broke off at are shown.
    /// Returns the takers and the SHA-256 of the decompressed bytes read.
    pub fn read<T: Send>(
        self,
        takers: Vec<T>,
        take: impl Fn(&mut T, RowRead<'_>) -> ControlFlow<()> + Sync,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Vec<T>, Digest), IngestError> {
        let shared = Shared {
            parts: &self.parts,
            several: self.several,
            rows: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failed: Mutex::new(None),
        };
        let (sender, receiver) = sync_channel(takers.len().max(1));
        // It ends with the last thread that holds it: then nothing can be sent any more.
        let receiver = Arc::new(Mutex::new(receiver));
        let (takers, digest) = std::thread::scope(|scope| {
            let run = |mut taker: T| {
                let (shared, receiver, take) = (&shared, receiver.clone(), &take);
                scope.spawn(move || {
                    shared.work(&receiver, &mut |read| take(&mut taker, read));
                    taker
                })
            };
            let running: Vec<_> = takers.into_iter().map(run).collect();
            drop(receiver);
            let digest = shared.produce(&sender, progress);
            drop(sender);
            // A panic in a thread is a panic here.
            let join = |thread: std::thread::ScopedJoinHandle<'_, T>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            (running.into_iter().map(join).collect(), digest)
        });
        match shared.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok((takers, digest?)),
        }
    }
}

/// What is read for these paths: a folder stands for all files in it but hidden ones.
pub fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, IngestError> {
    let mut files = Vec::new();
    for path in paths {
        if path != Path::new("-") && path.is_dir() {
            files.extend(parts_of(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// The SHA-256 of what was read: that of the one file, or one over those of several.
pub(super) fn content(digests: &[Digest], several: bool) -> Digest {
    match digests {
        [only] if !several => *only,
        parts => {
            let record = Canonical::new("tantieme folder 1");
            parts.iter().fold(record, |record, part| record.bytes(part.bytes())).digest()
        }
    }
}

/// The files of a folder by name, but for those that engines leave beside their parts.
fn parts_of(folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let read = |source| IngestError::Read { path: folder.to_owned(), source };
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        let path = entry.path();
        let file = std::fs::metadata(&path)
            .map_err(|source| IngestError::Read { path: path.clone(), source })?;
        if !file.is_file() {
            // Whatever it holds would be left out, and nobody would know.
            return Err(IngestError::Folder { path, reason: "a part must be a regular file" });
        }
        parts.push(path);
    }
    parts.sort();
    if parts.is_empty() {
        let reason = "the folder holds no file to read";
        return Err(IngestError::Folder { path: folder.to_owned(), reason });
    }
    Ok(parts)
}

impl OpenPart {
    fn open(
        path: PathBuf,
        part: Option<Part>,
        columns: &'static [Column],
        given: &Given,
        others: OtherColumns,
    ) -> Result<Self, IngestError> {
        if is_parquet(&path)? {
            let file = ParquetFile::open(&path, |name| wanted(columns, others, name))?;
            let header = Header::new(&path, columns, &file.names(), given.clone(), others)?;
            let header = header.of(part);
            return Ok(Self { path, header, body: Body::Parquet(file) });
        }
        let (names, body) = if length(&path).is_some() {
            let mut reader = CsvReader::new(Source::open(&path)?);
            let names = csv_header(&mut reader, &path)?;
            (names.clone(), Body::Csv { names })
        } else {
            let (names, pieces) = open_csv(&path)?;
            (names, Body::Stream(Mutex::new(pieces)))
        };
        let header = Header::new(&path, columns, &names, given.clone(), others)?.of(part);
        Ok(Self { path, header, body })
    }

    /// Hands out the pieces of a CSV; returns the hash of what was read.
    fn cut(
        &self,
        index: usize,
        pieces: &mut Pieces<Source>,
        hand_out: &mut dyn FnMut(Work) -> bool,
        report: &mut dyn FnMut(u64),
    ) -> Result<Digest, IngestError> {
        let read = |source| IngestError::Read { path: self.path.clone(), source };
        loop {
            report(pieces.source().consumed());
            let work = match pieces.next().map_err(read)? {
                Next::Piece(piece) => Work::Csv(index, piece),
                Next::TooLong(line) => Work::TooLong(index, line),
                Next::End => break,
            };
            if !hand_out(work) {
                break;
            }
        }
        Ok(pieces.source().digest())
    }
}

/// A file's bytes; nothing for standard input and pipes.
fn length(path: &Path) -> Option<u64> {
    let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
    file.filter(|_| path != Path::new("-")).map(|file| file.len())
}

/// The names in a CSV file's header, and the rows after it.
fn open_csv(path: &Path) -> Result<(Vec<String>, Pieces<Source>), IngestError> {
    let mut pieces = Pieces::new(Source::open(path)?);
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    let mut reader = CsvReader::new(pieces.peek().map_err(read)?);
    let names = csv_header(&mut reader, path)?;
    let header = usize::try_from(reader.place().end).unwrap_or(usize::MAX);
    pieces.pass(header);
    Ok((names, pieces))
}

impl Shared<'_> {
    /// Hands out all work; returns the hash of what was read.
    fn produce(
        &self,
        sender: &SyncSender<Work>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Digest, IngestError> {
        let of: Option<u64> = self.parts.iter().map(|part| length(&part.path)).sum();
        let mut before = 0;
        let mut report = |read: u64| {
            progress(Progress { read, of, rows: self.rows.load(Ordering::Relaxed) });
        };
        let mut digests = Vec::with_capacity(self.parts.len());
        // Work that nobody takes any more is dropped: the threads have stopped.
        let mut hand_out = |work| !self.stopped() && sender.send(work).is_ok();
        for (index, part) in self.parts.iter().enumerate() {
            if self.stopped() {
                break;
            }
            let mut report = |read: u64| report(before + read);
            digests.push(match &part.body {
                Body::Csv { names } => {
                    let (found, mut pieces) = open_csv(&part.path)?;
                    if found != *names {
                        let reason = "the header was changed while files were read".to_owned();
                        return Err(IngestError::Header { path: part.path.clone(), reason });
                    }
                    part.cut(index, &mut pieces, &mut hand_out, &mut report)?
                }
                Body::Stream(pieces) => {
                    part.cut(index, &mut locked(pieces), &mut hand_out, &mut report)?
                }
                Body::Parquet(file) => {
                    let (length, groups) = (length(&part.path).unwrap_or(0), file.groups().count());
                    let mut rows = 0;
                    for (group, count) in file.groups().enumerate() {
                        report(length * group as u64 / groups.max(1) as u64);
                        if !hand_out(Work::Group(index, group, rows)) {
                            break;
                        }
                        rows += count;
                    }
                    Digest::of_file(&part.path)
                        .map_err(|source| IngestError::Read { path: part.path.clone(), source })?
                }
            });
            before += length(&part.path).unwrap_or(0);
        }
        report(before);
        Ok(content(&digests, self.several))
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Parses until there is no more work. Work that was taken is done to its end or to the row
    /// that the taker breaks off at.
    fn work(
        &self,
        receiver: &Mutex<Receiver<Work>>,
        take: &mut dyn FnMut(RowRead<'_>) -> ControlFlow<()>,
    ) {
        let mut splitter = Splitter::default();
        loop {
            let next = {
                // Looked at before work is taken, and by one thread at a time: what was taken stands
                // before all that is left, so that no row before the one broken off at is left out.
                let receiver = locked(receiver);
                if self.stopped() { None } else { receiver.recv().ok() }
            };
            let Some(work) = next else { return };
            let part = match &work {
                Work::Csv(part, _) | Work::TooLong(part, _) | Work::Group(part, ..) => *part,
            };
            let part = &self.parts[part];
            let mut rows = 0;
            let mut counting = |read: RowRead<'_>| {
                rows += 1;
                take(read)
            };
            let done = match work {
                Work::Csv(_, piece) => Ok(splitter.read(&part.header, piece, &mut counting)),
                Work::TooLong(_, line) => {
                    Ok(counting(part.header.record(&Record::TooLong, line, 0, None)))
                }
                Work::Group(_, group, before) => read_group(part, group, before, &mut counting),
            };
            self.rows.fetch_add(rows, Ordering::Relaxed);
            match done {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => self.stop.store(true, Ordering::Relaxed),
                Err(error) => {
                    self.stop.store(true, Ordering::Relaxed);
                    locked(&self.failed).get_or_insert(error);
                }
            }
        }
    }
}

fn read_group(
    part: &OpenPart,
    group: usize,
    before: u64,
    take: &mut dyn FnMut(RowRead<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, IngestError> {
    let Body::Parquet(file) = &part.body else { return Ok(ControlFlow::Continue(())) };
    let mut reader = file.rows(Some((group, before)))?;
    loop {
        match part.header.next_of(&mut reader)? {
            RowRead::End => return Ok(ControlFlow::Continue(())),
            read => {
                if take(read).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A thread that panicked while it held the lock ends the whole reading when it is joined.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a taker gave up")]
    fn a_taker_that_panics_ends_the_reading_of_a_file_of_many_pieces() {
        const COLUMNS: &[Column] = &[Column::required("a")];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, format!("a\n{}", "0123456789abcde\n".repeat(3 << 20))).unwrap();
        let rows = WideRows::open(&[path], COLUMNS, &Given::new(), OtherColumns::Refused).unwrap();
        let take = |(): &mut (), _: RowRead<'_>| panic!("a taker gave up");
        let _ = rows.read(vec![(); 2], take, &mut |_| {});
    }
}
