//! Streams of CSV in constant memory, whoever reads them and however slowly.
//!
//! A download is a task that fills one chunk at a time. An open file costs memory, so there are
//! few, and a download has one only while its client reads: once the client has left a chunk lying
//! for [`Patience::hold`], the task lets go of the file and keeps nothing but its row. It opens the
//! file again there when the client reads on, and gives up after [`Patience::give_up`]. Threads
//! that block are never held by a client: each fills one chunk and goes.
//!
//! Pages and the beginnings of downloads are short, and their answers have a time in which they must
//! begin. They do not queue behind downloads that go on: one file is kept for them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::{Semaphore, mpsc};

use super::lines::{Reading, Wanted, csv_header};
use super::problem::Problem;
use super::readers::{Reader, Readers};
use crate::columnar::TableError;

/// How long a download waits for its client.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// With a file open.
    hold: Duration,
    /// With a file open while others wait for one.
    hold_others: Duration,
    /// At all.
    give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(1),
            hold_others: Duration::from_millis(20),
            give_up: Duration::from_mins(1),
        }
    }
}

/// Gives out files to read and counts downloads.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    /// One for each file that may be open at once, but for the next.
    files: Readers,
    /// The one that is kept for what is short.
    short: Readers,
    /// One for each download that may be under way, stalled ones included.
    downloads: Arc<Semaphore>,
    patience: Patience,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new(Patience::default(), Self::DOWNLOADS_MAX)
    }
}

impl Desk {
    /// An open file costs some ten megabytes.
    const FILES_MAX: usize = 4;
    /// Fewer than connections, so that downloads cannot take them all.
    const DOWNLOADS_MAX: usize = 768;
    /// How long a file is kept while others wait for one.
    const TURN: Duration = Duration::from_millis(250);

    fn new(patience: Patience, downloads_max: usize) -> Self {
        let (files, short) = (Readers::new(Self::FILES_MAX - 1), Readers::new(1));
        let downloads = Arc::new(Semaphore::new(downloads_max));
        Self { files, short, downloads, patience }
    }

    /// A file for something short, whichever is free first.
    async fn soon(&self) -> Result<Reader, TableError> {
        tokio::select! {
            biased;
            file = self.files.reader() => file,
            file = self.short.reader() => file,
        }
    }

    /// Opens the wanted rows and does something with them on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        wanted: Wanted,
        work: impl FnOnce(&mut Reading) -> Result<T, TableError> + Send + 'static,
    ) -> Result<T, Problem> {
        let file = self.soon().await?;
        Ok(file.run(move || work(&mut Reading::open(wanted)?)).await?)
    }

    /// Starts a download. It has a header and, if `some` is asked for, at least one line;
    /// otherwise it is [`Problem::NotFound`].
    pub(super) async fn start(&self, wanted: Wanted, some: bool) -> Result<Body, Problem> {
        let place = self.downloads.clone().try_acquire_owned().map_err(|_| Problem::Busy)?;
        let (sender, mut chunks) = mpsc::channel(1);
        let complete = Arc::new(AtomicBool::new(false));
        let (desk, done) = (self.clone(), complete.clone());
        let download = Download { desk, wanted, sender, complete: done, first: true, some };
        tokio::spawn(async move {
            download.run().await;
            drop(place);
        });
        match chunks.recv().await {
            Some(Ok(first)) => Ok(Body::new(Chunks { first: Some(first), rest: chunks, complete })),
            Some(Err(Broken::Nothing)) => Err(Problem::NotFound),
            Some(Err(Broken::Table(reason))) => Err(Problem::Internal(reason)),
            None => Err(Problem::Internal("a download ended before it began".to_owned())),
        }
    }
}

type Sent = Result<Bytes, Broken>;

/// Why a download ends before its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// No line is seen.
    #[error("no line is seen")]
    Nothing,
    /// The file cannot be read, or not any more.
    #[error("{0}")]
    Table(String),
}

struct Download {
    desk: Desk,
    wanted: Wanted,
    sender: mpsc::Sender<Sent>,
    complete: Arc<AtomicBool>,
    /// True until the header is sent.
    first: bool,
    some: bool,
}

/// Why a file is let go of.
enum Turn {
    /// All is sent.
    Over,
    /// The client does not read, or others wait.
    LetGo,
}

impl Download {
    async fn run(mut self) {
        loop {
            // Nothing is opened for a client that does not read.
            if self.room(self.desk.patience.give_up).await.is_none() {
                tracing::debug!("a download was given up: its client does not read");
                return;
            }
            match self.turn().await {
                Ok(Turn::LetGo) => {}
                Ok(Turn::Over) => {
                    self.complete.store(true, Ordering::Release);
                    return;
                }
                Err(broken) => {
                    if let Broken::Table(reason) = &broken {
                        tracing::error!(reason, "a download broke off");
                    }
                    let _ = self.sender.send(Err(broken)).await; // a client that left needs no word
                    return;
                }
            }
        }
    }

