//! Sales: money already known, net of the seller's commission.
//!
//! In: rows of a distributor's or shop's report. Out: rows alike but for quantity and amount,
//! added up exactly, positives and negatives apart, and rounded once to the micro; what the
//! rounding leaves is stated, never dropped. Deliberately not here: who gets it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::path::Path;

use chrono::NaiveDate;

use crate::catalog::{Right, cell, optional_cell};
use crate::ident::{Name, RecordingId, Territory};
use crate::ingest::{Column, Fault, Given, IngestError, OtherColumns, Row, RowRead, Rows};
use crate::money::{Currency, Micros, fixed_scientific, half_even};
use crate::period::{Period, parse_day};

/// What sales files hold.
pub const COLUMNS: &[Column] = &[
    Column::required("period"),
    Column::required("source"),
    Column::optional("recording"),
    Column::optional("release"),
    Column::required("territory"),
    Column::required("channel"),
    Column::required("quantity"),
    Column::required("amount"),
    Column::required("currency"),
    Column::optional("sale_date"),
    Column::optional("right"),
];

/// Decimals that an amount in a report may have.
const AMOUNT_DECIMALS: u32 = 18;
/// Units of a report's amount in a micro: 10¹⁸ / 10⁶.
const UNITS_PER_MICRO: i128 = 1_000_000_000_000;

/// What was sold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sold {
    /// One recording.
    Recording(RecordingId),
    /// A release, equally over its recordings.
    Release(Name),
}

/// What rows alike have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaleKey {
    /// The month that the report names.
    pub period: Period,
    /// Who reports and owes it.
    pub source: Name,
    /// In what.
    pub currency: Currency,
    /// What was sold.
    pub sold: Sold,
    /// Where.
    pub territory: Territory,
    /// By which channel.
    pub channel: Name,
    /// When, where the report says so.
    pub sale_date: Option<NaiveDate>,
    /// For which right.
    pub right: Right,
    /// True for amounts under zero: returns are kept apart from sales.
    pub returned: bool,
}

/// What rows alike add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    quantity: i64,
    /// In units of 10⁻¹⁸.
    amount: i128,
}

/// One sale as it settles: rows alike, added up and rounded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// What the rows have in common.
    pub key: SaleKey,
    /// How many.
    pub quantity: i64,
    /// What for.
    pub amount: Micros,
}

/// What a source's rounding leaves: its exact total, rounded once, less its rounded sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundingDifference {
    /// The source.
    pub source: Name,
    /// In what.
    pub currency: Currency,
    /// Whole micros.
    pub amount: Micros,
}

/// Sums that do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seller}'s sales of {item} add up to more than can be held")]
pub struct SalesOverflow {
    /// The source.
    pub seller: Name,
    /// The recording or the release.
    pub item: String,
}

impl SalesOverflow {
    fn of(key: &SaleKey) -> Self {
        let item = match &key.sold {
            Sold::Recording(recording) => recording.to_string(),
            Sold::Release(release) => format!("release {release}"),
        };
        Self { seller: key.source.clone(), item }
    }

    fn of_all(source: &Name) -> Self {
        Self { seller: source.clone(), item: "all items".to_owned() }
    }
}

/// Why sealed sales are not added.
#[derive(Debug, thiserror::Error)]
pub enum SalesError {
    /// With them the sums do not fit.
    #[error(transparent)]
    Overflow(#[from] SalesOverflow),
    /// Their file cannot be read.
    #[error(transparent)]
    File(#[from] IngestError),
}

/// Sales, added up by what they have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sales(BTreeMap<SaleKey, Sum>);

fn amount(text: &str) -> Result<i128, String> {
    let amount = fixed_scientific(text, AMOUNT_DECIMALS).map_err(|reason| reason.to_string())?;
    Micros::from_micros(half_even(amount, UNITS_PER_MICRO)).map_err(|reason| reason.to_string())?;
    Ok(amount)
}

fn quantity(text: &str) -> Result<i64, &'static str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| text.parse().ok()).flatten();
    number.ok_or("not a whole number (negative for returns, empty where nothing was counted)")
}

impl Sales {
    /// Takes a row, or says what is wrong with it.
    pub fn add(&mut self, row: Row<'_>) -> Result<(), Fault> {
        let (key, sum) = Self::read(row)?;
        self.put(key, sum).map_err(|reason| row.fault(7, reason))
    }

    fn read(row: Row<'_>) -> Result<(SaleKey, Sum), Fault> {
        let recording = optional_cell(row, 2, RecordingId::parse)?;
        let release = optional_cell(row, 3, Name::parse)?;
        let sold = match (recording, release) {
            (Some(recording), None) => Sold::Recording(recording),
            (None, Some(release)) => Sold::Release(release),
            (Some(_), Some(_)) => {
                return Err(row.fault(3, "a sale is of a recording or of a release, not of both"));
            }
            (None, None) => return Err(row.fault(2, "a sale needs a recording or a release")),
        };
        let amount = cell(row, 7, amount)?;
        let key = SaleKey {
            period: cell(row, 0, str::parse)?,
            source: cell(row, 1, Name::parse)?,
            currency: cell(row, 8, Currency::parse)?,
            sold,
            territory: cell(row, 4, Territory::parse)?,
            channel: cell(row, 5, Name::parse)?,
            sale_date: optional_cell(row, 9, parse_day)?,
            right: optional_cell(row, 10, Right::parse)?.unwrap_or(Right::Recording),
            returned: amount < 0,
        };
        let quantity = optional_cell(row, 6, quantity)?.unwrap_or(0);
        Ok((key, Sum { quantity, amount }))
    }

