//! Facts as of now, sealed for a month.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::CloseError;
use super::arriving::{Arriving, Writing};
use super::manifest::{FrozenBatch, FrozenFile, Manifest, Planned};
use super::reopened::{cleared_before, reopened_months};
use crate::allocate::Within;
use crate::catalog::{Claim, Clearance, Fact, FxRate, Party, Recording, Revenue};
use crate::digest::Digest;
use crate::facts::Workspace;
use crate::ingest::Column;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::sales::{Sales, SalesError};
use crate::settle::{Opening, Pool, Refusal};
use crate::statements::DrawError;
use crate::store::statements::facts::{
    AGREEMENT, IMPORT_LAST, QUARANTINE_OF_PERIOD, SEALED_LATE_SALES, SEALED_OF_PERIOD,
};
use crate::store::statements::ledger::UNDISTRIBUTED;
use crate::store::{Row, StoreError, Tx};

/// The columns of frozen agreements.
pub(super) const AGREEMENT_COLUMNS: &[Column] =
    &[Column::required("agreement"), Column::required("body")];

/// What a freeze made, and what it could see.
pub(super) struct Frozen {
    /// The manifest's hash.
    pub(super) manifest: Digest,
    /// The newest import that it could see.
    pub(super) last_import: i64,
    /// The sealed files in it.
    pub(super) batches: Vec<i64>,
    /// The quarantined rows that it leaves out.
    pub(super) accepted: Vec<i64>,
}

/// Freezes a month: writes every fact it depends on and the manifest that names them. Nothing is
/// written into the database yet.
pub(super) async fn freeze(
    workspace: &Workspace,
    period: Period,
    accept_quarantine: Option<u64>,
) -> Result<Frozen, CloseError> {
    let data = workspace.data();
    let mut tx = workspace.store.read().await?;
    let last_import =
        tx.row(IMPORT_LAST, &[]).await?.map(|row| row.int(0)).transpose()?.unwrap_or(0);
    let mut refusals = Vec::new();
    let month = [period.to_string().into()];
    let accepted = quarantined(&mut tx, period, accept_quarantine, &mut refusals).await?;
    let (mut usage, mut sales, mut listeners) = (Vec::new(), Vec::new(), Vec::new());
    let mut intact = Vec::new();
    let mut rows = tx.rows(SEALED_OF_PERIOD, &month).await?;
    rows.extend(tx.rows(SEALED_LATE_SALES, &month).await?);
    for row in &rows {
        let (batch, stands) = checked(workspace, row, &mut refusals)?;
        let kind = row.text(1)?;
        if kind == "sales" && stands {
            intact.push(data.join(&batch.file.path));
        }
        match kind.as_str() {
            "usage" => usage.push(batch),
            "listeners" => listeners.push(batch),
            _ => sales.push(batch),
        }
    }
    let _writing = Writing::begin(&data.join("facts"), Arriving::PREFIX)?;
    let mut facts = BTreeMap::new();
    let all = |_: &[Option<String>]| true;
    facts.insert(Party::KIND.to_owned(), seal::<Party>(&mut tx, &data, all).await?);
    facts.insert(Recording::KIND.to_owned(), seal::<Recording>(&mut tx, &data, all).await?);
    facts.insert(Claim::KIND.to_owned(), seal::<Claim>(&mut tx, &data, all).await?);
    facts.insert(Clearance::KIND.to_owned(), seal::<Clearance>(&mut tx, &data, all).await?);
    facts.insert(FxRate::KIND.to_owned(), seal::<FxRate>(&mut tx, &data, all).await?);
    let month = period.to_string();
    let of_month = |cells: &[Option<String>]| cells[0].as_deref() == Some(month.as_str());
    let revenue = seal::<Revenue>(&mut tx, &data, of_month).await?;
    let nothing = revenue.rows == 0 && sales.is_empty() && usage.is_empty();
    facts.insert(Revenue::KIND.to_owned(), revenue);
    facts.insert("agreements".to_owned(), seal_agreements(&mut tx, &data).await?);
    let mut manifest = Manifest {
        version: Manifest::VERSION,
        period,
        accepted_quarantine: accept_quarantine.unwrap_or(0),
        facts,
        usage,
        sales,
        listeners,
        earlier: Vec::new(),
        openings: openings(&mut tx).await?,
        cleared_before: cleared_before(&mut tx, &data).await?,
        reopened: Vec::new(),
    };
    match manifest.plan(&data) {
        Ok(planned) => {
            let before = manifest.cleared_before(&data)?;
            manifest.reopened =
                reopened_months(&mut tx, &data, &before, &planned.clearances).await?;
            let reopened = manifest.reopened(&data, &planned.clearances)?;
            reopened.iter().try_for_each(|month| month.check_files(&data))?;
            manifest.earlier = earlier(workspace, &mut tx, &planned, &mut refusals).await?;
        }
        Err(CloseError::Refused { refusals: more, .. }) => refusals.extend(more),
        Err(error) => return Err(error),
    }
    drop(tx);
    if nothing && manifest.reopened.is_empty() {
        refusals.push(Refusal::Nothing);
    }
    match together(&intact) {
        Ok(()) => {}
        Err(SalesError::Overflow(item)) => refusals.push(Refusal::Sales(item)),
        Err(error) => return Err(error.into()),
    }
    if !refusals.is_empty() {
        return Err(CloseError::Refused { period, refusals });
    }
    let batches = manifest.batches().map(|batch| batch.id).collect();
    Ok(Frozen { manifest: manifest.write(&data)?, last_import, batches, accepted })
}

