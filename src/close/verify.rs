//! Everything recomputed, from sealed files to balances.

use std::path::Path;

use super::CloseError;
use super::arriving::Writing;
use super::manifest::Manifest;
use super::run::Run;
use super::steps::{self, Made, Read, Wanted};
use crate::columnar::{self, Layout};
use crate::facts::Workspace;
use crate::ledger::{self, Face};
use crate::period::Period;
use crate::store::statements::closes::{RUNS, SETTLED, SETTLED_STRAY};
use crate::store::statements::ledger::STATEMENTS;
use crate::store::{StoreError, Tx};
use crate::{settle, statements};

/// What was proven.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Published months.
    pub months: usize,
    /// Their lines.
    pub lines: u64,
    /// Their statements.
    pub statements: usize,
    /// Files whose hashes were taken again.
    pub files: usize,
    /// The last posting of the chain, if there is one.
    pub posting: Option<ledger::Head>,
}

/// Proves every published month, oldest first: the manifest and the files it names, the lines
/// anew from the facts, the result hash, the statements, the transfers, the chain, the balances.
/// The first thing that does not hold is the error.
pub async fn verify(workspace: &Workspace) -> Result<Verified, CloseError> {
    let data = workspace.data();
    let mut verified = Verified::default();
    let mut tx = workspace.store.read().await?;
    let mut proof = ledger::Proof::begin(&mut tx).await?;
    let runs = tx.rows(RUNS, &[]).await?;
    for row in runs.iter().rev() {
        let run = Run::read(row)?;
        if run.state != super::State::Published {
            continue;
        }
        let period = run.period;
        let manifest = Manifest::read(&data, period, run.manifest)?;
        manifest.check_files(&data)?;
        let mut made = Vec::new();
        for step in ["allocate", "settle", "draft"] {
            let step = run.has_made(&mut tx, step).await?;
            step.check(&data)?;
            made.push(step);
        }
        let Read { drawn, result, sums } = again(workspace, &manifest, &made)?;
        let (found, given) = (result.to_string(), run.result.clone().unwrap_or_default());
        if found != given {
            return Err(CloseError::StaleHash { period, found, given });
        }
        faces(&mut tx, period, &drawn.faces).await?;
        settled(&mut tx, &run, &manifest).await?;
        let closed = ledger::Closed { period, run: run.id, result: &given, sums: &sums };
        proof.month(&mut tx, &closed).await?;
        verified.months += 1;
        verified.lines += drawn.totals.values().map(|totals| totals.lines).sum::<u64>();
        verified.statements += drawn.faces.len();
        verified.files += manifest.facts.len() + manifest.batches().count() + 4;
        verified.files += usize::from(manifest.cleared_before.is_some());
    }
    stray(&mut tx).await?;
    verified.posting = proof.end(&mut tx).await?;
    Ok(verified)
}

/// Proves that the database lists the statements that the lines make.
async fn faces(tx: &mut Tx, period: Period, drawn: &[Face]) -> Result<(), CloseError> {
    let mut drawn = drawn.iter();
    let mut same = true;
    tx.each(STATEMENTS, &[period.to_string().into()], |row| {
        let like = |face: &Face| -> Result<bool, StoreError> {
            Ok(row.text(0)? == face.statement
                && row.text(1)? == face.payee
                && row.text(2)? == face.payee_name
                && row.text(3)? == face.currency.code()
                && row.int(5)? == face.total.micros()
                && (row.int(6)?, row.int(7)?) == (face.lines, face.first_row))
        };
        same &= drawn.next().map_or(Ok(false), like)?;
        Ok::<_, StoreError>(())
    })
    .await?;
    if same && drawn.next().is_none() {
        return Ok(());
    }
    let problem = "does not hold the statements that its lines make".to_owned();
    Err(CloseError::File { path: format!("statement of {period}").into(), problem })
}

/// Proves that the database lists the batches that the month has settled.
async fn settled(tx: &mut Tx, run: &Run, manifest: &Manifest) -> Result<(), CloseError> {
    let mut settled = Vec::new();
    for row in tx.rows(SETTLED, &[run.id.into()]).await? {
        settled.push(row.int(0)?);
    }
    let mut frozen: Vec<i64> =
        manifest.usage.iter().chain(&manifest.sales).map(|batch| batch.id).collect();
    frozen.sort_unstable();
    if settled == frozen {
        return Ok(());
    }
    let problem = "does not list the batches that its manifest names".to_owned();
    Err(CloseError::File { path: format!("settled_file of {}", run.period).into(), problem })
}

/// Proves that nothing is listed as settled but by a published month: it would never settle.
async fn stray(tx: &mut Tx) -> Result<(), CloseError> {
    let Some(row) = tx.row(SETTLED_STRAY, &[]).await? else { return Ok(()) };
    let text = |at| row.opt_text(at).map(Option::unwrap_or_default);
    let (batch, period) = (text(0)?, text(1)?);
    let problem = format!("lists batch {batch} of {period}, which no published month has settled");
    Err(CloseError::File { path: "settled_file".into(), problem })
}

/// Begins the names of folders in which a month is made anew.
const ANEW: &str = ".verify-";

/// Runs the steps again beside the originals and compares their files.
fn again(workspace: &Workspace, manifest: &Manifest, made: &[Made]) -> Result<Read, CloseError> {
    let (data, means) = (&workspace.data(), workspace.means);
    let loaded = manifest.load(data)?;
    let io = |source| CloseError::Io { path: data.clone(), source };
    let _writing = Writing::begin(data, ANEW)?;
    let folder = tempfile::Builder::new().prefix(ANEW).tempdir_in(data).map_err(io)?;
    let name = folder.path().strip_prefix(data).unwrap_or(folder.path());
    let allocation = steps::allocate_pools(data, manifest, &loaded, name, means.threads)?;
    let lines = steps::settle_lines(data, &loaded, &allocation, name, means)?;
    let (statements, read) =
        steps::draw_statements(data, (manifest, &loaded), &lines, name, (means, Wanted::Sums))?;
    let layouts = [steps::ALLOCATION, settle::LAYOUT, statements::LAYOUT];
    for ((anew, original), layout) in [allocation, lines, statements].iter().zip(made).zip(layouts)
    {
        if !same(&data.join(&anew.path), &data.join(&original.path), layout, anew, original)? {
            let problem = "is not what its facts make".to_owned();
            return Err(CloseError::File { path: data.join(&original.path), problem });
        }
    }
    Ok(read)
}

/// True if two files hold the same rows. They have the same bytes if one program wrote both; a
/// later one may pack the same rows in another way.
fn same(
    anew: &Path,
    original: &Path,
    layout: Layout,
    made: &Made,
    given: &Made,
) -> Result<bool, CloseError> {
    if made.sha256 == given.sha256 {
        return Ok(true);
    }
    Ok(columnar::same_rows(anew, original, layout)?)
}
