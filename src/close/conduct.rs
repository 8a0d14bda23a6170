//! Who moves a month on, and how: alone, step by step, noted.

use std::fs::File;

use unicode_normalization::UnicodeNormalization as _;

use super::arriving::{Arriving, sweep};
use super::manifest::Manifest;
use super::run::{Late, Run, State, late};
use super::steps::{self, Made, Wanted};
use super::{CloseError, crash, freeze};
use crate::facts::Workspace;
use crate::period::Period;
use crate::statements::Drawn;
use crate::store::statements::closes::{
    ACCEPTED_ROW, EVENT_ADD, EVENTS, FROZEN_FILE, PUBLISHED_AFTER, RUN_ADD, RUN_APPROVE, RUN_DRAFT,
    RUN_FAIL, RUN_MOVE, STEP_ADD,
};
use crate::store::{Lock, Tx};

/// What a close came to.
#[derive(Debug)]
pub struct Closed {
    /// The run.
    pub run: Run,
    /// Its statements, drawn.
    pub drawn: Drawn,
    /// What came after the freeze.
    pub late: Vec<Late>,
}

/// Keeps two closes of one month apart: a lock on this machine and, on PostgreSQL, one on the
/// server. Both go when their holder does, however it ends.
pub(super) struct Alone {
    _file: File,
    _lock: Lock,
}

impl Alone {
    pub(super) async fn take(workspace: &Workspace, period: Period) -> Result<Self, CloseError> {
        let folder = workspace.data().join("closes");
        let path = folder.join(format!("{period}.lock"));
        let io = |source| CloseError::Io { path: path.clone(), source };
        std::fs::create_dir_all(&folder).map_err(io)?;
        let file = File::create(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(CloseError::Busy(period)),
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        let lock = workspace.store.lock(&format!("tantieme close {period}")).await?;
        Ok(Self { _file: file, _lock: lock.ok_or(CloseError::Busy(period))? })
    }
}

/// A person's name as it was given, without spaces around it.
pub(super) fn person(name: &str) -> Result<&str, CloseError> {
    Some(name.trim()).filter(|name| !name.is_empty()).ok_or(CloseError::Nobody)
}

/// True for one name, however it is spaced, capitalised or encoded.
fn same_person(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let words: Vec<&str> = name.split_whitespace().collect();
        words.join(" ").nfkc().collect::<String>().to_lowercase()
    };
    plain(one) == plain(other)
}

/// Notes who did what.
pub(super) async fn note(
    tx: &mut Tx,
    run: i64,
    event: &str,
    by: &str,
    text: &str,
) -> Result<(), CloseError> {
    let values = [run.into(), event.into(), by.into(), crate::now().into(), text.into()];
    tx.run(EVENT_ADD, &values).await?;
    Ok(())
}

/// Months are posted one after the other, so that a balance before a month is what the month
/// before left.
pub(super) async fn in_order(tx: &mut Tx, period: Period) -> Result<(), CloseError> {
    match tx.row(PUBLISHED_AFTER, &[period.to_string().into()]).await? {
        Some(row) => Err(CloseError::OutOfOrder { period, later: row.text(0)? }),
        None => Ok(()),
    }
}

/// Freezes a month, or takes up its run where it stopped, and brings it to a draft.
pub async fn close(
    workspace: &Workspace,
    period: Period,
    by: &str,
    accept_quarantine: Option<u64>,
) -> Result<Closed, CloseError> {
    let by = person(by)?;
    let _alone = Alone::take(workspace, period).await?;
    let mut tx = workspace.store.read().await?;
    let run = Run::live(&mut tx, period).await?;
    drop(tx);
    let mut run = match run {
        Some(Run { state: State::Published, .. }) => {
            let advice = "a published month never changes; corrections belong to the open month";
            return Err(CloseError::State { period, state: State::Published, advice });
        }
        Some(run) => {
            if let Some(given) = accept_quarantine {
                let frozen = Manifest::read(&workspace.data(), period, run.manifest)?;
                let accepted = frozen.accepted_quarantine;
                if given != accepted {
                    return Err(CloseError::Accepted { period, accepted, given });
                }
            }
            run
        }
        None => start(workspace, period, by, accept_quarantine).await?,
    };
    tracing::info!(%period, state = %run.state, manifest = %run.manifest, "closing");
    crash::point("frozen");
    let drawn = match advance(workspace, &mut run, by).await {
        Ok(drawn) => drawn,
        Err(error) => {
            // Where this fails too, the first error is still the one to be told.
            if let Err(unnoted) = failed(workspace, &run, &error).await {
                tracing::warn!(%unnoted, "the failure is not noted with the run");
            }
            return Err(error);
        }
    };
    let late = late(workspace, &run).await?;
    Ok(Closed { run, drawn, late })
}

