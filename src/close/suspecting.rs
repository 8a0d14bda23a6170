//! Suspicious listening in a month's pools, and what holding it moves.

use super::CloseError;
use super::comparing::manifest;
use super::pools::{PoolInputs, Pools, failed};
use crate::allocate::{RecordingAmount, with_and_without};
use crate::facts::Workspace;
use crate::ident::{Name, RecordingId};
use crate::period::Period;
use crate::settle::Pool;
use crate::suspicion::{Suspects, Suspicion, Weighed};
use crate::usage::Listening as _;

/// What was found in one pool.
#[derive(Debug)]
pub struct PoolSuspects {
    /// The pool.
    pub pool: Pool,
    /// Its recordings, by the numbers that cases have for them, and the first artist of each.
    pub recordings: Vec<(RecordingId, Option<Name>)>,
    /// The cases.
    pub suspects: Suspects,
    /// Their plays.
    pub weighed: Weighed,
    /// True if the thresholds hold nothing, and everything is held here to see what it would do.
    pub supposed: bool,
    /// What recordings get where nothing is held, by the bytes of their ids, and what they get
    /// without what is held; or why that is not known.
    pub effect: Result<[Vec<RecordingAmount>; 2], String>,
}

/// Looks at every pool of a month that has plays, of what was frozen for its close or of what is
/// known now: by the thresholds that are given, else by those of the pool's own rule, else by those
/// that are used where nobody says otherwise. Hands on pool by pool, since each has its plays.
pub async fn suspicious(
    workspace: &Workspace,
    period: Period,
    thresholds: Option<&Suspicion>,
    mut take: impl FnMut(PoolSuspects),
) -> Result<(), CloseError> {
    let data = workspace.data();
    let manifest = manifest(workspace, period).await?;
    manifest.check_files(&data)?;
    let planned = manifest.plan(&data)?;
    let catalogue = manifest.recordings(&data)?;
    let keys = (&planned.keys, planned.clearances.as_slice());
    let pools = Pools::new(&data, &manifest, keys, &catalogue, workspace.means.threads);
    let usual = Suspicion::default();
    for pool in &planned.pools {
        let suspicion = thresholds.or(pool.rule.hold.as_ref()).unwrap_or(&usual);
        let opened = pools.open(pool, &[&pool.rule], true)?;
        if let Some(found) = look(&pools, pool, &opened, suspicion)? {
            let artist = |id: &RecordingId| {
                catalogue.recording(id.as_str()).and_then(|found| found.artists.first()).cloned()
            };
            let recordings = opened.scan.recordings().iter().map(|id| (id.clone(), artist(id)));
            take(PoolSuspects { recordings: recordings.collect(), ..found });
        }
    }
    Ok(())
}

/// What is found in a pool; none if it has no plays.
fn look(
    pools: &Pools<'_>,
    pool: &Pool,
    opened: &PoolInputs<'_>,
    suspicion: &Suspicion,
) -> Result<Option<PoolSuspects>, CloseError> {
    let artists = Some(opened.attributes.artists());
    let suspects = suspicion.look(&opened.scan, artists).map_err(|e| failed(pool, &e))?;
    if suspects.plays == 0 {
        return Ok(None);
    }
    let suspects = suspects.release(opened.released.clone(), opened.scan.recordings());
    let supposed = !suspicion.holds();
    let holding = if supposed { suspects.clone().holding_all() } else { suspects.clone() };
    let weighed = holding.weigh(&opened.scan)?;
    let effect = pools.with_inputs(pool, opened, |inputs| {
        with_and_without(&pool.rule, pool.total(), inputs, &holding)
    });
    let effect = effect.map_err(|error| error.to_string());
    let (pool, recordings) = (pool.clone(), Vec::new());
    Ok(Some(PoolSuspects { pool, recordings, suspects, weighed, supposed, effect }))
}
