//! What people read: each payee's lines, with names and signs.
//!
//! In: a month's lines and its catalogue. Out: statements by (period, payee, currency), their
//! lines in one file ordered by payee, and that file as CSV or JSON. A movement between two
//! parties stands on both statements under one line id, + for the payee and − for the payer.
//! Deliberately not here: any arithmetic but adding up.

mod draw;
mod entry;
mod print;
mod sheets;

pub use draw::{DrawError, Drawn, Survey, Totals};
pub use entry::{Entries, Entry, LAYOUT};
pub use print::{
    COLUMNS, Printed, write_csv, write_csv_header, write_csv_next, write_csv_rows, write_csv_where,
    write_json,
};
pub use sheets::{Receipts, Sheets};
