//! Why a line is what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::CloseError;
use super::lines::Lines;
use super::manifest::{Manifest, Planned};
use super::pools::Pools;
use super::reasons::weighted;
use super::run::{Run, State};
use super::steps::{Amounts, Whole};
use crate::allocate::{AllocateError, Detail, Heard, RecordingAmount, detail};
use crate::catalog::{CatalogueBuilder, Party, Recording};
use crate::facts::Workspace;
use crate::ident::{Name, RecordingId};
use crate::money::Micros;
use crate::settle::{Line, LineId, Pool};
use crate::store::Tx;
use crate::store::statements::closes::RUNS;

/// What one listener added to a recording's part of a pool.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listener {
    /// The listener's hash; nobody's name.
    pub listener: String,
    /// Plays of the recording.
    pub plays: u32,
    /// Of a blend, which part, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// The active ones among them, where they count otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<u32>,
    /// All of the listener's plays in the pool.
    pub plays_total: u64,
    /// Weighted plays of the recording and of all, where they are not the plays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<[String; 2]>,
    /// What the listener paid, where the rule asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Micros>,
    /// What that adds, in units of 2⁻⁶⁴ micro, or of 2⁻⁶⁴ weighted play under a cap; none where
    /// plays weigh alike, whoever played.
    pub owed: Option<String>,
}

/// A line, its chain up to the pool or sale, and what the pool's arithmetic needs.
#[derive(Debug)]
pub struct Explanation {
    /// The month it settles in, and how far that has come.
    pub state: State,
    /// The line first, then the line whose money it pays on, and so on.
    pub chain: Vec<Line>,
    /// Titles and names by id, for those that the chain names.
    pub names: BTreeMap<String, String>,
    /// The pool, unless the money is from a sale.
    pub pool: Option<Pool>,
    /// What the pool gave the recording.
    pub recording: Option<RecordingAmount>,
    /// All plays and listeners of the pool.
    pub pool_plays: (u64, u64),
    /// What earlier months left and the pool could not share.
    pub waits: Micros,
    /// How the pool's rule came to it: one, or one for each part of a blend. None where that needs
    /// no look at the plays.
    pub details: Vec<Detail>,
    /// The listeners, where they were asked for.
    pub listeners: Vec<Listener>,
}

/// Finds a line and all that explains it: in a published month, else in a draft, else in a run
/// that was denied. A file that cannot be read hides only its own lines.
pub async fn explain(
    workspace: &Workspace,
    id: &str,
    listeners: bool,
) -> Result<Explanation, CloseError> {
    let wanted = LineId::parse(id).ok_or_else(|| CloseError::NoLine(id.to_owned()))?;
    let data = workspace.data();
    let mut tx = workspace.store.read().await?;
    let runs = tx.rows(RUNS, &[]).await?;
    let mut runs = runs.iter().map(Run::read).collect::<Result<Vec<_>, _>>()?;
    runs.sort_by_key(|run| match run.state {
        State::Published => 0,
        State::Denied => 2,
        _ => 1,
    });
    let mut unreadable = None;
    for run in runs {
        let Some(made) = run.made(&mut tx, "settle").await? else { continue };
        let found = chain(&data.join(&made.path), wanted)
            .and_then(|chain| chain.map(|chain| made.check(&data).map(|_| chain)).transpose());
        match found {
            Ok(None) => {}
            Ok(Some(chain)) => return explanation(&data, &mut tx, &run, chain, listeners).await,
            Err(error) if run.state != State::Denied => unreadable = unreadable.or(Some(error)),
            Err(error) => {
                tracing::debug!(period = %run.period, %error, "a denied run is passed over");
            }
        }
    }
    Err(unreadable.unwrap_or_else(|| CloseError::NoLine(id.to_owned())))
}

/// All that explains the first line of a chain.
async fn explanation(
    data: &Path,
    tx: &mut Tx,
    run: &Run,
    chain: Vec<Line>,
    wanted: bool,
) -> Result<Explanation, CloseError> {
    let manifest = Manifest::read(data, run.period, run.manifest)?;
    let planned = manifest.plan(data)?;
    let allocation = run.has_made(tx, "allocate").await?;
    let mut explanation = Explanation {
        state: run.state,
        names: names(data, &manifest, &chain)?,
        pool: None,
        recording: None,
        pool_plays: (0, 0),
        waits: Micros::ZERO,
        details: Vec::new(),
        listeners: Vec::new(),
        chain,
    };
    let Some(root) = explanation.chain.last().filter(|line| !line.origin.sale).cloned() else {
        return Ok(explanation);
    };
    let pool = planned.pools.iter().find(|pool| pool.origin == root.origin).cloned();
    if let (Some(pool), Some(recording)) = (&pool, &root.recording) {
        let allocation = allocation.check(data)?;
        let whole;
        (explanation.recording, whole) = allocated(&allocation, &planned.pools, pool, recording)?;
        (explanation.pool_plays, explanation.waits) = ((whole.plays, whole.listeners), whole.waits);
        if wanted || !pool.rule.is_told_by_totals() {
            let amount = pool.total().minus(whole.waits).unwrap_or(pool.amount);
            explanation.details = details(data, &manifest, &planned, (pool, amount), recording)?;
        }
        if wanted {
            explanation.listeners = listeners(&explanation.details);
        }
    }
    explanation.pool = pool;
    Ok(explanation)
}

