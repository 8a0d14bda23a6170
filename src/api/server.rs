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
use crate::facts::Workspace;

/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a request's head may take to arrive, and how long a connection may be idle.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer.
const STALL_MAX: Duration = Duration::from_mins(1);
/// What is kept of an answer that the client has not taken yet.
const UNSENT_BYTES_MAX: usize = 32 << 10;
/// How long running requests have when the server stops.
const STOP_MAX: Duration = Duration::from_secs(30);
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
        Ok(Self { listener, app: App::new(workspace), place })
    }

    /// Says where it listens (the port is real even if it was asked for as 0) and answers until
    /// the process is told to stop, by SIGTERM or SIGINT; then running requests end. Returns how
    /// many connections had to be broken off.
    pub async fn run(self, say: impl FnOnce(SocketAddr)) -> Result<usize, ServeError> {
        let stop = told_to_stop()?;
        let mut stop = std::pin::pin!(stop);
        say(self.place);
        let router = router::router(self.app);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        loop {
            let connection = tokio::select! {
                connection = accept(&self.listener, &places) => connection,
                () = &mut stop => break,
            };
            let Some((stream, place)) = connection else { continue };
            let serving = graceful.watch(serve(stream, router.clone()));
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
        let again = told_to_stop()?;
        tokio::select! {
            () = graceful.shutdown() => return Ok(0),
            () = tokio::time::sleep(STOP_MAX) => {}
            () = again => {}
        }
        Ok(CONNECTIONS_MAX - places.available_permits())
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
) -> http1::Connection<TokioIo<Wire<TcpStream>>, Service> {
    let stream = TokioIo::new(Wire::new(stream, STALL_MAX));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
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
