//! Amounts, and the arithmetic that is allowed on them.
//!
//! In: decimal text. Out: exact integers and decimal text. Everything here is checked: an
//! amount that does not fit is an error, never a wrap and never a float. Whatever rounds says
//! so in its name or on its line, and rounds once, half to even.
//!
//! Deliberately not here: what an amount is for. Pools, shares and lines live further down.

mod apportion;
mod currency;
mod decimal;
mod micros;
mod percent;
mod rate;
mod share;

pub(crate) use apportion::largest;
pub use apportion::{ApportionError, apportion};
pub use currency::{Currency, CurrencyError};
pub use decimal::{DecimalError, decimal_text, fixed, fixed_scientific, half_even};
pub use micros::{AmountOutOfRange, Micros};
pub use percent::{Percent, PercentError};
pub use rate::{Rate, RateError};
pub use share::{Share, ShareError, common_weights};
