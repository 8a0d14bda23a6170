//! The tables, number by number, the same numbers and names for both databases.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

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
    6 "0006_replaced", 7 "0007_published", 8 "0008_accepted"
];

fn migrator<const N: usize>(list: [(i64, &'static str, &'static str); N]) -> Migrator {
    let migration = |(number, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(list.into_iter().map(migration).collect())
}
