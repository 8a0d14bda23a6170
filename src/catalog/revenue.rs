//! What services earned, and exchange rates.

use chrono::NaiveDate;

use super::{Fact, cell, optional_cell, whole};
use crate::ident::{Name, Territory, key_of};
use crate::ingest::{Column, Fault, Row};
use crate::money::{Currency, Micros, Rate};
use crate::period::{Period, parse_day};
use crate::store::statements::facts::{FX, FactTable, REVENUE};

/// One month's revenue of one offer in one territory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revenue {
    /// The month.
    pub period: Period,
    /// Who earned it.
    pub service: Name,
    /// What was sold.
    pub offer: Name,
    /// Where.
    pub territory: Territory,
    /// In what.
    pub currency: Currency,
    /// What rates are taken of; never negative.
    pub net_revenue: Micros,
    gross: Option<Micros>,
    /// How many paid, if it is said.
    pub subscribers: Option<u64>,
}

fn not_negative(text: &str) -> Result<Micros, String> {
    match Micros::parse(text) {
        Ok(amount) if amount.is_negative() => Err("revenue cannot be negative".to_owned()),
        Ok(amount) => Ok(amount),
        Err(reason) => Err(reason.to_string()),
    }
}

impl Fact for Revenue {
    const KIND: &'static str = "revenue";
    const COLUMNS: &'static [Column] = &[
        Column::required("period"),
        Column::required("service"),
        Column::required("offer"),
        Column::required("territory"),
        Column::required("currency"),
        Column::required("net_revenue"),
        Column::optional("gross_revenue"),
        Column::optional("subscribers"),
    ];
    const TABLE: &'static FactTable = &REVENUE;
    const REPLACE_ONLY_IF_ASKED: bool = true;

    fn read(row: Row<'_>) -> Result<Self, Fault> {
        Ok(Self {
            period: cell(row, 0, str::parse)?,
            service: cell(row, 1, Name::parse)?,
            offer: cell(row, 2, Name::parse)?,
            territory: cell(row, 3, Territory::parse)?,
            currency: cell(row, 4, Currency::parse)?,
            net_revenue: cell(row, 5, not_negative)?,
            gross: optional_cell(row, 6, not_negative)?,
            subscribers: optional_cell(row, 7, whole)?,
        })
    }

    fn key(&self) -> String {
        key_of([
            &self.period.to_string(),
            self.service.as_str(),
            self.offer.as_str(),
            self.territory.as_str(),
        ])
    }

    fn cells(&self) -> Vec<Option<String>> {
        vec![
            Some(self.period.to_string()),
            Some(self.service.to_string()),
            Some(self.offer.to_string()),
            Some(self.territory.to_string()),
            Some(self.currency.to_string()),
            Some(self.net_revenue.to_string()),
            self.gross.map(|amount| amount.to_string()),
            self.subscribers.map(|count| count.to_string()),
        ]
    }

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }
}

/// One day's rate between two currencies, from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FxRate {
    date: NaiveDate,
    base: Currency,
    quote: Currency,
    rate: Rate,
    source: Name,
}

impl Fact for FxRate {
    const KIND: &'static str = "fx";
    const COLUMNS: &'static [Column] = &[
        Column::required("date"),
        Column::required("base"),
        Column::required("quote"),
        Column::required("rate"),
        Column::required("source"),
    ];
    const TABLE: &'static FactTable = &FX;
    const REPLACE_ONLY_IF_ASKED: bool = true;

    fn read(row: Row<'_>) -> Result<Self, Fault> {
        let rate = Self {
            date: cell(row, 0, parse_day)?,
            base: cell(row, 1, Currency::parse)?,
            quote: cell(row, 2, Currency::parse)?,
            rate: cell(row, 3, Rate::parse)?,
            source: cell(row, 4, Name::parse)?,
        };
        if rate.base == rate.quote {
            return Err(row.fault(2, "the same currency as the base"));
        }
        Ok(rate)
    }

    fn key(&self) -> String {
        key_of([&self.date.to_string(), self.base.code(), self.quote.code(), self.source.as_str()])
    }

    fn cells(&self) -> Vec<Option<String>> {
        vec![
            Some(self.date.to_string()),
            Some(self.base.to_string()),
            Some(self.quote.to_string()),
            Some(self.rate.to_string()),
            Some(self.source.to_string()),
        ]
    }
}
