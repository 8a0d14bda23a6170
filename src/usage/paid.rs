//! What listeners paid, sealed: a table of hashes and fees for each pool key and batch.

use std::path::Path;

use super::UsageKey;
use super::raw::{cell, check_listener, is_small};
use crate::columnar::{Kind, Layout, TableError, TableReader};
use crate::ingest::{Column, Fault, Row};
use crate::money::Micros;

/// What files of listeners hold; the first four may be given by flag.
pub const PAID_COLUMNS: &[Column] = &[
    Column::required("period"),
    Column::required("service"),
    Column::required("offer"),
    Column::required("territory"),
    Column::required("listener"),
    Column::required("fee"),
];

/// The sealed table: a listener's hash, and what they paid.
pub const PAID: Layout = &[("listener", Kind::Id), ("fee", Kind::Amount)];

/// Reads a sealed table: hashes, and fees in micros.
pub fn read_paid(path: &Path, fees: &mut Vec<(u128, u64)>) -> Result<(), TableError> {
    let mut table = TableReader::open(path, PAID, None)?;
    while let Some(batch) = table.read()? {
        for row in 0..batch.rows() {
            let [listener, fee] = batch.row(row);
            let fee = fee.amount().and_then(|fee| u64::try_from(fee.micros()).ok());
            let (Some(listener), Some(fee)) = (listener.id(), fee) else {
                return Err(TableError::new(path, "a row is not a listener's fee"));
            };
            fees.push((u128::from_be_bytes(listener), fee));
        }
    }
    Ok(())
}

/// What one row says: the pool key, the listener's id, and the fee.
pub fn read_paid_row(row: Row<'_>) -> Result<(UsageKey, &str, Micros), Fault> {
    let key = UsageKey::read(row)?;
    let listener = row.text(4);
    check_listener(listener).map_err(|reason| row.fault(4, reason))?;
    let fee = cell(row, 5, Micros::parse)?;
    if fee.is_negative() {
        let shown = if is_small(row.text(5)) { format!("{fee}: ") } else { String::new() };
        return Err(row.fault(5, format!("{shown}a fee cannot be negative")));
    }
    Ok((key, listener, fee))
}
