//! What the two databases do not share: bulk loading, and a lock that dies with its holder.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Connection as _};

use super::{Store, StoreError, Tx, Value, bind_all};

/// A table, and the columns that [`Tx::add`] fills, in the order of the values.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, quoted where SQL wants it.
    pub columns: &'static [&'static str],
}

/// Waits until no other writer is at work on the database; gone with the transaction.
pub(super) const POSTGRES_WRITER: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('tantieme writer', 0))";
/// Values in one statement; SQLite's own limit is 32,766.
const VALUES_MAX: usize = 4_000;
/// Bytes gathered before they are sent to PostgreSQL.
const COPY_BYTES: usize = 1 << 18;

pub(super) async fn add(
    tx: &mut Tx,
    table: Table,
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<u64, StoreError> {
    let columns = table.columns.join(", ");
    let mut count = 0;
    match tx {
        Tx::Sqlite(tx) => {
            let rows_max = VALUES_MAX / table.columns.len();
            let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
            let insert = |rows: usize| {
                let rows = vec![row.as_str(); rows].join(", ");
                format!("INSERT INTO {} ({columns}) VALUES {rows}", table.name)
            };
            // Nearly all statements are of this length, so the database prepares it once.
            let mut whole = None;
            let mut rows = rows.into_iter().peekable();
            while rows.peek().is_some() {
                let chunk: Vec<Vec<Value>> = rows.by_ref().take(rows_max).collect();
                count += chunk.len() as u64;
                let sql = if chunk.len() == rows_max {
                    whole.get_or_insert_with(|| insert(rows_max)).clone()
                } else {
                    insert(chunk.len())
                };
                bind_all!(AssertSqlSafe(sql), chunk.iter().flatten()).execute(&mut **tx).await?;
            }
        }
        Tx::Postgres(tx) => {
            let sql = format!("COPY {} ({columns}) FROM STDIN", table.name);
            let mut copy = tx.copy_in_raw(&sql).await?;
            let mut text = String::with_capacity(COPY_BYTES * 2);
            for row in rows {
                count += 1;
                copy_row(&mut text, &row);
                if text.len() >= COPY_BYTES {
                    copy.send(text.as_bytes()).await?;
                    text.clear();
                }
            }
            copy.send(text.into_bytes()).await?;
            copy.finish().await?;
        }
    }
    Ok(count)
}

/// One row in COPY's text form: tabs between, backslashes before what would end a value.
fn copy_row(text: &mut String, row: &[Value]) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            text.push('\t');
        }
        match value {
            Value::Int(Some(value)) => {
                let _ = write!(text, "{value}"); // writing to a String cannot fail
            }
            Value::Text(Some(value)) if !value.contains(['\\', '\t', '\n', '\r']) => {
                text.push_str(value);
            }
            Value::Text(Some(value)) => {
                for c in value.chars() {
                    match c {
                        '\\' => text.push_str("\\\\"),
                        '\t' => text.push_str("\\t"),
                        '\n' => text.push_str("\\n"),
                        '\r' => text.push_str("\\r"),
                        c => text.push(c),
                    }
                }
            }
            Value::Bytes(value) => {
                text.push_str("\\\\x");
                text.push_str(&const_hex::encode(value));
            }
            Value::Int(None) | Value::Text(None) => text.push_str("\\N"),
        }
    }
    text.push('\n');
}

/// A lock on the server that goes with its connection. SQLite's workspaces have one machine,
/// where a locked file does the same.
pub struct Lock {
    _connection: Option<sqlx::PgConnection>,
}

impl Store {
    /// Takes the lock of that name, or `None` if somebody else holds it.
    pub async fn lock(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        let Self::Postgres(pool) = self else {
            return Ok(Some(Lock { _connection: None }));
        };
        let mut connection = sqlx::PgConnection::connect_with(&pool.connect_options()).await?;
        let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        Ok(free.then_some(Lock { _connection: Some(connection) }))
    }
}
