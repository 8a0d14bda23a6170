//! A copyright royalty settlement engine.
pub mod digest;
pub mod ident;
pub mod money;
pub mod period;