    fn put(&mut self, key: SaleKey, more: Sum) -> Result<(), SalesOverflow> {
        match self.0.entry(key) {
            Entry::Vacant(new) => {
                new.insert(more);
            }
            Entry::Occupied(mut known) => {
                let sum = *known.get();
                let quantity = sum.quantity.checked_add(more.quantity);
                let amount = sum.amount.checked_add(more.amount);
                let (Some(quantity), Some(amount)) = (quantity, amount) else {
                    return Err(SalesOverflow::of(known.key()));
                };
                known.insert(Sum { quantity, amount });
            }
        }
        Ok(())
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The months and sources that are in here, with the sales of each.
    pub fn by_month_and_source(&self) -> BTreeMap<(Period, Name), Self> {
        let mut parts: BTreeMap<(Period, Name), Self> = BTreeMap::new();
        for (key, sum) in &self.0 {
            let part = parts.entry((key.period, key.source.clone())).or_default();
            part.0.insert(key.clone(), *sum);
        }
        parts
    }

    /// How many, and what for in units of 10⁻¹⁸: the report's own control totals.
    pub fn totals(&self) -> Result<(i64, i128), SalesOverflow> {
        let mut totals = (0_i64, 0_i128);
        for (key, sum) in &self.0 {
            let quantity = totals.0.checked_add(sum.quantity);
            let amount = totals.1.checked_add(sum.amount);
            totals = quantity.zip(amount).ok_or_else(|| SalesOverflow::of_all(&key.source))?;
        }
        Ok(totals)
    }

    /// How many items there are.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Each item rounded once, half to even, and what that leaves of each source's exact total.
    pub fn rounded(&self) -> Result<(Vec<Sale>, Vec<RoundingDifference>), SalesOverflow> {
        let mut sales = Vec::with_capacity(self.0.len());
        let mut totals: BTreeMap<(Name, Currency), (i128, i128)> = BTreeMap::new();
        for (key, sum) in &self.0 {
            let micros = half_even(sum.amount, UNITS_PER_MICRO);
            let total = totals.entry((key.source.clone(), key.currency)).or_default();
            total.0 = total.0.checked_add(sum.amount).ok_or_else(|| SalesOverflow::of(key))?;
            total.1 += micros;
            let amount = Micros::from_micros(micros).map_err(|_| SalesOverflow::of(key))?;
            sales.push(Sale { key: key.clone(), quantity: sum.quantity, amount });
        }
        let mut differences = Vec::new();
        for ((source, currency), (exact, rounded)) in totals {
            let left = half_even(exact, UNITS_PER_MICRO) - rounded;
            let amount = Micros::from_micros(left).map_err(|_| SalesOverflow::of_all(&source))?;
            differences.push(RoundingDifference { source, currency, amount });
        }
        Ok((sales, differences))
    }

    /// Writes the items as CSV, in order: the sealed form.
    pub fn seal(&self, out: impl Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(COLUMNS.iter().map(|column| column.name))?;
        for (key, sum) in &self.0 {
            let (recording, release) = match &key.sold {
                Sold::Recording(recording) => (recording.as_str(), ""),
                Sold::Release(release) => ("", release.as_str()),
            };
            let date = key.sale_date.map_or_else(String::new, |day| day.to_string());
            writer.write_record([
                &key.period.to_string(),
                key.source.as_str(),
                recording,
                release,
                key.territory.as_str(),
                key.channel.as_str(),
                &sum.quantity.to_string(),
                &exact(sum.amount),
                key.currency.code(),
                &date,
                key.right.as_str(),
            ])?;
        }
        writer.flush()
    }

    /// Adds what a sealed file holds.
    pub fn unseal(&mut self, path: &Path) -> Result<(), SalesError> {
        let damaged = |fault: Fault| IngestError::Header {
            path: path.to_owned(),
            reason: format!("not a sealed file of sales: {fault}"),
        };
        let mut rows = Rows::open(path, COLUMNS, Given::new(), OtherColumns::Refused)?;
        loop {
            match rows.next()? {
                RowRead::End => return Ok(()),
                RowRead::Fault(fault) => return Err(damaged(fault).into()),
                RowRead::Row(row) => {
                    let (key, sum) = Self::read(row).map_err(damaged)?;
                    self.put(key, sum)?;
                }
            }
        }
    }
}

/// An amount in units of 10⁻¹⁸ as decimal text, without trailing zeros.
pub fn exact(amount: i128) -> String {
    let unit = UNITS_PER_MICRO.unsigned_abs() * 1_000_000;
    let (whole, fraction) = (amount.unsigned_abs() / unit, amount.unsigned_abs() % unit);
    let sign = if amount < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{fraction:018}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