/// The line and those above it. Each is found by the column of ids; no other row is unpacked.
fn chain(path: &Path, wanted: LineId) -> Result<Option<Vec<Line>>, CloseError> {
    let mut chain: Vec<Line> = Vec::new();
    let mut next = Some(wanted);
    while let Some(id) = next {
        let Some(row) = Lines::find(path, id.bytes())? else { return Ok(None) };
        let Some(line) = Lines::open(path, Some((row, 1)))?.next().transpose()? else {
            return Ok(None);
        };
        next = line.parent;
        chain.push(line);
    }
    Ok(Some(chain))
}

/// What those are called whom a chain names.
fn names(
    data: &Path,
    manifest: &Manifest,
    chain: &[Line],
) -> Result<BTreeMap<String, String>, CloseError> {
    let sides = chain.iter().flat_map(|line| [line.debit.party(), line.credit.party()]);
    let parties: BTreeSet<&Name> = sides.flatten().collect();
    let recordings: BTreeSet<_> = chain.iter().filter_map(|line| line.recording.as_ref()).collect();
    let mut names = BTreeMap::new();
    manifest.each_fact(data, |party: Party| {
        if parties.contains(&party.party) {
            names.insert(party.party.to_string(), party.name);
        }
    })?;
    manifest.each_fact(data, |recording: Recording| {
        if recordings.contains(&recording.recording) {
            names.insert(recording.recording.to_string(), recording.title);
        }
    })?;
    Ok(names)
}

/// What a pool gave a recording, and all plays and listeners of the pool.
fn allocated(
    path: &Path,
    pools: &[Pool],
    pool: &Pool,
    recording: &RecordingId,
) -> Result<(Option<RecordingAmount>, Whole), CloseError> {
    let mut amounts = Amounts::open(path)?;
    for other in pools {
        let mut found = None;
        let whole = amounts.each(&other.origin.key(), |id, plays, listeners, amount| {
            if id == recording.as_str() {
                let recording = recording.clone();
                found = Some(RecordingAmount { recording, plays, listeners, amount });
            }
            Some(())
        })?;
        if other == pool {
            return Ok((found, whole));
        }
    }
    Ok((None, Whole::default()))
}

/// How the pool's rule comes to the recording's part, from the frozen usage.
fn details(
    data: &Path,
    manifest: &Manifest,
    planned: &Planned,
    (pool, amount): (&Pool, Micros),
    recording: &RecordingId,
) -> Result<Vec<Detail>, CloseError> {
    let mut catalogue = CatalogueBuilder::default();
    if pool.rule.asks_for_attributes() {
        manifest.each_fact(data, |recording| catalogue.recording(recording))?;
    }
    let catalogue = catalogue.finish();
    let threads = crate::config::Means::default().threads;
    let keys = (&planned.keys, planned.clearances.as_slice());
    let pools = Pools::new(data, manifest, keys, &catalogue, threads);
    let opened = pools.open(pool, &[&pool.rule], false)?;
    let details =
        pools.with_inputs(pool, &opened, |inputs| detail(&pool.rule, amount, recording, inputs));
    match details {
        Ok(details) => Ok(details),
        // Of a pool that nobody shares there is nothing to say.
        Err(AllocateError::NoPlays | AllocateError::NothingCounts { .. }) => Ok(Vec::new()),
        Err(AllocateError::Usage(error)) => Err(error.into()),
        Err(error) => {
            let (pool, reason) = (pool.origin.key(), error.to_string());
            Err(CloseError::Allocate { pool, reason })
        }
    }
}

/// Every listener of a recording, with what is needed to redo the recording's part by hand.
fn listeners(details: &[Detail]) -> Vec<Listener> {
    let of_part = |(part, detail): (usize, &Detail)| -> Vec<Listener> {
        let rule = &detail.rule;
        let places = rule.places();
        let alike = !rule.model.is_per_listener() && rule.cap.is_none();
        let shown = |heard: &Heard| Listener {
            listener: format!("{:032x}", heard.listener),
            part: (details.len() > 1).then_some(part),
            plays: heard.plays.0,
            active: rule.factors.active.map(|_| heard.plays.1),
            plays_total: heard.plays_total,
            weights: (!rule.counts_plays_as_they_are())
                .then(|| [heard.weights.0, heard.weights.1].map(|units| weighted(units, places))),
            fee: heard.fee.and_then(|fee| Micros::from_micros(fee.into()).ok()),
            owed: (!alike).then(|| heard.owed.to_string()),
        };
        detail.heard.iter().map(shown).collect()
    };
    (1..).zip(details).flat_map(of_part).collect()
}