/// A sealed file, and whether it stands as it was sealed.
fn checked(
    workspace: &Workspace,
    row: &Row,
    refusals: &mut Vec<Refusal>,
) -> Result<(FrozenBatch, bool), CloseError> {
    let batch = batch(row)?;
    let (theirs, ours) = (row.text(10)?, workspace.secret.fingerprint());
    if theirs != ours {
        refusals.push(Refusal::Secret { batch: batch.batch.clone(), theirs, ours });
    }
    let FrozenFile { path, sha256, .. } = &batch.file;
    let checked = super::manifest::check_file(&workspace.data(), path, *sha256);
    let stands = checked.is_ok();
    if let Err(problem) = checked {
        let problem = match problem {
            CloseError::Io { source, .. } => format!("cannot be read ({source})"),
            _ => "was changed".to_owned(),
        };
        let (path, batch) = (path.clone(), batch.batch.clone());
        refusals.push(Refusal::SealedFile { path, batch, problem });
    }
    Ok((batch, stands))
}

/// The usage of the eleven months before, of services of which a rule counts twelve.
async fn earlier(
    workspace: &Workspace,
    tx: &mut Tx,
    planned: &Planned,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<FrozenBatch>, CloseError> {
    let counts_a_year = |pool: &&Pool| {
        let thresholds = pool.rule.thresholds();
        thresholds.iter().any(|threshold| threshold.within == Within::TwelveMonths)
    };
    let mut services: BTreeMap<&str, Period> = BTreeMap::new();
    for Pool { origin, .. } in planned.pools.iter().filter(counts_a_year) {
        services.insert(origin.service.as_str(), origin.period);
    }
    let mut earlier = Vec::new();
    for month in services.values().next().into_iter().flat_map(|period| period.eleven_before()) {
        for row in &tx.rows(SEALED_OF_PERIOD, &[month.to_string().into()]).await? {
            if row.text(1)? == "usage" && services.contains_key(row.text(3)?.as_str()) {
                earlier.push(checked(workspace, row, refusals)?.0);
            }
        }
    }
    Ok(earlier)
}

/// What published months have left undistributed and none has shared since, by pool; under 0 what
/// they have given of money that was shared already, since held plays were let go.
pub(super) async fn openings(tx: &mut Tx) -> Result<Vec<Opening>, CloseError> {
    let mut sums: BTreeMap<(String, Currency), i128> = BTreeMap::new();
    for row in tx.rows(UNDISTRIBUTED, &[]).await? {
        let (code, currency) = (row.text(0)?, row.text(1)?);
        let (Some(pool), Ok(currency)) = (code.strip_prefix("pool:"), Currency::parse(&currency))
        else {
            continue;
        };
        *sums.entry((pool.to_owned(), currency)).or_default() += i128::from(row.int(2)?);
    }
    let mut openings = Vec::new();
    for ((pool, currency), sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        let amount = Micros::from_micros(sum).map_err(DrawError::range(&pool, currency))?;
        openings.push(Opening { pool, currency, amount });
    }
    Ok(openings)
}

/// Proves that the sums of all these sealed sales can be held.
fn together(paths: &[PathBuf]) -> Result<(), SalesError> {
    let mut sales = Sales::default();
    paths.iter().try_for_each(|path| sales.unseal(path))?;
    sales.rounded()?;
    Ok(())
}

/// The quarantined rows that may be of the month; refused unless their number was accepted.
async fn quarantined(
    tx: &mut Tx,
    period: Period,
    accepted: Option<u64>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<i64>, CloseError> {
    let (mut rows, mut settled) = (Vec::new(), 0);
    tx.each(QUARANTINE_OF_PERIOD, &[period.to_string().into()], |row| {
        rows.push(row.int(0)?);
        settled += usize::from(row.int(1)? == 1);
        Ok::<_, StoreError>(())
    })
    .await?;
    let count = rows.len() as u64;
    match accepted {
        Some(accepted) if accepted != count => {
            refusals.push(Refusal::QuarantineCount { count, accepted });
        }
        None if count > 0 => {
            refusals.push(Refusal::Quarantine { count });
            refusals.extend((settled > 0).then_some(Refusal::QuarantineSettled(settled)));
        }
        _ => {}
    }
    Ok(rows)
}

fn batch(row: &Row) -> Result<FrozenBatch, CloseError> {
    let path = row.text(6)?;
    let damaged = || CloseError::File {
        path: path.clone().into(),
        problem: "is listed with a month or a hash that cannot be read".to_owned(),
    };
    let sha256 = row.text(7)?.parse().map_err(|_| damaged())?;
    Ok(FrozenBatch {
        id: row.int(0)?,
        batch: row.text(11)?,
        period: row.text(2)?.parse().map_err(|_| damaged())?,
        service: row.text(3)?,
        offer: row.text(4)?,
        territory: row.text(5)?,
        plays: row.int(9)?,
        file: FrozenFile { path, sha256, rows: row.int(8)? },
    })
}

/// Writes the current facts of a kind in the order of their keys, as the CSV that `import` reads.
/// Rows go from the database to the disk one by one.
async fn seal<F: Fact>(
    tx: &mut Tx,
    data: &Path,
    keep: impl Fn(&[Option<String>]) -> bool,
) -> Result<FrozenFile, CloseError> {
    write(tx, data, F::KIND, (F::COLUMNS, F::TABLE.current), keep).await
}

async fn seal_agreements(tx: &mut Tx, data: &Path) -> Result<FrozenFile, CloseError> {
    write(tx, data, "agreements", (AGREEMENT_COLUMNS, AGREEMENT.current), |_| true).await
}

async fn write(
    tx: &mut Tx,
    data: &Path,
    kind: &str,
    (columns, current): (&[Column], &'static str),
    keep: impl Fn(&[Option<String>]) -> bool,
) -> Result<FrozenFile, CloseError> {
    let folder = data.join("facts");
    let io = |source| CloseError::Io { path: folder.clone(), source };
    let csv = |error: csv::Error| io(std::io::Error::other(error));
    let arriving = Arriving::new(&folder)?;
    let mut writer = csv::Writer::from_writer(arriving);
    writer.write_record(columns.iter().map(|column| column.name)).map_err(csv)?;
    let mut rows = 0;
    let mut cells = Vec::with_capacity(columns.len());
    tx.each(current, &[], |row| {
        cells.clear();
        for at in 0..columns.len() {
            cells.push(row.opt_text(at)?);
        }
        if keep(&cells) {
            rows += 1;
            let texts = cells.iter().map(|cell| cell.as_deref().unwrap_or_default());
            writer.write_record(texts).map_err(csv)?;
        }
        Ok::<_, CloseError>(())
    })
    .await?;
    let arriving = writer.into_inner().map_err(|error| io(error.into_error()))?;
    let sha256 = arriving.digest();
    let path = format!("facts/{kind}-{}.csv", sha256.short());
    // Months with the same catalogue share its file.
    if super::manifest::check_file(data, &path, sha256).is_err() {
        arriving.keep(&data.join(&path))?;
    }
    Ok(FrozenFile { path, sha256, rows })
}