    /// Waits until the client has taken what it was sent.
    async fn room(&self, patience: Duration) -> Option<mpsc::OwnedPermit<Sent>> {
        let room = self.sender.clone().reserve_owned();
        tokio::time::timeout(patience, room).await.ok()?.ok()
    }

    /// The same with a file, which others may come to wait for.
    async fn room_holding(&self, file: &Reader) -> Option<mpsc::OwnedPermit<Sent>> {
        let patience = self.desk.patience;
        let began = Instant::now();
        loop {
            let room = self.room(patience.hold_others).await;
            let over = began.elapsed() >= patience.hold || file.is_awaited();
            if room.is_some() || over || self.sender.is_closed() {
                return room;
            }
        }
    }

    /// Opens the file and sends chunk after chunk, until there is a reason to let go of it.
    async fn turn(&mut self) -> Result<Turn, Broken> {
        let beginning = self.first;
        let file = tokio::select! {
            file = self.desk.soon(), if beginning => file,
            file = self.desk.files.reader(), if !beginning => file,
            () = self.sender.closed() => return Ok(Turn::Over),
        };
        let file = file.map_err(|e| Broken::Table(e.to_string()))?;
        let began = Instant::now();
        let mut kept: Option<Reading> = None;
        loop {
            let Some(room) = self.room_holding(&file).await else {
                return Ok(if self.sender.is_closed() { Turn::Over } else { Turn::LetGo });
            };
            let wanted = self.wanted.clone();
            let filled = file.run(move || {
                let mut reading = match kept {
                    Some(reading) => reading,
                    None => Reading::open(wanted)?,
                };
                let chunk = reading.chunk()?;
                Ok((reading, chunk))
            });
            let (reading, chunk) = filled.await.map_err(|e| Broken::Table(e.to_string()))?;
            self.wanted.row = reading.row();
            if reading.done() && self.first && self.some && chunk.is_empty() {
                return Err(Broken::Nothing);
            }
            // A stretch without a line that is seen is nothing to send, but a header that waits for
            // no line is sent at once.
            if reading.done() || !chunk.is_empty() || (self.first && !self.some) {
                let header = if self.first { csv_header() } else { Vec::new() };
                room.send(Ok([header, chunk].concat().into()));
                self.first = false;
            }
            if reading.done() {
                return Ok(Turn::Over);
            }
            let begun = beginning && !self.first;
            if begun || (began.elapsed() > Desk::TURN && file.is_awaited()) {
                return Ok(Turn::LetGo);
            }
            kept = Some(reading);
        }
    }
}

