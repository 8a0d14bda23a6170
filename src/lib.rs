//! A copyright royalty settlement engine.
pub mod agreements;
pub mod allocate;
pub mod catalog;
pub mod columnar;
pub mod config;
pub mod digest;
pub mod facts;
pub mod ident;
pub mod ingest;
pub mod money;
pub mod period;
pub mod sales;
pub mod settle;
pub mod store;
pub mod usage;

/// The present moment in UTC, as the database keeps it.
pub(crate) fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
pub mod cli;
pub mod close;
pub mod ledger;
pub mod statements;
