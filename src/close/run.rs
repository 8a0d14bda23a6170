//! Runs and their states.

use std::fmt;

use super::CloseError;
use super::steps::Made;
use crate::digest::Digest;
use crate::facts::Workspace;
use crate::period::Period;
use crate::store::statements::closes::{RUN_LIVE, RUNS, STEPS};
use crate::store::statements::facts::LATE;
use crate::store::{Row, Tx};

/// How far a month has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its facts are sealed.
    Frozen,
    /// Its pools are shared over recordings.
    Allocated,
    /// Its recordings are shared over people.
    Settled,
    /// Its statements are drawn.
    Drafted,
    /// A second person has approved the draft.
    Approved,
    /// It is posted and closed for ever.
    Published,
    /// The draft was refused; the month is open again.
    Denied,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Frozen,
        Self::Allocated,
        Self::Settled,
        Self::Drafted,
        Self::Approved,
        Self::Published,
        Self::Denied,
    ];

    /// As the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Allocated => "allocated",
            Self::Settled => "settled",
            Self::Drafted => "drafted",
            Self::Approved => "approved",
            Self::Published => "published",
            Self::Denied => "denied",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One attempt at a month.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Run {
    /// Its number.
    #[serde(skip)]
    pub id: i64,
    /// The month.
    pub period: Period,
    /// The manifest's hash.
    pub manifest: Digest,
    /// How far it has come.
    pub state: State,
    /// The step that failed last, and why.
    pub failed: Option<String>,
    /// Who prepared it.
    pub prepared_by: String,
    /// The result hash, once drafted.
    pub result: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was frozen.
    pub started_at: String,
    /// The newest import that the freeze could see.
    #[serde(skip)]
    pub last_import: i64,
}

impl Run {
    pub(super) fn read(row: &Row) -> Result<Self, CloseError> {
        let damaged = |what: String| CloseError::File {
            path: "close_run".into(),
            problem: format!("holds what cannot be read: {what}"),
        };
        let state = row.text(3)?;
        let period = row.text(1)?;
        let manifest = row.text(2)?;
        Ok(Self {
            id: row.int(0)?,
            state: State::ALL
                .into_iter()
                .find(|s| s.as_str() == state)
                .ok_or_else(|| damaged(state))?,
            period: period.parse().map_err(|_| damaged(period))?,
            manifest: manifest.parse().map_err(|_| damaged(manifest))?,
            failed: row.opt_text(4)?,
            prepared_by: row.text(5)?,
            result: row.opt_text(6)?,
            approved_by: row.opt_text(7)?,
            started_at: row.text(8)?,
            last_import: row.int(9)?,
        })
    }

    /// The run of a month that is not denied.
    pub(super) async fn live(tx: &mut Tx, period: Period) -> Result<Option<Self>, CloseError> {
        let row = tx.row(RUN_LIVE, &[period.to_string().into()]).await?;
        row.as_ref().map(Self::read).transpose()
    }

    /// What a step of this run made, if it has run.
    pub(super) async fn made(&self, tx: &mut Tx, step: &str) -> Result<Option<Made>, CloseError> {
        for row in tx.rows(STEPS, &[self.id.into()]).await? {
            if row.text(0)? == step {
                let sha256 = row.text(2)?.parse().map_err(|_| CloseError::File {
                    path: "close_step".into(),
                    problem: "holds a hash that cannot be read".to_owned(),
                })?;
                return Ok(Some(Made { path: row.text(1)?, sha256 }));
            }
        }
        Ok(None)
    }

    /// What a step of this run made; the run is said to be past it.
    pub(super) async fn has_made(&self, tx: &mut Tx, step: &str) -> Result<Made, CloseError> {
        let made = self.made(tx, step).await?;
        made.ok_or_else(|| match (self.period, self.state) {
            (period, State::Published) => step_gone(period, step),
            (period, state) => {
                CloseError::State { period, state, advice: "finish its close first" }
            }
        })
    }
}

/// A published month whose steps are not all there.
pub(super) fn step_gone(period: Period, step: &str) -> CloseError {
    let problem = format!("does not say what the step {step:?} of a published month made");
    CloseError::File { path: format!("close_step of {period}").into(), problem }
}

/// Something that came after a freeze and is not in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Late {
    /// What it holds.
    pub kind: String,
    /// Its batch, by default the file's name.
    pub batch: String,
    /// `imported`, `replaced` or `withdrawn`.
    pub what: String,
    /// When.
    pub at: String,
    /// What becomes of it, where the month is published.
    pub outcome: Option<String>,
}

/// What was imported, replaced or withdrawn after a run was frozen.
pub async fn late(workspace: &Workspace, run: &Run) -> Result<Vec<Late>, CloseError> {
    let mut tx = workspace.store.read().await?;
    let open = i64::from(run.state != State::Published);
    let values =
        [run.period.to_string().into(), run.last_import.into(), open.into(), run.id.into()];
    let mut late = Vec::new();
    for row in tx.rows(LATE, &values).await? {
        let (kind, batch, what, at) = (row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?);
        late.push(Late { kind, batch, what, at, outcome: row.opt_text(4)? });
    }
    Ok(late)
}

/// All runs, newest month first.
pub async fn runs(workspace: &Workspace) -> Result<Vec<Run>, CloseError> {
    let mut tx = workspace.store.read().await?;
    tx.rows(RUNS, &[]).await?.iter().map(Run::read).collect()
}