/// Notes with a run why it did not go on.
async fn failed(workspace: &Workspace, run: &Run, error: &CloseError) -> Result<(), CloseError> {
    let mut tx = workspace.store.write().await?;
    let step = format!("after {}: {error}", run.state);
    tx.run(RUN_FAIL, &[run.id.into(), step.into()]).await?;
    Ok(tx.commit().await?)
}

async fn start(
    workspace: &Workspace,
    period: Period,
    by: &str,
    accept_quarantine: Option<u64>,
) -> Result<Run, CloseError> {
    // Before a freeze that may take minutes, and again when nobody else can publish any more.
    in_order(&mut workspace.store.read().await?, period).await?;
    let frozen = freeze::freeze(workspace, period, accept_quarantine).await?;
    let mut tx = workspace.store.write().await?;
    in_order(&mut tx, period).await?;
    if Run::live(&mut tx, period).await?.is_some() {
        return Err(CloseError::Busy(period));
    }
    let values = [
        period.to_string().into(),
        frozen.manifest.to_string().into(),
        by.into(),
        crate::now().into(),
        frozen.last_import.into(),
    ];
    let added = tx.row(RUN_ADD, &values).await?;
    let id = added.ok_or(CloseError::NotClosed(period))?.int(0)?;
    let files = frozen.batches.iter().map(|file| vec![id.into(), (*file).into()]);
    tx.add(FROZEN_FILE, files).await?;
    let accepted = frozen.accepted.iter().map(|row| vec![(*row).into(), id.into()]);
    tx.add(ACCEPTED_ROW, accepted).await?;
    let accepted =
        accept_quarantine.map_or_else(String::new, |n| format!("{n} quarantined rows accepted"));
    note(&mut tx, id, "frozen", by, &accepted).await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    tx.commit().await?;
    Ok(run)
}

/// Runs the steps that have not run yet; each one's output stands before the state moves.
async fn advance(workspace: &Workspace, run: &mut Run, by: &str) -> Result<Drawn, CloseError> {
    let data = workspace.data();
    let manifest = Manifest::read(&data, run.period, run.manifest)?;
    manifest.check_files(&data)?;
    let folder = Manifest::folder(run.period, run.manifest);
    // What an earlier process was writing when it was killed; the month is ours alone.
    sweep(&data.join(&folder), Arriving::PREFIX)?;
    let made = (
        standing(workspace, run, "allocate").await?,
        standing(workspace, run, "settle").await?,
        standing(workspace, run, "draft").await?,
    );
    if let (Some(_), Some(lines), Some(_)) = &made {
        return Ok(steps::read(&data, &manifest, lines, workspace.means, Wanted::Totals)?.drawn);
    }
    let loaded = manifest.load(&data)?;
    let allocation = if let Some(made) = made.0 {
        made
    } else {
        let made =
            steps::allocate_pools(&data, &manifest, &loaded, &folder, workspace.means.threads)?;
        crash::point("allocation written");
        step(workspace, run, "allocate", &made, State::Allocated, by).await?;
        made
    };
    crash::point("allocated");
    let lines = if let Some(made) = made.1 {
        made
    } else {
        let made = steps::settle_lines(&data, &loaded, &allocation, &folder, workspace.means)?;
        crash::point("lines written");
        step(workspace, run, "settle", &made, State::Settled, by).await?;
        made
    };
    crash::point("settled");
    let frozen = (&manifest, &loaded);
    if made.2.is_some() {
        return Ok(steps::read(&data, &manifest, &lines, workspace.means, Wanted::Totals)?.drawn);
    }
    let wanted = (workspace.means, Wanted::Totals);
    let (made, read) = steps::draw_statements(&data, frozen, &lines, &folder, wanted)?;
    crash::point("statements written");
    run.result = Some(read.result.to_string());
    step(workspace, run, "draft", &made, State::Drafted, by).await?;
    crash::point("drafted");
    Ok(read.drawn)
}

