//! A few threads that read files, each one file at a time.
//!
//! The runtime has threads for what blocks, as many as it likes. But an open file takes megabytes
//! while it is read, and the system's allocator keeps what a thread has freed for that thread: many
//! threads that each read a little come to hold as much as if they all read at once. These are few,
//! and whoever reads a file does so on one of them from opening to closing it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::columnar::TableError;

type Job = Box<dyn FnOnce() + Send>;

/// The threads.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    seats: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
}

/// One of them, for as long as this is held.
pub(super) struct Reader {
    jobs: Sender<Job>,
    readers: Readers,
    _seat: OwnedSemaphorePermit,
}

/// Somebody who waits, until they do no more.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    pub(super) fn new(count: usize) -> Self {
        let seats = Arc::new(Semaphore::new(count));
        Self { seats, waiting: Arc::default(), idle: Arc::default() }
    }

    /// Waits for a thread, first come, first served; starts one if none is idle.
    pub(super) async fn reader(&self) -> Result<Reader, TableError> {
        let waiting = Waiting::count(&self.waiting);
        let seat = self.seats.clone().acquire_owned().await;
        drop(waiting);
        let seat = seat.map_err(|_| failed("no thread is left to read with"))?;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let jobs = match kept {
            Some(jobs) => jobs,
            None => start().map_err(failed)?,
        };
        Ok(Reader { jobs, readers: self.clone(), _seat: seat })
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.seats.available_permits()
    }
}

impl Reader {
    /// True if somebody waits for it.
    pub(super) fn is_awaited(&self) -> bool {
        self.readers.waiting.load(Ordering::Relaxed) > 0
    }

    /// Does something on the thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, TableError> + Send + 'static,
    ) -> Result<T, TableError> {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move || {
            let _ = tell.send(work()); // nobody waits any more: then nobody needs it
        });
        self.jobs.send(job).map_err(failed)?;
        told.await.unwrap_or_else(|_| Err(failed("reading panicked")))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.jobs.clone());
    }
}

fn start() -> std::io::Result<Sender<Job>> {
    let (jobs, queue): (Sender<Job>, Receiver<Job>) = channel();
    let thread = std::thread::Builder::new().name("reader".to_owned());
    thread.spawn(move || {
        for job in queue {
            // Whoever waits for it learns of a panic by the channel that it drops.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    })?;
    Ok(jobs)
}

fn failed(reason: impl std::fmt::Display) -> TableError {
    TableError { path: "lines".into(), reason: reason.to_string() }
}
