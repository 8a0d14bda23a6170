//! `tantieme close`, `approve`, `deny` and `publish`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use super::{Done, Format, show};
use crate::close::{self, Closed, Late, State};
use crate::facts::Workspace;
use crate::period::Period;
use crate::statements::Totals;

/// The words of `close`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tantieme close 2026-10 --as anna

Freezes what has been imported for the month and brings it to a draft. Run again, it resumes
where it stopped and prints the same totals and the same result hash.")]
pub(super) struct Close {
    /// The month, such as 2026-10.
    period: Period,
    /// Who prepares it.
    #[arg(long = "as", value_name = "NAME")]
    by: String,
    /// Leave out this many quarantined rows; the number must be the one that stands there.
    #[arg(long, value_name = "N")]
    accept_quarantine: Option<u64>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The words of `approve`.
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// The month.
    period: Period,
    /// Who approves; not the one who prepared it.
    #[arg(long = "as", value_name = "NAME")]
    by: String,
    /// The result hash that `close` printed.
    #[arg(long, value_name = "HASH")]
    result: String,
}

/// The words of `deny`.
#[derive(Debug, Args)]
pub(super) struct Deny {
    /// The month.
    period: Period,
    /// Who refuses it.
    #[arg(long = "as", value_name = "NAME")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// The words of `publish`.
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The month.
    period: Period,
    /// Who publishes it.
    #[arg(long = "as", value_name = "NAME")]
    by: String,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Close {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let closed = close::close(workspace, self.period, &self.by, self.accept_quarantine).await?;
        match self.format {
            Format::Json => show::json(&as_json(&closed)),
            Format::Table => print(&closed),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Approve {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let run = close::approve(workspace, self.period, &self.by, &self.result).await?;
        say!("{} is approved by {}; publish it with:", run.period, self.by);
        say!("  tantieme publish {} --as {}", run.period, show::word(&self.by));
        Ok(ExitCode::SUCCESS)
    }
}

impl Deny {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let run = close::deny(workspace, self.period, &self.by, &self.reason).await?;
        say!("{} is denied by {} and open again: {}", run.period, self.by, self.reason);
        Ok(ExitCode::SUCCESS)
    }
}

impl Publish {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let published = close::publish(workspace, self.period, &self.by).await?;
        if self.format == Format::Json {
            show::json(&serde_json::to_value(&published)?);
            return Ok(ExitCode::SUCCESS);
        }
        say!(
            "{} is published: {} transfers posted, {} statements visible",
            published.period,
            show::count(published.transfers as u64),
            show::count(published.statements as u64)
        );
        say!("result {}", published.result);
        say!("{}", published.posting);
        Ok(ExitCode::SUCCESS)
    }
}

fn as_json(closed: &Closed) -> serde_json::Value {
    serde_json::json!({
        "period": closed.run.period,
        "state": closed.run.state,
        "prepared_by": closed.run.prepared_by,
        "manifest": closed.run.manifest,
        "result": closed.run.result,
        "totals": closed.drawn.totals,
        "late": closed.late,
    })
}

fn print(closed: &Closed) {
    let run = &closed.run;
    put!(totals(&closed.drawn.totals));
    for late in &closed.late {
        let Late { kind, batch, what, at, .. } = late;
        let place = if what == "imported" { "not" } else { "still" };
        say!("late: {kind} {batch}, {what} {at}: {place} in this close");
    }
    say!();
    say!("{} is {}", run.period, run.state);
    say!("manifest {}", run.manifest);
    let result = run.result.as_deref().unwrap_or_default();
    say!("result   {result}");
    if run.state == State::Drafted {
        say!("\nlook:    tantieme statements {} --draft", run.period);
        say!("approve: tantieme approve {} --as SOMEBODY_ELSE --result {result}", run.period);
    }
}

/// A month's totals: in, out by kind, held, and that they tie.
pub(super) fn totals(totals: &BTreeMap<String, Totals>) -> String {
    let mut rows = Vec::new();
    for (currency, total) in totals {
        let mut row = |what: &str, amount: &crate::money::Micros| {
            rows.push(vec![what.to_owned(), amount.to_string(), currency.clone()]);
        };
        row("money in", &total.money_in);
        if !total.carried_in.is_zero() {
            row("carried in", &total.carried_in);
        }
        row("payable on statements", &total.payable);
        for (reason, amount) in &total.held {
            row(&format!("held, {reason}"), amount);
        }
        rows.push(vec![
            "receipts, no term".to_owned(),
            show::count(total.without_term),
            String::new(),
        ]);
        rows.push(vec![
            "statements, lines".to_owned(),
            format!("{}, {}", show::count(total.statements), show::count(total.lines)),
            String::new(),
        ]);
    }
    show::table(&["total", ">amount", "currency"], rows)
}
