//! The door over HTTP: published statements, and the keys that open it.
//!
//! In: requests with a key. Out: JSON, CSV streams and problem documents. `router` is the table of
//! contents, `auth` alone decides what a key sees, `problem` says what goes wrong and in which
//! words, `lines` alone opens a month's file. Deliberately not here: any arithmetic with money,
//! and anything that is not published.

mod auth;
mod cursor;
mod download;
mod extract;
mod health;
pub mod keys;
mod lines;
mod log;
mod openapi;
mod periods;
mod problem;
mod readers;
mod router;
mod server;
mod statements;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

pub use router::description;
pub use server::{ServeError, Server};

use crate::facts::Workspace;
use crate::store::Looking;

/// What every handler shares.
#[derive(Debug, Clone)]
struct App {
    look: Looking,
    keys: auth::KnownKeys,
    seal: cursor::Seal,
    desk: download::Desk,
    data: Arc<PathBuf>,
}

impl App {
    /// Connections to the database. SQLite answers on a thread for each.
    const CONNECTIONS_MAX: usize = 8;

    fn new(workspace: &Workspace) -> Self {
        Self {
            look: workspace.store.looking(Self::CONNECTIONS_MAX),
            keys: auth::KnownKeys::default(),
            seal: cursor::Seal::of(&workspace.secret),
            desk: download::Desk::default(),
            data: Arc::new(workspace.data()),
        }
    }
}
