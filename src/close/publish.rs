//! One approved result into the ledger, once.

use std::path::Path;

use super::conduct::{Alone, in_order, note, person};
use super::manifest::Manifest;
use super::reopened::{cleared_before, reopened_months};
use super::run::{Run, State};
use super::steps::{self, Wanted};
use super::{CloseError, crash, freeze};
use crate::facts::Workspace;
use crate::ledger::{Head, Posting, post};
use crate::period::Period;
use crate::store::Tx;
use crate::store::statements::closes::{RUN_MOVE, SETTLED_BY, SETTLED_FILE, UNPUBLISHED_BEFORE};

/// What was posted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Published {
    /// The month.
    pub period: Period,
    /// The result hash that was approved and posted.
    pub result: String,
    /// How many transfers.
    pub transfers: usize,
    /// How many statements.
    pub statements: usize,
    /// The posting, the head of the ledger's chain.
    pub posting: Head,
}

/// Posts the approved result of a month, and no other, in one transaction.
pub async fn publish(
    workspace: &Workspace,
    period: Period,
    by: &str,
) -> Result<Published, CloseError> {
    let by = person(by)?;
    let _alone = Alone::take(workspace, period).await?;
    let mut tx = workspace.store.read().await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    if run.state != State::Approved {
        let advice = match run.state {
            State::Published => "it was published before, and nothing was posted again",
            State::Drafted => "a second person must approve it first",
            _ => "finish its close first",
        };
        return Err(CloseError::State { period, state: run.state, advice });
    }
    let lines = run.has_made(&mut tx, "settle").await?;
    let statements = run.has_made(&mut tx, "draft").await?;
    drop(tx);

    // The files must still be what was approved.
    let data = workspace.data();
    let manifest = Manifest::read(&data, period, run.manifest)?;
    manifest.check_files(&data)?;
    statements.check(&data)?;
    let read = steps::read(&data, &manifest, &lines, workspace.means, Wanted::Sums)?;
    let found = read.result.to_string();
    let result = run.result.clone().unwrap_or_default();
    if found != result {
        return Err(CloseError::StaleHash { period, found, given: result });
    }

    let mut tx = workspace.store.write().await?;
    in_order(&mut tx, period).await?;
    let earlier = tx.row(UNPUBLISHED_BEFORE, &[period.to_string().into()]).await?;
    if let Some(earlier) = earlier.map(|row| row.opt_text(0)).transpose()?.flatten() {
        return Err(CloseError::EarlierFirst { period, earlier });
    }
    openings_stand(&mut tx, &data, &manifest).await?;
    clearances_stand(&mut tx, &data, &manifest).await?;
    for file in manifest.usage.iter().chain(&manifest.sales) {
        if let Some(row) = tx.row(SETTLED_BY, &[file.id.into()]).await? {
            let (batch, by) = (row.text(0)?, row.text(1)?);
            return Err(CloseError::SettledMeanwhile { period, batch, by });
        }
    }
    let moved = tx.run(RUN_MOVE, &[run.id.into(), "approved".into(), "published".into()]).await?;
    if moved != 1 {
        return Err(CloseError::Busy(period));
    }
    let (sums, faces) = (&read.sums, &read.drawn.faces);
    let posting = Posting { period, run: run.id, result: &result, by, sums, faces };
    let posted = post(&mut tx, &posting).await?;
    let settled = manifest.usage.iter().chain(&manifest.sales);
    tx.add(SETTLED_FILE, settled.map(|batch| vec![batch.id.into(), run.id.into()])).await?;
    note(&mut tx, run.id, "published", by, &result).await?;
    crash::point("posting");
    tx.commit().await?;
    crash::point("posted");
    let (transfers, statements) = (posted.transfers, faces.len());
    Ok(Published { period, result, transfers, statements, posting: posted.head })
}

/// Refuses a month that was frozen before another was published with other clearances, or before
/// one was published of which it lets go what was held.
async fn clearances_stand(tx: &mut Tx, data: &Path, manifest: &Manifest) -> Result<(), CloseError> {
    let before = manifest.cleared_before(data)?;
    let now = manifest.plan(data)?.clearances;
    let same = cleared_before(tx, data).await? == manifest.cleared_before
        && reopened_months(tx, data, &before, &now).await? == manifest.reopened;
    if same { Ok(()) } else { Err(CloseError::ClearedMeanwhile(manifest.period)) }
}

/// Refuses a month whose pools would open with another amount than they were shared with: an
/// earlier one was published meanwhile and left something.
async fn openings_stand(tx: &mut Tx, data: &Path, manifest: &Manifest) -> Result<(), CloseError> {
    let found = freeze::openings(tx).await?;
    if found == manifest.openings {
        return Ok(());
    }
    let frozen = manifest.plan(data)?.pools;
    let now = Manifest { openings: found, ..manifest.clone() }.plan(data)?.pools;
    match frozen.iter().zip(&now).find(|(frozen, now)| frozen.carried != now.carried) {
        Some((frozen, now)) => Err(CloseError::OpeningChanged {
            period: manifest.period,
            pool: frozen.origin.key(),
            frozen: frozen.carried,
            now: now.carried,
        }),
        None => Ok(()),
    }
}
