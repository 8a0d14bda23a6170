//! `tantieme explain`.

use std::process::ExitCode;

use clap::Args;

use super::{Done, Format, show};
use crate::close::{self, Explanation, Listener};
use crate::facts::Workspace;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tantieme statements 2026-10 --payee mei | tail -1     its `line` column is the id
  tantieme explain 4bf1… --listeners")]
pub(super) struct Explain {
    /// The line's id.
    line: String,
    /// List the (hashed) listeners whose plays the line is made of.
    #[arg(long)]
    listeners: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Explain {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let found = close::explain(workspace, &self.line, self.listeners).await?;
        if self.format == Format::Json {
            let value = serde_json::json!({
                "line": self.line,
                "state": found.state,
                "sentence": found.sentence(),
                "arithmetic": found.arithmetic(),
                "listeners": found.listeners,
            });
            show::json(&value);
            return Ok(ExitCode::SUCCESS);
        }
        say!("{}\n", found.sentence());
        for step in found.arithmetic() {
            say!("  {step}");
        }
        match found.state {
            close::State::Published => {}
            close::State::Denied => say!("\nThis close was refused: nothing of it is paid."),
            state => say!("\nThis is a {state} close: it may still change."),
        }
        if self.listeners && found.pool.is_none() {
            let sale = found.chain.iter().all(|line| line.origin.sale);
            let why = if sale {
                "A sale has no listeners."
            } else {
                "Explain the lines that it adjusts."
            };
            say!("\n{why}");
        } else if self.listeners {
            say!();
            put!(listeners(&found));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What one column shows of a listener.
type Shown = fn(&Listener) -> String;

/// Listeners as a table; columns that say nothing of any of them are left out.
fn listeners(found: &Explanation) -> String {
    let capped = found.details.iter().any(|detail| detail.rule.cap.is_some());
    let unit = if capped { ">adds, in 2^-64 play" } else { ">adds, in 2^-64 micro" };
    let columns: [(&str, bool, Shown); 8] = [
        ("listener", true, |l| l.listener.clone()),
        (">part", false, |l| l.part.map_or_else(String::new, show::count)),
        (">plays of it", true, |l| show::count(l.plays)),
        (">active", false, |l| l.active.map_or_else(String::new, show::count)),
        (">all plays", true, |l| show::count(l.plays_total)),
        (">weighted", false, |l| l.weights.as_ref().map_or_else(String::new, |w| w.join(" of "))),
        (">fee", false, |l| l.fee.map_or_else(String::new, |fee| fee.to_string())),
        (unit, true, |l| l.owed.clone().unwrap_or_default()),
    ];
    let says = |cell: Shown| found.listeners.iter().any(|l| !cell(l).is_empty());
    let shown: Vec<_> =
        columns.into_iter().filter(|(_, always, cell)| *always || says(*cell)).collect();
    let names: Vec<&str> = shown.iter().map(|(name, ..)| *name).collect();
    let rows = found.listeners.iter();
    show::table(&names, rows.map(|l| shown.iter().map(|(.., cell)| cell(l)).collect()))
}
