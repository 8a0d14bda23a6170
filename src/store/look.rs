//! One statement at a time, without a transaction around it.
//!
//! A server that answers thousands of small questions a second would spend most of its time on
//! BEGIN, COMMIT and the pool's own questions to the database. These connections are asked
//! directly, keep their prepared statements, and cannot change anything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};
use tokio::sync::Semaphore;

use super::{Row, Store, StoreError, Value, bind_all};

/// How long a question waits for a free connection, and a connection for its database.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What a connection that looks keeps of the file, in KiB with a minus before it. Small questions
/// need the upper levels of an index; what is below them the system keeps once for all.
const SQLITE_CACHE: &str = "-4096";

/// Connections that only look. Each question sees what is committed when it is asked.
#[derive(Debug, Clone)]
pub struct Looking(Arc<Connections>);

#[derive(Debug)]
struct Connections {
    /// One for each connection that may be open.
    seats: Semaphore,
    idle: Either,
}

#[derive(Debug)]
enum Either {
    Sqlite(Idle<SqliteConnection>),
    Postgres(Idle<PgConnection>),
}

/// Connections that nobody is using.
#[derive(Debug)]
struct Idle<C: Connection> {
    options: C::Options,
    /// The database, without a password.
    place: String,
    free: Mutex<Vec<C>>,
}

impl<C: Connection> Idle<C> {
    fn new(options: C::Options, place: String) -> Self {
        Self { options, place, free: Mutex::new(Vec::new()) }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<C>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner) // a Vec is whole at every step
    }

    fn take(&self) -> Option<C> {
        self.free().pop()
    }

    fn put(&self, connection: C) {
        self.free().push(connection);
    }

    /// Forgets them: the server they spoke to may be gone.
    fn forget(&self) {
        drop(std::mem::take(&mut *self.free()));
    }

    async fn open(&self) -> Result<C, StoreError>
    where
        C::Options: ConnectOptions<Connection = C>,
    {
        let opened = tokio::time::timeout(WAIT_MAX, self.options.connect()).await;
        let opened = opened.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        opened.map_err(|source| StoreError::Open { place: self.place.clone(), source })
    }
}

impl StoreError {
    /// True if the database cannot be asked now and may be later; nothing is wrong with the question.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Open { .. } => true,
            Self::Sql(error) => is_lost(error),
            Self::Url(_) | Self::Migrate(_) | Self::Busy => false,
        }
    }
}

/// True if it is the connection that failed and not the question. Of the classes of SQLSTATE, 08 is
/// the connection and 57P the server going away.
fn is_lost(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Database(told) => {
            told.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
        }
        error => matches!(
            error,
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed
        ),
    }
}

/// Asks on an idle connection or a new one. A connection that fails is dropped, and so is one
/// whose asker has gone away; a question on a kept one that is lost is asked once more on a new one.
macro_rules! ask {
    ($idle:expr, $sql:expr, $values:expr, $row:path) => {{
        let kept = match $idle.take() {
            None => None,
            Some(mut connection) => {
                match bind_all!($sql, $values).fetch_all(&mut connection).await {
                    Ok(rows) => Some((connection, rows)),
                    Err(error) if !is_lost(&error) => return Err(error.into()),
                    Err(error) => {
                        tracing::debug!(%error, "asked once more on a new connection");
                        $idle.forget();
                        None
                    }
                }
            }
        };
        let (connection, rows) = match kept {
            Some(kept) => kept,
            None => {
                let mut connection = $idle.open().await?;
                let rows = bind_all!($sql, $values).fetch_all(&mut connection).await?;
                (connection, rows)
            }
        };
        $idle.put(connection);
        Ok(rows.into_iter().map($row).collect())
    }};
}

impl Looking {
    /// Runs a query; returns its rows.
    pub async fn rows(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let seat = tokio::time::timeout(WAIT_MAX, self.0.seats.acquire()).await;
        let Ok(Ok(_seat)) = seat else { return Err(sqlx::Error::PoolTimedOut.into()) };
        match &self.0.idle {
            Either::Sqlite(idle) => ask!(idle, sql, values, Row::Sqlite),
            Either::Postgres(idle) => ask!(idle, sql, values, Row::Postgres),
        }
    }

    /// Runs a query that has one row or none.
    pub async fn row(
        &self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }
}

impl Store {
    /// Connections of their own for looking, `count` at most, opened as they are needed.
    pub fn looking(&self, count: usize) -> Looking {
        let idle = match self {
            Self::Sqlite(pool) => {
                let options: SqliteConnectOptions = pool.connect_options().as_ref().clone();
                let place = options.get_filename().display().to_string();
                let options = options.pragma("query_only", "1");
                Either::Sqlite(Idle::new(options.pragma("cache_size", SQLITE_CACHE), place))
            }
            Self::Postgres(pool) => {
                let options = pool.connect_options().as_ref().clone();
                let name = options.get_database().unwrap_or_default();
                let place = format!("{}:{}/{name}", options.get_host(), options.get_port());
                let options = options.options([("default_transaction_read_only", "on")]);
                Either::Postgres(Idle::new(options, place))
            }
        };
        Looking(Arc::new(Connections { seats: Semaphore::new(count), idle }))
    }
}
