//! Streams of CSV in constant memory, whoever reads them and however slowly.
//!
//! A download is a task that fills one chunk at a time. An open file costs memory, so there are
//! few, and a download has one only while its client reads: once the client has left a chunk lying
//! for [`Patience::hold`], the task lets go of the file and keeps nothing but its row. It opens the
//! file again there when the client reads on, and gives up after [`Patience::give_up`]. Threads
//! that block are never held by a client: each fills one chunk and goes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::lines::{Reading, Wanted, csv_header};
use super::problem::Problem;
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
    /// One for each file that may be open at once.
    files: Arc<Semaphore>,
    /// One for each download that may be under way, stalled ones included.
    downloads: Arc<Semaphore>,
    patience: Patience,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl Desk {
    const FILES_MAX: usize = 8;
    /// Fewer than connections, so that downloads cannot take them all.
    const DOWNLOADS_MAX: usize = 768;
    /// How long a file is kept while others wait for one.
    const TURN: Duration = Duration::from_millis(250);

    fn new(patience: Patience) -> Self {
        let files = Arc::new(Semaphore::new(Self::FILES_MAX));
        let downloads = Arc::new(Semaphore::new(Self::DOWNLOADS_MAX));
        Self { files, downloads, patience }
    }

    async fn file(&self) -> Result<OwnedSemaphorePermit, Problem> {
        // The semaphore is never closed.
        self.files.clone().acquire_owned().await.map_err(|_| Problem::Busy)
    }

    fn others_wait(&self) -> bool {
        self.files.available_permits() == 0
    }

    /// Opens the wanted rows and does something with them on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        wanted: Wanted,
        work: impl FnOnce(&mut Reading) -> Result<T, TableError> + Send + 'static,
    ) -> Result<T, Problem> {
        let file = self.file().await?;
        let work = move || {
            let _file = file; // kept while the thread works, even if nobody waits for it any more
            work(&mut Reading::open(wanted)?)
        };
        Ok(blocking(work).await?)
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TableError> + Send + 'static,
) -> Result<T, TableError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(TableError { path: "lines".into(), reason: e.to_string() }))
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

    /// Opens the file and sends chunk after chunk, until there is a reason to let go of it.
    async fn turn(&mut self) -> Result<Turn, Broken> {
        let file = tokio::select! {
            file = self.desk.file() => file.map_err(|e| Broken::Table(e.to_string()))?,
            () = self.sender.closed() => return Ok(Turn::Over),
        };
        let file = Arc::new(file);
        let began = Instant::now();
        let mut kept: Option<Reading> = None;
        loop {
            let patience = self.desk.patience;
            let hold = if self.desk.others_wait() { patience.hold_others } else { patience.hold };
            let Some(room) = self.room(hold).await else {
                return Ok(if self.sender.is_closed() { Turn::Over } else { Turn::LetGo });
            };
            let (wanted, held) = (self.wanted.clone(), file.clone());
            let filled = blocking(move || {
                let _held = held; // kept while the thread works, even if the server is stopping
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
            // A stretch without a line that is seen is nothing to send.
            if reading.done() || !chunk.is_empty() {
                let header = if self.first { csv_header() } else { &[] };
                room.send(Ok([header, &chunk].concat().into()));
                self.first = false;
            }
            if reading.done() {
                return Ok(Turn::Over);
            }
            if began.elapsed() > Desk::TURN && self.desk.others_wait() {
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
