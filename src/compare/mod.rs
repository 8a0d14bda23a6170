//! Several rules on the same plays, side by side.
//!
//! In: what each rule makes of one or of many pools, and whose the recordings are. Out: for each
//! rule, how evenly the money reaches artists, who is better and worse off than under another
//! rule, and what bought accounts could take; and a drawing of it. Pure: no file, no database, no
//! clock. Deliberately not here: who is paid for a recording, and which rule is the right one.
//!
//! Money is as exact here as anywhere. Only what is said *about* money, such as a Theil index, is
//! measured, to nine decimals.

mod comparison;
mod fraud;
mod lorenz;
mod measures;

pub use comparison::{Artist, ArtistAmounts, Comparison, Moved, Side, Standing};
pub use fraud::{Bought, Extraction, NotExtracted, Purchase};
pub use lorenz::{Curve, plot};
pub use measures::{Distribution, Measure, Measures};
