//! The two databases: SQLite in the workspace, PostgreSQL for production.
//!
//! In: statements from the constants in this room and plain values. Out: rows. Everything runs
//! in a transaction: [`Store::read`] for looking, [`Store::write`] for changing; only a server that
//! asks one thing at a time looks without one ([`Looking`]). Statements use
//! the SQL that both databases share (`$n`, RETURNING, ON CONFLICT, windows); what they do not
//! share is in `dialect`.
//!
//! Deliberately not here: any meaning. The rooms below say what a row is.

mod dialect;
mod look;
mod migrations;
pub mod statements;

use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Postgres, Row as _, Sqlite};

pub use dialect::{Lock, Table};
pub use look::Looking;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names neither database.
    #[error("database URL must begin with sqlite: or postgres: (it begins with {0:?})")]
    Url(String),
    /// The database cannot be reached or opened.
    #[error("cannot open the database {place}: {source}")]
    Open {
        /// The URL without its password.
        place: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// Its tables could not be made or brought up to date.
    #[error("cannot bring the database's tables up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Somebody else has been writing for as long as this one waits.
    #[error(
        "another process has been writing to the database for over a minute: let it finish, then run this again"
    )]
    Busy,
    /// A statement failed.
    #[error("database: {0}")]
    Sql(#[from] sqlx::Error),
}

/// What a connection keeps of the file, in KiB with a minus before it: a month of a million
/// payees is posted in one transaction, and pages that are pushed out of it are written twice.
const SQLITE_CACHE: &str = "-131072";

/// Transactions come one after the other. A connection goes back to its pool in the background, so
/// with room for a second one each transaction that follows another at once would open it, and a
/// server takes longer to start a connection than to answer.
const POSTGRES_CONNECTIONS: u32 = 1;

/// A database, open. It has one transaction at a time: end one before the next begins.
#[derive(Debug, Clone)]
pub enum Store {
    /// The embedded one.
    Sqlite(sqlx::SqlitePool),
    /// The server.
    Postgres(sqlx::PgPool),
}

/// A value on its way into a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A row on its way out; columns are counted from 0.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// From PostgreSQL.
    Postgres(sqlx::postgres::PgRow),
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: usize) -> Result<$type, StoreError> {
            Ok(match self {
                Self::Sqlite(row) => row.try_get(column)?,
                Self::Postgres(row) => row.try_get(column)?,
            })
        }
    };
}

impl Row {
    getter!(/// A whole number.
        int, i64);
    getter!(/// A whole number, or nothing.
        opt_int, Option<i64>);
    getter!(/// A text.
        text, String);
    getter!(/// A text, or nothing.
        opt_text, Option<String>);
    getter!(/// Bytes.
        bytes, Vec<u8>);
}

/// A transaction; dropped without [`Tx::commit`], it leaves no trace.
pub enum Tx {
    /// On SQLite.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

macro_rules! bind_all {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                Value::Int(value) => query.bind(*value),
                Value::Text(value) => query.bind(value.as_deref()),
                Value::Bytes(value) => query.bind(value.as_slice()),
            };
        }
        query
    }};
}
pub(crate) use bind_all;

impl Store {
    /// Opens the embedded database of a workspace; `create` makes the file.
    pub async fn open_sqlite(path: &Path, create: bool) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", SQLITE_CACHE)
            .busy_timeout(Duration::from_mins(1))
            // A bulk statement is long by nature; nobody who closes a month can act on a warning.
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { place: path.display().to_string(), source })?;
        let applied = sqlx::raw_sql(migrations::APPLIED).fetch_all(&pool).await;
        let applied = applied.into_iter().flatten().map(Row::Sqlite);
        let migrator = migrations::sqlite();
        if !migrations::all_stand(&migrator, applied) {
            migrator.run(&pool).await?;
        }
        Ok(Self::Sqlite(pool))
    }

    /// Opens a database by URL: `postgres://user@host/name` or `sqlite:PATH`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(Path::new(path.trim_start_matches("//")), true).await;
        }
        if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(StoreError::Url(url.split(':').next().unwrap_or_default().to_owned()));
        }
        // What stands between the last @ and the options: never the password.
        let place = url.rsplit('@').next().unwrap_or_default().split('?').next();
        let failed =
            |source| StoreError::Open { place: place.unwrap_or_default().to_owned(), source };
        let options: PgConnectOptions = url.parse().map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(15))
            .connect_with(options.disable_statement_logging())
            .await
            .map_err(failed)?;
        let applied = sqlx::raw_sql(migrations::APPLIED).fetch_all(&pool).await;
        let applied = applied.into_iter().flatten().map(Row::Postgres);
        let migrator = migrations::postgres();
        if !migrations::all_stand(&migrator, applied) {
            migrator.run(&pool).await?;
        }
        Ok(Self::Postgres(pool))
    }

    /// Starts a transaction that only looks, at one consistent state.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
        })
    }

    /// Starts a transaction that changes. There is one at a time on either database: the next one
    /// waits for its turn here, on SQLite for a minute at most.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => {
                let begun = pool.begin_with("BEGIN IMMEDIATE").await;
                Tx::Sqlite(begun.map_err(|error| {
                    if is_busy(&error) { StoreError::Busy } else { error.into() }
                })?)
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                sqlx::query(dialect::POSTGRES_WRITER).execute(&mut *tx).await?;
                Tx::Postgres(tx)
            }
        })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// True if SQLite waited for another writer in vain.
fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == SQLITE_BUSY)
}

impl Tx {
    /// Runs a statement; returns how many rows it touched.
    pub async fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bind_all!(sql, values).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bind_all!(sql, values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs a query; returns its rows.
    pub async fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = bind_all!(sql, values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bind_all!(sql, values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs a query and looks at its rows one by one, however many there are.
    pub async fn each<E: From<StoreError>>(
        &mut self,
        sql: &'static str,
        values: &[Value],
        mut look: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(StoreError::Sql(error));
        match self {
            Self::Sqlite(tx) => {
                let mut rows = bind_all!(sql, values).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    look(&Row::Sqlite(row))?;
                }
            }
            Self::Postgres(tx) => {
                let mut rows = bind_all!(sql, values).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    look(&Row::Postgres(row))?;
                }
            }
        }
        Ok(())
    }

    /// Runs a query that has one row or none.
    pub async fn row(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Adds many rows to a table, as fast as the database allows.
    pub async fn add(
        &mut self,
        table: Table,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<u64, StoreError> {
        dialect::add(self, table, rows).await
    }

    /// Asks both databases whether a statement makes sense, without running it.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<(), StoreError> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        match self {
            Self::Sqlite(tx) => drop((&mut **tx).prepare(sql.into_sql_str()).await?),
            Self::Postgres(tx) => drop((&mut **tx).prepare(sql.into_sql_str()).await?),
        }
        Ok(())
    }

    /// Makes the changes stand.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
