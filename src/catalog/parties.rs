//! Parties: whoever is paid or pays on.

use super::{Fact, cell, free_text, optional_cell};
use crate::ident::{Name, Territory, ipi, isni, key_of};
use crate::ingest::{Column, Fault, Row};
use crate::money::Currency;
use crate::store::statements::facts::{FactTable, PARTY};

/// A rights holder, musician, label, publisher or fund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its id.
    pub party: Name,
    /// What statements print.
    pub name: String,
    other: [Option<String>; 8],
}

fn country(text: &str) -> Result<String, &'static str> {
    match Territory::parse(text) {
        Ok(country) if country != Territory::WORLD => Ok(text.to_owned()),
        _ => Err("not a country code of ISO 3166-1, such as CN"),
    }
}

fn email(text: &str) -> Result<String, &'static str> {
    let spaces = text.contains(|c: char| c.is_whitespace() || c.is_control());
    match text.split_once('@') {
        Some((user, host)) if !user.is_empty() && host.contains('.') && !spaces => {
            Ok(text.to_owned())
        }
        _ => Err("not an e-mail address"),
    }
}

impl Fact for Party {
    const KIND: &'static str = "parties";
    const COLUMNS: &'static [Column] = &[
        Column::required("party"),
        Column::required("name"),
        Column::optional("kind"),
        Column::optional("country"),
        Column::optional("currency"),
        Column::optional("email"),
        Column::optional("ipi"),
        Column::optional("isni"),
        Column::optional("label"),
        Column::optional("pay_to"),
    ];
    const TABLE: &'static FactTable = &PARTY;

    fn read(row: Row<'_>) -> Result<Self, Fault> {
        let id = |text: &str| Name::parse(text).map(|name| name.to_string());
        let currency = |text: &str| Currency::parse(text).map(|c| c.to_string());
        Ok(Self {
            party: cell(row, 0, Name::parse)?,
            name: cell(row, 1, free_text)?,
            other: [
                optional_cell(row, 2, free_text)?,
                optional_cell(row, 3, country)?,
                optional_cell(row, 4, currency)?,
                optional_cell(row, 5, email)?,
                optional_cell(row, 6, ipi)?,
                optional_cell(row, 7, isni)?,
                optional_cell(row, 8, id)?,
                optional_cell(row, 9, id)?,
            ],
        })
    }

    fn key(&self) -> String {
        key_of([self.party.as_str()])
    }

    fn cells(&self) -> Vec<Option<String>> {
        let known = [Some(self.party.to_string()), Some(self.name.clone())];
        known.into_iter().chain(self.other.iter().cloned()).collect()
    }
}
