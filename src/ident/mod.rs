//! The identifiers of the field: recordings, rights holders' numbers, territories, names.
//!
//! In: text from files. Out: types with one constructor that refuses. Deliberately not here:
//! whether an identifier is known to anyone; that is the catalogue's question.

mod listener;
mod name;
mod numbers;
mod recording;
mod territory;

pub use listener::{parse_listener, shown_listener};
pub use name::{Name, NameError, key_of};
pub use numbers::{NumberError, ipi, isni};
pub use recording::{Isrc, IsrcError, RecordingId, RecordingIdError};
pub use territory::{Territory, TerritoryError, TerritorySet};
