//! The tables, number by number, the same numbers and names for both databases.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::Row;

macro_rules! migrations {
    ($($number:literal $name:literal),*) => {
        /// The migrations of the embedded database.
        pub(super) fn sqlite() -> Migrator {
            migrator([$(($number, $name, include_str!(concat!("../../migrations/sqlite/", $name, ".sql")))),*])
        }

        /// The migrations of the server.
        pub(super) fn postgres() -> Migrator {
            migrator([$(($number, $name, include_str!(concat!("../../migrations/postgres/", $name, ".sql")))),*])
        }
    };
}

// A migration that has been released is never edited; a change is a new one.
migrations![
    1 "0001_facts", 2 "0002_close", 3 "0003_ledger", 4 "0004_api", 5 "0005_references",
    6 "0006_parts", 7 "0007_replaced", 8 "0008_published", 9 "0009_accepted",
    10 "0010_listeners"
];

/// What has been applied: number, checksum, and 1 if it went through.
pub(super) const APPLIED: &str = "SELECT version, checksum, \
    CASE WHEN success THEN CAST(1 AS BIGINT) ELSE 0 END FROM _sqlx_migrations ORDER BY version";

/// True if what has been applied is what there is to apply, to the byte, and nothing else.
///
/// It is one question, where running the migrator takes a lock and asks a dozen. Anything that
/// differs, a table that is not there included, is for the migrator to mend or to refuse.
pub(super) fn all_stand(migrator: &Migrator, applied: impl Iterator<Item = Row>) -> bool {
    let read = |row: Row| {
        let went_through = row.int(2).ok()? == 1;
        went_through.then_some((row.int(0).ok()?, row.bytes(1).ok()?))
    };
    let ours = migrator.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
    applied.map(read).eq(ours.map(Some))
}

fn migrator<const N: usize>(list: [(i64, &'static str, &'static str); N]) -> Migrator {
    let migration = |(number, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(list.into_iter().map(migration).collect())
}
