//! Pools of published months of which held plays were let go since, or are held again: shared once
//! more, and what that changes settled in the open month.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::CloseError;
use super::manifest::{FrozenFile, Manifest, Planned};
use super::pools::{Pools, released};
use super::run::{Run, State};
use crate::catalog::{CatalogueBuilder, Clearance, Fact as _};
use crate::digest::Digest;
use crate::ident::RecordingId;
use crate::period::Period;
use crate::settle::{Adjusted, Adjustment, Allocated, Pool};
use crate::store::Tx;
use crate::store::statements::ledger::PERIODS_CLOSED;

/// A published month that is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReopenedMonth {
    /// The month.
    pub period: Period,
    /// The hash of its manifest.
    pub manifest: Digest,
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

/// The published months of which other plays are let go now than before.
pub(super) async fn reopened_months(
    tx: &mut Tx,
    before: &[Clearance],
    now: &[Clearance],
) -> Result<Vec<ReopenedMonth>, CloseError> {
    let standing = |all: &[Clearance]| -> BTreeSet<(Period, String)> {
        let standing = all.iter().filter(|clearance| clearance.stands);
        standing.map(|clearance| (clearance.period, clearance.key())).collect()
    };
    let (before, now) = (standing(before), standing(now));
    let changed: BTreeSet<Period> =
        before.symmetric_difference(&now).map(|(period, _)| *period).collect();
    let mut months = Vec::new();
    for period in changed {
        let run = Run::live(tx, period).await?;
        if let Some(Run { manifest, .. }) = run.filter(|run| run.state == State::Published) {
            months.push(ReopenedMonth { period, manifest });
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
        manifest.check_files(data)?;
        let planned = manifest.plan(data)?;
        let changed = |pool: &&Pool| {
            let key = pool.usage_key();
            pool.rule.hold.is_some() && released(before, &key) != released(now, &key)
        };
        let pools = planned.pools.iter().filter(changed).cloned().collect();
        Ok(Self { manifest, planned, before: before.to_vec(), now: now.to_vec(), pools })
    }

    /// Shares its pools as before and as now, and hands on what is different.
    pub(super) fn share(
        &self,
        data: &Path,
        threads: usize,
        mut take: impl FnMut(&Pool, Adjustment) -> Result<(), CloseError>,
    ) -> Result<(), CloseError> {
        let mut catalogue = CatalogueBuilder::default();
        self.manifest.each_fact(data, |recording| catalogue.recording(recording))?;
        let catalogue = catalogue.finish();
        let keys = &self.planned.keys;
        let pools =
            |clearances| Pools::new(data, &self.manifest, (keys, clearances), &catalogue, threads);
        let (before, now) = (pools(&self.before), pools(&self.now));
        for pool in &self.pools {
            let shared = |pools: &Pools<'_>| {
                let opened = pools.open(pool, &[&pool.rule], false)?;
                pools.allocate(pool, &pool.rule, &opened)
            };
            take(pool, difference(shared(&before)?, shared(&now)?))?;
        }
        Ok(())
    }
}

/// What each recording gets more or less. Recordings that get the same are left out.
fn difference(before: Allocated, now: Allocated) -> Adjustment {
    let mut recordings: BTreeMap<RecordingId, Adjusted> = BTreeMap::new();
    let count = |plays: u64| i64::try_from(plays).unwrap_or(i64::MAX);
    for row in now.recordings {
        let of = recordings.entry(row.recording).or_default();
        (of.plays, of.amount) = (count(row.plays), row.amount);
    }
    for row in before.recordings {
        let of = recordings.entry(row.recording).or_default();
        of.plays -= count(row.plays);
        // Both are parts of one pool, and not negative.
        of.amount = of.amount.minus(row.amount).unwrap_or_default();
    }
    recordings.retain(|_, of| *of != Adjusted::default());
    Adjustment { recordings, plays: count(now.plays) - count(before.plays) }
}