/// The chunks of a download as a body.
struct Chunks {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Sent>,
    /// Set when everything is sent: a download that was given up must not look like a short one.
    complete: Arc<AtomicBool>,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.rest.poll_recv(context).map(|next| match next {
            Some(chunk) => Some(chunk.map(Frame::data)),
            None if self.complete.load(Ordering::Acquire) => None,
            None => Some(Err(Broken::Table("the download was given up".to_owned()))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::auth::LineSight;
    use crate::columnar::{Cell, TableWriter};
    use crate::money::Micros;
    use crate::statements::LAYOUT;

    const ROWS: usize = 3_000;

    /// A month's file: mei's lines, paid by a service.
    fn month(folder: &std::path::Path) -> Wanted {
        let path = folder.join("statements.parquet");
        let file = std::fs::File::create(&path).unwrap();
        let mut table = TableWriter::new(file, &path, LAYOUT).unwrap();
        for row in 0..ROWS {
            let recording = format!("many::{row}");
            let texts = [
                "2026-10/mei/CNY",
                "2026-10",
                "mei",
                "cloud",
                "share",
                &recording,
                "A \"song\", of sorts",
                "Mei",
                "cloud",
                "svip",
                "CN",
                "recording",
            ];
            let nothing = Cell::Amount(Micros::ZERO);
            let cells = texts.map(Cell::Text).into_iter().chain([
                Cell::Int(1),
                nothing,
                Cell::Text("100"),
                nothing,
                Cell::Text("CNY"),
                Cell::Text(""),
                Cell::Id([7; 16]),
            ]);
            let cells = cells.chain(["Mei", "cloud", "mei", "Mei"].map(Cell::Text));
            table.push(&cells.collect::<Vec<_>>()).unwrap();
        }
        table.finish().unwrap();
        Wanted { path, row: 0, end: ROWS, sight: LineSight::Whole }
    }

    fn desk() -> Desk {
        let millis = Duration::from_millis;
        let patience = Patience { hold: millis(50), hold_others: millis(5), give_up: millis(400) };
        Desk::new(patience, DOWNLOADS)
    }

    const DOWNLOADS: usize = 32;

    fn free(desk: &Desk) -> usize {
        desk.files.free() + desk.short.free()
    }

    async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(10), future).await.unwrap()
    }

    /// The next chunk, an error's words, or nothing.
    async fn next(body: &mut Body) -> Option<Result<Bytes, String>> {
        let frame =
            std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()).map_err(|e| e.to_string()))
    }

    #[tokio::test]
    async fn a_client_that_pauses_holds_no_file_and_gets_all_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = month(folder.path());
        let desk = desk();
        let whole = desk.read(wanted.clone(), |reading| {
            let mut bytes = csv_header();
            while !reading.done() {
                bytes.extend(reading.chunk()?);
            }
            Ok(bytes)
        });
        let whole = whole.await.unwrap();
        let mut body = desk.start(wanted, true).await.unwrap();
        let (mut bytes, mut chunks) = (Vec::new(), 0);
        while let Some(chunk) = next(&mut body).await {
            let chunk = chunk.unwrap();
            assert!(chunk.len() <= 2 * super::super::lines::CHUNK_BYTES, "{}", chunk.len());
            bytes.extend_from_slice(&chunk);
            chunks += 1;
            if chunks % 4 == 0 {
                tokio::time::sleep(Duration::from_millis(150)).await;
                assert_eq!(free(&desk), Desk::FILES_MAX);
            }
        }
        assert!(chunks > 10 && bytes == whole);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(desk.downloads.available_permits(), DOWNLOADS);
    }

    #[tokio::test]
    async fn a_client_that_stays_away_is_given_up_and_sees_that_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk();
        let mut body = desk.start(month(folder.path()), true).await.unwrap();
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert_eq!(desk.downloads.available_permits(), DOWNLOADS);
        let mut last = next(&mut body).await;
        while let Some(Ok(_)) = last {
            last = next(&mut body).await;
        }
        assert_eq!(last, Some(Err("the download was given up".to_owned())));
    }

    #[tokio::test]
    async fn a_stream_without_a_line_is_a_header_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = Wanted { sight: LineSight::Party("cloud".into()), ..month(folder.path()) };
        let mut body = desk().start(wanted.clone(), false).await.unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), csv_header());
        assert_eq!(next(&mut body).await, None);
        assert!(matches!(desk().start(wanted, true).await, Err(Problem::NotFound)));
    }

    #[tokio::test]
    async fn many_at_once_take_turns_with_few_files() {
        let folder = tempfile::tempdir().unwrap();
        let (desk, wanted) = (desk(), month(folder.path()));
        let mut stalled = Vec::new();
        for _ in 0..5 * Desk::FILES_MAX {
            stalled.push(desk.start(wanted.clone(), true).await.unwrap());
        }
        let mut body = desk.start(wanted, true).await.unwrap();
        let mut bytes = 0;
        while let Some(chunk) = next(&mut body).await {
            bytes += chunk.unwrap().len();
        }
        assert!(bytes > ROWS * 100);
    }

    #[tokio::test]
    async fn what_is_short_does_not_wait_for_what_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = month(folder.path());
        let hour = Duration::from_hours(1);
        let desk = Desk::new(Patience { hold: hour, hold_others: hour, give_up: hour }, DOWNLOADS);
        let mut holding = Vec::new();
        for _ in 0..2 * Desk::FILES_MAX {
            holding.push(soon(desk.start(wanted.clone(), true)).await.unwrap());
        }
        soon(async {
            while desk.files.free() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let lines = soon(desk.read(wanted.clone(), |reading| reading.page(10))).await.unwrap();
        assert_eq!(lines.len(), 10);
        let mut body = soon(desk.start(wanted, true)).await.unwrap();
        assert!(soon(next(&mut body)).await.unwrap().unwrap().starts_with(&csv_header()));
    }

    #[tokio::test]
    async fn a_file_is_kept_until_somebody_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (hour, moment) = (Duration::from_hours(1), Duration::from_millis(5));
        let patience = Patience { hold: hour, hold_others: moment, give_up: hour };
        let (desk, wanted) = (Desk::new(patience, DOWNLOADS), month(folder.path()));
        let mut holding = Vec::new();
        for _ in 0..Desk::FILES_MAX - 1 {
            holding.push(desk.start(wanted.clone(), true).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(desk.files.free(), 0);
        let mut body = desk.start(wanted, true).await.unwrap();
        for _ in 0..3 {
            soon(next(&mut body)).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn downloads_are_counted_while_they_are_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let (desk, wanted) = (Desk::new(Patience::default(), 1), month(folder.path()));
        let body = desk.start(wanted.clone(), true).await.unwrap();
        assert!(matches!(desk.start(wanted.clone(), true).await, Err(Problem::Busy)));
        drop(body);
        soon(async {
            while desk.start(wanted.clone(), true).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}
