//! Listening, and stopping without breaking off what runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use super::wire::Wire;
use super::{App, router};
use crate::config::Means;
use crate::facts::Workspace;

/// How much and how long at most.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at once; more wait to be accepted.
    connections: usize,
    /// How long a request's head may take to arrive, and how long a connection may be idle.
    head: Duration,
    /// How long an answer may take to begin.
    answer: Duration,
    /// How long a client may take nothing of an answer.
    stall: Duration,
    /// How long running requests have when the server stops.
    stop: Duration,
}

impl Limits {
    const CONNECTIONS_MAX: usize = 1_024;
    /// What databases, closes and the process itself may hold open besides connections.
    const FILES_BESIDES: usize = 64;

    /// What a process that may open so many files can keep.
    fn of(files_max: usize) -> Self {
        let left = files_max.saturating_sub(Self::FILES_BESIDES).max(1);
        Self {
            connections: Self::CONNECTIONS_MAX.min(left),
            head: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            stall: Duration::from_mins(1),
            stop: Duration::from_secs(30),
        }
    }
}

/// How large a request's head may be.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// What is kept of an answer that the client has not taken yet.
const UNSENT_BYTES_MAX: usize = 32 << 10;
/// What the system keeps of it besides; without a bound it grows to megabytes for each client.
const SYSTEM_BYTES_MAX: u32 = 256 << 10;
const BACKLOG: u32 = 1_024;

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else does.
    #[error(
        "{0} is taken: another program listens there; stop it, or choose another port with --listen"
    )]
    Taken(SocketAddr),
    /// It cannot.
    #[error("cannot listen on {place}: {source}")]
    Listen {
        /// Where.
        place: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Signals cannot be heard.
    #[error("cannot listen for signals: {0}")]
    Signal(std::io::Error),
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    app: App,
    place: SocketAddr,
    limits: Limits,
}

impl Server {
    /// Takes the port.
    pub fn listen(workspace: &Workspace, place: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ServeError::Taken(place),
            _ => ServeError::Listen { place, source },
        };
        let listener = bind(place).map_err(failed)?;
        let place = listener.local_addr().map_err(failed)?;
        let limits = Limits::of(Means::files_max());
        Ok(Self { listener, app: App::new(workspace), place, limits })
    }

    /// Says where it listens (the port is real even if it was asked for as 0) and answers until
    /// the process is told to stop, by SIGTERM or SIGINT; then running requests end. Returns how
    /// many connections had to be broken off.
    pub async fn run(self, say: impl FnOnce(SocketAddr)) -> Result<usize, ServeError> {
        let stop = told_to_stop()?;
        say(self.place);
        self.until(stop, told_to_stop).await
    }

    /// Answers until `stop`; what runs then has its time, unless `again` is begun and ends sooner.
    async fn until<A: Future<Output = ()>>(
        self,
        stop: impl Future<Output = ()>,
        again: impl FnOnce() -> Result<A, ServeError>,
    ) -> Result<usize, ServeError> {
        let limits = self.limits;
        let router = router::router(self.app, limits.answer);
        let places = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let connection = tokio::select! {
                connection = accept(&self.listener, &places) => connection,
                () = &mut stop => break,
            };
            let Some((stream, place)) = connection else { continue };
            let serving = graceful.watch(serve(stream, router.clone(), limits));
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(self.listener);
        tracing::info!("stopping");
        // A second signal is an order, not a wish.
        let again = again()?;
        tokio::select! {
            () = graceful.shutdown() => return Ok(0),
            () = tokio::time::sleep(limits.stop) => {}
            () = again => {}
        }
        Ok(limits.connections - places.available_permits())
    }
}

fn bind(place: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if place.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again takes its port from connections that are only ending.
    socket.set_reuseaddr(true)?;
    // Connections that are accepted inherit it.
    socket.set_send_buffer_size(SYSTEM_BYTES_MAX)?;
    socket.bind(place)?;
    socket.listen(BACKLOG)
}

type Connected = (TcpStream, tokio::sync::OwnedSemaphorePermit);

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Connected> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true); // slower without, not wrong
            Some((stream, place))
        }
        Err(error) => {
            // Out of files, most likely: others must end first.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

type Service = TowerToHyperService<axum::Router>;

fn serve(
    stream: TcpStream,
    router: axum::Router,
    limits: Limits,
) -> http1::Connection<TokioIo<Wire<TcpStream>>, Service> {
    let stream = TokioIo::new(Wire::new(stream, limits.stall));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(UNSENT_BYTES_MAX)
        .serve_connection(stream, TowerToHyperService::new(router))
}

/// Ends when the process is told to.
#[cfg(unix)]
fn told_to_stop() -> Result<impl Future<Output = ()>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends when the process is told to.
#[cfg(not(unix))]
fn told_to_stop() -> Result<impl Future<Output = ()>, ServeError> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    type Stopped = JoinHandle<Result<usize, ServeError>>;

    /// A server with these limits, what stops it, and how it stopped.
    async fn serving(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, Stopped) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::init(folder.path(), None, None).await.unwrap();
        let server = Server::listen(&workspace, "127.0.0.1:0".parse().unwrap()).unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let place = server.place;
        let server = Server { limits, ..server };
        let never = || Ok(std::future::pending());
        (place, stop, tokio::spawn(async move { server.until(stopped, never).await }))
    }

    const ASKED: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n";

    /// The first line of the answer on a new connection, if it comes before the time is over.
    async fn answer(stream: &mut TcpStream) -> Option<[u8; 12]> {
        stream.write_all(ASKED).await.unwrap();
        let mut line = [0; 12];
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read_exact(&mut line));
        read.await.ok()?.unwrap();
        Some(line)
    }

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(Limits::of(256).connections, 192);
        assert_eq!(Limits::of(10).connections, 1);
        assert_eq!(Limits::of(usize::MAX).connections, 1_024);
    }

    #[tokio::test]
    async fn one_connection_more_than_there_may_be_waits_for_another_to_end() {
        let limits = Limits { connections: 2, ..Limits::of(usize::MAX) };
        let (place, _stop, _) = serving(limits).await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(TcpStream::connect(place).await.unwrap());
        }
        let mut answers = Vec::new();
        for stream in &mut streams {
            answers.push(answer(stream).await.is_some());
        }
        assert_eq!(answers, [true, true, false]);
        drop(streams.remove(0));
        let mut line = [0; 12];
        streams[1].read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn what_does_not_end_in_time_is_broken_off_and_counted() {
        let limits = Limits { stop: Duration::from_millis(100), ..Limits::of(usize::MAX) };
        let (place, stop, stopped) = serving(limits).await;
        // Half a request is running for as long as nobody sends the rest.
        let mut half = TcpStream::connect(place).await.unwrap();
        half.write_all(&ASKED[..20]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        assert_eq!(stopped.await.unwrap().unwrap(), 1);
    }
}
