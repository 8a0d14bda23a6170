//! Pools of published months of which held plays were let go since, or are held again: shared and
//! settled once more as they were and as they are, and what is different posted in the open month.

use std::collections::BTreeSet;
use std::path::Path;

use super::CloseError;
use super::manifest::{FrozenFile, Manifest, Planned};
use super::pools::{Pools, released};
use super::run::{Run, State};
use crate::catalog::{Clearance, Fact as _};
use crate::digest::Digest;
use crate::period::Period;
use crate::settle::{Allocated, Facts, Pool};
use crate::store::Tx;
use crate::store::statements::ledger::PERIODS_CLOSED;

/// A published month that is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReopenedMonth {
    /// The month.
    pub period: Period,
    /// The hash of its manifest.
    pub manifest: Digest,
    /// The keys of the pools that are shared otherwise.
    pub pools: Vec<String>,
}

/// The pools of such a month that are shared otherwise than before.
pub(super) struct Reopened {
    manifest: Manifest,
    planned: Planned,
    /// What had been let go when they were last shared.
    before: Vec<Clearance>,
    /// What has been now.
    now: Vec<Clearance>,
    pub(super) pools: Vec<Pool>,
}

/// The clearances that the last published month was frozen with, if there were any.
pub(super) async fn cleared_before(
    tx: &mut Tx,
    data: &Path,
) -> Result<Option<FrozenFile>, CloseError> {
    let Some(last) = tx.rows(PERIODS_CLOSED, &[]).await?.pop() else { return Ok(None) };
    let period: Period = last.text(0)?.parse().map_err(|_| CloseError::File {
        path: "closed_period".into(),
        problem: "holds a month that cannot be read".to_owned(),
    })?;
    let Some(run) = Run::live(tx, period).await? else { return Ok(None) };
    let cleared = Manifest::read(data, period, run.manifest)?.facts.remove(Clearance::KIND);
    Ok(cleared.filter(|file| file.rows > 0))
}

/// The published months with pools that other clearances share otherwise than before.
pub(super) async fn reopened_months(
    tx: &mut Tx,
    data: &Path,
    before: &[Clearance],
    now: &[Clearance],
) -> Result<Vec<ReopenedMonth>, CloseError> {
    let standing = |all: &[Clearance]| -> BTreeSet<(Period, String)> {
        let standing = all.iter().filter(|clearance| clearance.stands);
        standing.map(|clearance| (clearance.period, clearance.key())).collect()
    };
    let (stood, stand) = (standing(before), standing(now));
    let changed: BTreeSet<Period> =
        stood.symmetric_difference(&stand).map(|(period, _)| *period).collect();
    let mut months = Vec::new();
    for period in changed {
        let run = Run::live(tx, period).await?;
        let Some(run) = run.filter(|run| run.state == State::Published) else { continue };
        let (manifest, pools) = (run.manifest, Vec::new());
        let month = ReopenedMonth { period, manifest, pools };
        let pools = Reopened::open(data, &month, before, now)?.pools;
        let pools: Vec<String> = pools.iter().map(|pool| pool.origin.key()).collect();
        if !pools.is_empty() {
            months.push(ReopenedMonth { pools, ..month });
        }
    }
    Ok(months)
}

impl Reopened {
    /// Reads a month back, and finds the pools that are shared otherwise.
    pub(super) fn open(
        data: &Path,
        month: &ReopenedMonth,
        before: &[Clearance],
        now: &[Clearance],
    ) -> Result<Self, CloseError> {
        let manifest = Manifest::read(data, month.period, month.manifest)?;
        let planned = manifest.plan(data)?;
        let changed = |pool: &&Pool| {
            let key = pool.usage_key();
            pool.rule.hold.is_some() && released(before, &key) != released(now, &key)
        };
        let pools = planned.pools.iter().filter(changed).cloned().collect();
        Ok(Self { manifest, planned, before: before.to_vec(), now: now.to_vec(), pools })
    }

    /// Proves that every file is what its month was frozen with.
    pub(super) fn check_files(&self, data: &Path) -> Result<(), CloseError> {
        self.manifest.check_files(data)
    }

    /// Shares its pools as before and as now, and hands both on.
    pub(super) fn share(
        &self,
        data: &Path,
        threads: usize,
        mut take: impl FnMut(&Pool, [Allocated; 2]) -> Result<(), CloseError>,
    ) -> Result<(), CloseError> {
        let catalogue = self.manifest.recordings(data)?;
        let keys = &self.planned.keys;
        let shared = |pool: &Pool, clearances| {
            let keys = (keys, clearances);
            let pools = Pools::new(data, &self.manifest, keys, &catalogue, threads);
            let opened = pools.open(pool, &[&pool.rule], false)?;
            pools.allocate(pool, &pool.rule, &opened)
        };
        for pool in &self.pools {
            let failed = |error| match error {
                CloseError::Allocate { pool: key, reason } => CloseError::Allocate {
                    pool: format!("{key} of {}", pool.origin.period),
                    reason: format!("with what is let go by `import clearances`: {reason}"),
                },
                error => error,
            };
            let before = shared(pool, &self.before)?;
            take(pool, [before, shared(pool, &self.now).map_err(failed)?])?;
        }
        Ok(())
    }

    /// What its pools are settled by: who held and agreed what when it was published.
    pub(super) fn facts(&self, data: &Path) -> Result<Facts, CloseError> {
        Ok(Facts {
            period: self.manifest.period,
            catalogue: self.manifest.catalogue(data)?,
            agreements: self.manifest.agreed(data)?,
            sales: Vec::new(),
            rounding: Vec::new(),
        })
    }
}
