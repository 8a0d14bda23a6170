//! A copyright royalty settlement engine: plays and money go in, exact and explained payouts
//! come out, every month, the same to the byte whoever runs it.
//!
//! The rooms stand in the order in which data flows, and each uses only those above it:
//!
//! ```text
//! files ── ingest ──> facts ── close: freeze ──> usage ── allocate ──> recordings
//!                                                             │ settle (claims, agreements)
//!   people <── statements <── lines <──────────────────────────┘
//!                   │ approve, publish
//!                   └──> ledger
//! ```
//!
//! Each stage owns its output: a row of usage becomes a [`usage::Play`] of a hashed listener, plays
//! and a [`settle::Pool`] become an [`allocate::RecordingAmount`], claims and agreements make a
//! [`settle::Line`] of it, lines are summed into a [`ledger::Transfer`] and drawn as a
//! [`statements::Entry`].

pub mod money;
pub mod ident;
pub mod period;
pub mod digest;
mod threads;
pub mod columnar;
pub mod config;
pub mod store;
pub mod ingest;
pub mod catalog;
pub mod usage;
pub mod suspicion;
pub mod sales;
pub mod allocate;
pub mod compare;
pub mod agreements;
pub mod facts;
pub mod settle;
pub mod ledger;
pub mod statements;
pub mod close;
pub mod generate;
pub mod api;
pub mod cli;

/// The present moment in UTC, as the database keeps it.
pub(crate) fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The line and the column, from 1, of a byte of a text.
pub(crate) fn place_in(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Where TOML is wrong, and what is.
pub(crate) fn toml_error(text: &str, error: &toml::de::Error) -> (usize, usize, String) {
    let (line, column) = place_in(text, error.span().map_or(0, |span| span.start));
    (line, column, error.message().lines().collect::<Vec<_>>().join("; "))
}

/// What to do about an error, where that is that the disk is full.
pub(crate) fn on_full_disk(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => {
            ": the disk is full and nothing was taken; make room and do it again"
        }
        _ => "",
    }
}