/// What a step made, if it stands as it was made; a file that is gone or damaged is made again.
async fn standing(
    workspace: &Workspace,
    run: &Run,
    step: &str,
) -> Result<Option<Made>, CloseError> {
    let mut tx = workspace.store.read().await?;
    let made = run.made(&mut tx, step).await?;
    Ok(made.filter(|made| made.check(&workspace.data()).is_ok()))
}

async fn step(
    workspace: &Workspace,
    run: &mut Run,
    step: &str,
    made: &Made,
    state: State,
    by: &str,
) -> Result<(), CloseError> {
    let mut tx = workspace.store.write().await?;
    let hash = made.sha256.to_string();
    let values = [run.id.into(), step.into(), made.path.as_str().into(), hash.as_str().into()];
    tx.run(STEP_ADD, &values).await?;
    if run.state < state {
        let moved = if state == State::Drafted {
            let result = run.result.clone().unwrap_or_default();
            tx.run(RUN_DRAFT, &[run.id.into(), result.into()]).await?
        } else {
            let (from, to) = (run.state.as_str(), state.as_str());
            tx.run(RUN_MOVE, &[run.id.into(), from.into(), to.into()]).await?
        };
        if moved != 1 {
            return Err(CloseError::Busy(run.period));
        }
        note(&mut tx, run.id, state.as_str(), by, run.result.as_deref().unwrap_or_default())
            .await?;
    }
    tx.commit().await?;
    tracing::info!(period = %run.period, step, file = made.path, "step done");
    run.state = run.state.max(state);
    run.failed = None;
    Ok(())
}

/// Approves a draft by its result hash. The one who prepared it may not.
pub async fn approve(
    workspace: &Workspace,
    period: Period,
    by: &str,
    result: &str,
) -> Result<Run, CloseError> {
    let by = person(by)?;
    let _alone = Alone::take(workspace, period).await?;
    let mut tx = workspace.store.write().await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    if run.state != State::Drafted {
        let advice = match run.state {
            State::Approved => "publish it, or deny it",
            State::Published => "a published month never changes",
            _ => "finish its close first",
        };
        return Err(CloseError::State { period, state: run.state, advice });
    }
    let found = run.result.clone().unwrap_or_default();
    if !found.eq_ignore_ascii_case(result.trim()) {
        return Err(CloseError::StaleHash { period, found, given: result.to_owned() });
    }
    let mut preparers = vec![run.prepared_by.clone()];
    for event in tx.rows(EVENTS, &[run.id.into()]).await? {
        preparers.push(event.text(1)?);
    }
    if preparers.iter().any(|preparer| same_person(preparer, by)) {
        return Err(CloseError::OwnDraft { period, name: by.to_owned() });
    }
    let moved = tx.run(RUN_APPROVE, &[run.id.into(), by.into(), found.as_str().into()]).await?;
    if moved != 1 {
        return Err(CloseError::Busy(period));
    }
    note(&mut tx, run.id, "approved", by, &found).await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    tx.commit().await?;
    Ok(run)
}

/// Refuses an unpublished run: the month is open again, the run is kept with the reason.
pub async fn deny(
    workspace: &Workspace,
    period: Period,
    by: &str,
    reason: &str,
) -> Result<Run, CloseError> {
    let by = person(by)?;
    if reason.trim().is_empty() {
        return Err(CloseError::NoReason);
    }
    let _alone = Alone::take(workspace, period).await?;
    let mut tx = workspace.store.write().await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    if run.state == State::Published {
        let advice = "a published month never changes";
        return Err(CloseError::State { period, state: run.state, advice });
    }
    let (from, to) = (run.state.as_str(), State::Denied.as_str());
    tx.run(RUN_MOVE, &[run.id.into(), from.into(), to.into()]).await?;
    note(&mut tx, run.id, "denied", by, reason).await?;
    tx.commit().await?;
    Ok(Run { state: State::Denied, ..run })
}
