//! `tantieme explain`.

use std::process::ExitCode;

use clap::Args;

use super::{Done, Format, show};
use crate::close;
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
            say!("\nA sale has no listeners.");
        } else if self.listeners {
            say!();
            let rows = found.listeners.iter().map(|listener| {
                vec![
                    listener.listener.clone(),
                    show::count(listener.plays),
                    show::count(listener.plays_total),
                    listener.owed.clone().unwrap_or_default(),
                ]
            });
            let columns = ["listener", ">plays of it", ">all plays", ">adds, in 2^-64 micro"];
            put!(show::table(&columns, rows));
        }
        Ok(ExitCode::SUCCESS)
    }
}
