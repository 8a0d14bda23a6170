//! `tantieme status`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use super::{Done, Format, show};
use crate::close::{Late, Run, State, late, runs};
use crate::facts::Workspace;
use crate::period::Period;
use crate::store::statements::facts::{IMPORT_COUNTS, PERIODS};

/// The words of the command.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// One month; all of them if absent.
    period: Option<Period>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Default, serde::Serialize)]
struct Month {
    usage_rows: i64,
    plays: i64,
    sales: i64,
    revenue_rows: i64,
    run: Option<Run>,
    late: Vec<Late>,
}

impl Status {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let mut tx = workspace.store.read().await?;
        let mut months: BTreeMap<String, Month> = BTreeMap::new();
        for row in tx.rows(PERIODS, &[]).await? {
            let month = months.entry(row.text(0)?).or_default();
            month.usage_rows = row.int(1)?;
            month.plays = row.int(2)?;
            month.sales = row.int(3)?;
            month.revenue_rows = row.int(4)?;
        }
        let mut kinds = Vec::new();
        for row in tx.rows(IMPORT_COUNTS, &[]).await? {
            kinds.push((row.text(0)?, row.int(1)?, row.int(2)?, row.int(3)?));
        }
        drop(tx);
        for run in runs(workspace).await? {
            let month = months.entry(run.period.to_string()).or_default();
            if run.state != State::Denied {
                month.late = late(workspace, &run).await?;
                month.run = Some(run);
            }
        }
        if let Some(period) = self.period {
            months.retain(|month, _| *month == period.to_string());
        }
        let held: i64 = kinds.iter().map(|(.., quarantined)| quarantined).sum();
        if self.format == Format::Json {
            let kinds: Vec<_> = kinds
                .iter()
                .map(|(kind, files, taken, quarantined)| {
                    serde_json::json!({
                        "kind": kind, "files": files, "rows": taken, "quarantined": quarantined,
                    })
                })
                .collect();
            let value = serde_json::json!({
                "months": months, "imports": kinds, "quarantined": held,
            });
            show::json(&value);
            return Ok(ExitCode::SUCCESS);
        }
        if kinds.is_empty() {
            say!("nothing has been imported yet; see `tantieme import --help`");
            return Ok(ExitCode::SUCCESS);
        }
        let rows = kinds.iter().map(|(kind, files, taken, quarantined)| {
            vec![kind.clone(), show::count(*files), show::count(*taken), show::count(*quarantined)]
        });
        say!("{}", show::table(&["imported", ">files", ">rows", ">in quarantine"], rows));
        let rows = months.iter().map(|(period, month)| {
            let state = month.run.as_ref().map_or_else(
                || "open".to_owned(),
                |run| match &run.failed {
                    Some(_) => format!("failed after {}", run.state),
                    None => run.state.to_string(),
                },
            );
            vec![
                period.clone(),
                state,
                show::count(month.usage_rows),
                show::count(month.plays),
                show::count(month.sales),
                show::count(month.revenue_rows),
                show::count(month.late.len() as u64),
            ]
        });
        let columns =
            ["month", "state", ">usage rows", ">plays", ">sales", ">revenue rows", ">late"];
        put!(show::table(&columns, rows));
        for (period, month) in &months {
            for late in &month.late {
                let outcome = late.outcome.as_ref().map_or_else(String::new, |o| format!(": {o}"));
                let Late { kind, batch, what, at, .. } = late;
                say!("late for {period}: {kind} {batch}, {what} {at}{outcome}");
            }
            if let Some(failed) = month.run.as_ref().and_then(|run| run.failed.as_ref()) {
                say!("{period} failed {failed}");
            }
            if let Some(result) = month.run.as_ref().and_then(|run| run.result.as_ref()) {
                say!("result of {period}: {result}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
