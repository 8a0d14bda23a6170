//! Every statement there is, so that a test can ask both databases about each.

/// Declares the statements of one family and the list of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub const $name: &str = $sql;)*
        pub(super) const FAMILY: &[&str] = &[$($name),*];
    };
}

pub mod api;
pub mod closes;
pub mod facts;
pub mod ledger;

/// All families.
pub fn all() -> impl Iterator<Item = &'static str> {
    let families = [facts::FAMILY, closes::FAMILY, ledger::FAMILY, api::FAMILY];
    let tables = facts::TABLES.into_iter().flat_map(facts::FactTable::statements);
    families.into_iter().flatten().copied().chain(tables)
}
