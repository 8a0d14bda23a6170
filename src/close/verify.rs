//! Everything recomputed, from sealed files to balances.

use std::collections::BTreeMap;

use super::manifest::Manifest;
use super::run::Run;
use super::{CloseError, steps};
use crate::facts::Workspace;
use crate::ledger;
use crate::store::statements::closes::{RUNS, SETTLED};
use crate::store::statements::ledger::STATEMENTS;

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
}

/// Proves every published month: the manifest and the files it names, the lines anew from the
/// facts, the result hash, the transfers, the chain, the balances, the statements. The first
/// thing that does not hold is the error.
pub async fn verify(workspace: &Workspace) -> Result<Verified, CloseError> {
    let data = workspace.data();
    let mut verified = Verified::default();
    let mut expected = BTreeMap::new();
    let mut tx = workspace.store.read().await?;
    for row in tx.rows(RUNS, &[]).await? {
        let run = Run::read(&row)?;
        if run.state != super::State::Published {
            continue;
        }
        let period = run.period;
        let manifest = Manifest::read(&data, period, run.manifest)?;
        manifest.check_files(&data)?;
        let loaded = manifest.load(&data)?;
        let mut made = Vec::new();
        for step in ["allocate", "settle", "draft"] {
            let step = run.made(&mut tx, step).await?.ok_or(CloseError::NotClosed(period))?;
            step.check(&data)?;
            made.push(step);
        }
        again(&data, &manifest, &loaded, &made, workspace.means.threads)?;
        let lines = data.join(&made[1].path);
        let found = steps::result_hash(&manifest, &loaded, &lines)?.to_string();
        let given = run.result.clone().unwrap_or_default();
        if found != given {
            return Err(CloseError::StaleHash { period, found, given });
        }
        let drawn = steps::drawn(&data, &loaded, &made[1])?;
        let mut faces = Vec::new();
        for row in tx.rows(STATEMENTS, &[period.to_string().into()]).await? {
            let names = [row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?];
            faces.push((names, row.int(5)?, row.int(6)?, row.int(7)?));
        }
        let drawn_faces: Vec<_> = drawn
            .faces
            .iter()
            .map(|face| {
                let currency = face.currency.to_string();
                let names =
                    [face.statement.clone(), face.payee.clone(), face.payee_name.clone(), currency];
                (names, face.total.micros(), face.lines, face.first_row)
            })
            .collect();
        if faces != drawn_faces {
            let problem = "does not hold the statements that its lines make".to_owned();
            return Err(CloseError::File {
                path: format!("statement of {period}").into(),
                problem,
            });
        }
        let mut settled = Vec::new();
        for row in tx.rows(SETTLED, &[run.id.into()]).await? {
            settled.push(row.int(0)?);
        }
        let mut frozen: Vec<i64> =
            manifest.usage.iter().chain(&manifest.sales).map(|batch| batch.id).collect();
        frozen.sort_unstable();
        if settled != frozen {
            let problem = "does not list the batches that its manifest names".to_owned();
            return Err(CloseError::File {
                path: format!("settled_file of {period}").into(),
                problem,
            });
        }
        expected.insert(period.to_string(), ledger::sum_lines(steps::Lines::open(&lines)?)?);
        verified.months += 1;
        verified.lines += drawn.totals.values().map(|totals| totals.lines).sum::<u64>();
        verified.statements += faces.len();
        verified.files += manifest.facts.len() + manifest.usage.len() + manifest.sales.len() + 4;
    }
    ledger::verify(&mut tx, &expected).await?;
    Ok(verified)
}

/// Runs the steps again beside the originals and compares.
fn again(
    data: &std::path::Path,
    manifest: &Manifest,
    loaded: &super::manifest::Loaded,
    made: &[steps::Made],
    threads: usize,
) -> Result<(), CloseError> {
    let io = |source| CloseError::Io { path: data.to_owned(), source };
    let folder = tempfile::Builder::new().prefix(".verify-").tempdir_in(data).map_err(io)?;
    let name = folder.path().strip_prefix(data).unwrap_or(folder.path());
    let allocation = steps::allocate_pools(data, manifest, loaded, name, threads)?;
    let lines = steps::settle_lines(data, loaded, &allocation, name)?;
    let (statements, _) = steps::draw_statements(data, loaded, &lines, name)?;
    for (anew, original) in [allocation, lines, statements].iter().zip(made) {
        if anew.sha256 != original.sha256 {
            let problem = "is not what its facts make".to_owned();
            return Err(CloseError::File { path: data.join(&original.path), problem });
        }
    }
    Ok(())
}
