//! A file of what listeners paid.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use super::batches::{Folder, Sealed, finish};
use super::import::{Import, Outcome, Report};
use super::usage::shown;
use super::{FactsError, crash};
use crate::columnar::{Cell, Key, Packing, Sorted, Sorter, TableError, TableWriter};
use crate::digest::{Digest, Hashing};
use crate::ident::{Name, Territory};
use crate::money::Micros;
use crate::usage::{PAID, PAID_COLUMNS, POOLS_MAX, UsageError, UsageKey, read_paid_row};

pub(super) async fn import(mut import: Import<'_>) -> Result<Report, FactsError> {
    let folder = Folder::new(import.workspace, "listeners")?;
    let place = folder.path().to_owned();
    let lost = |error: TableError| FactsError::Write {
        path: place.clone(),
        source: std::io::Error::other(error),
    };
    let means = import.workspace.means;
    let secret = import.workspace.secret.clone();
    let mut sorter = Sorter::new(folder.path(), means.memory, means.threads);
    let (mut order, mut failed) = (Key::default(), None);
    // By the good rows so far.
    let (mut services, mut offers) = (HashSet::<String>::new(), HashSet::<String>::new());
    let mut last = None;
    let mut read = import.read(PAID_COLUMNS, |row| {
        let (key, listener, fee) = match read_paid_row(row) {
            Ok(said) => said,
            Err(fault) => {
                let known = [&services, &offers];
                let content = row.to_csv(|column, text| {
                    shown(&secret, known, row.text(1), PAID_COLUMNS[column].name, text)
                });
                return Err((fault, content));
            }
        };
        let hashed = match &last {
            Some((service, hashed)) if *service == key.service => hashed,
            _ => &last.insert((key.service.clone(), secret.listener_key(key.service.as_str()))).1,
        };
        let listener = hashed.hash(listener).to_be_bytes();
        let [period, territory] = [key.period.to_string(), key.territory.to_string()];
        let texts = [&period, key.service.as_str(), key.offer.as_str(), &territory];
        order.clear().text(texts[0]).text(texts[1]).text(texts[2]).text(texts[3]).bytes(&listener);
        if failed.is_none() {
            let [period, service, offer, territory] = texts.map(Cell::Text);
            let cells = [period, service, offer, territory, Cell::Id(listener), Cell::Amount(fee)];
            failed = sorter.push(&order, &cells).err();
        }
        if !services.contains(key.service.as_str()) {
            services.insert(key.service.to_string());
        }
        if !offers.contains(key.offer.as_str()) {
            offers.insert(key.offer.to_string());
        }
        Ok(())
    })?;
    if let Some(error) = failed {
        return Err(lost(error));
    }
    if read.report.outcome == Outcome::Refused {
        return Ok(read.report);
    }
    let sorted = sorter.finish().map_err(lost)?;
    let (sealed, repeated) = seal(sorted, folder.path())?;
    if repeated > 0 {
        let rows = if repeated == 1 { "1 row repeats" } else { &format!("{repeated} rows repeat") };
        read.report.notes.push(format!("{rows} a listener: what they paid was added"));
    }
    crash::point("sealed");
    finish(&import, read, repeated, folder, sealed).await
}

/// Writes a table for each pool key; returns how many rows were added to others.
fn seal(mut sorted: Sorted, folder: &Path) -> Result<(Vec<Sealed>, u64), FactsError> {
    let lost = |error: TableError| FactsError::Write {
        path: folder.to_owned(),
        source: std::io::Error::other(error),
    };
    let mut sealed = Vec::new();
    let mut open: Option<Paid> = None;
    let mut repeated = 0;
    loop {
        let row = sorted.read().map_err(lost)?;
        let Some(row) = row else { break };
        let cells = row.cells::<6>();
        let said = cells.and_then(|[period, service, offer, territory, listener, fee]| {
            let key = UsageKey {
                period: period.text()?.parse().ok()?,
                service: Name::parse(service.text()?).ok()?,
                offer: Name::parse(offer.text()?).ok()?,
                territory: Territory::parse(territory.text()?).ok()?,
            };
            Some((key, listener.id()?, fee.amount()?))
        });
        let torn = || lost(TableError::new(folder, "a row came back torn from its sort"));
        let (key, listener, fee) = said.ok_or_else(torn)?;
        if open.as_ref().is_none_or(|open| open.key != key) {
            if let Some(done) = open.take() {
                sealed.push(done.finish().map_err(lost)?);
            }
            if sealed.len() >= POOLS_MAX as usize {
                return Err(UsageError::TooManyPools(POOLS_MAX).into());
            }
            open = Some(Paid::new(key, folder)?);
        }
        if let Some(open) = &mut open {
            repeated += u64::from(open.add(listener, fee)?);
        }
    }
    if let Some(done) = open {
        sealed.push(done.finish().map_err(lost)?);
    }
    Ok((sealed, repeated))
}

/// A table that is being filled.
struct Paid {
    key: UsageKey,
    file: String,
    table: TableWriter<Hashing<File>>,
    /// The listener whose fees are being added up.
    held: Option<([u8; 16], Micros)>,
    rows: u64,
}

impl Paid {
    fn new(key: UsageKey, folder: &Path) -> Result<Self, FactsError> {
        let file = format!("{}.parquet", Digest::of(key.to_string().as_bytes()).short());
        let path = folder.join(&file);
        let write = |source| FactsError::Write { path: path.clone(), source };
        let out = Hashing::new(File::create(&path).map_err(write)?);
        let table = TableWriter::packed(out, &path, PAID, Packing::Whole);
        let table = table.map_err(|error| write(std::io::Error::other(error)))?;
        Ok(Self { key, file, table, held: None, rows: 0 })
    }

    /// Adds a fee; true if the listener had one.
    fn add(&mut self, listener: [u8; 16], fee: Micros) -> Result<bool, FactsError> {
        match &mut self.held {
            Some((held, sum)) if *held == listener => {
                *sum = sum.plus(fee).map_err(|_| FactsError::TooMuchPaid(self.key.to_string()))?;
                Ok(true)
            }
            _ => {
                self.flush().map_err(|error| FactsError::Write {
                    path: error.path.clone(),
                    source: std::io::Error::other(error),
                })?;
                self.held = Some((listener, fee));
                Ok(false)
            }
        }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let Some((listener, fee)) = self.held.take() else { return Ok(()) };
        self.rows += 1;
        self.table.push(&[Cell::Id(listener), Cell::Amount(fee)])
    }

    fn finish(mut self) -> Result<Sealed, TableError> {
        self.flush()?;
        let out = self.table.finish()?;
        Ok(Sealed {
            period: self.key.period,
            service: self.key.service.to_string(),
            offer: self.key.offer.to_string(),
            territory: self.key.territory.to_string(),
            file: self.file,
            sha256: out.digest(),
            rows: self.rows,
            plays: i64::try_from(self.rows).unwrap_or(i64::MAX),
        })
    }
}
