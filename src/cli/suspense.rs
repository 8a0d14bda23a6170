//! `tantieme suspense`.

use std::process::ExitCode;

use clap::Args;

use super::{Done, Format, show};
use crate::close;
use crate::facts::Workspace;
use crate::period::Period;
use crate::settle::Line;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tantieme suspense 2026-10
  tantieme explain LINE            one of its lines, in full")]
pub(super) struct Suspense {
    /// The month.
    period: Period,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Suspense {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let held = close::held(workspace, self.period).await?;
        if self.format == Format::Json {
            let lines: Vec<_> = held.iter().map(as_json).collect();
            show::json(&lines.into());
        } else if held.is_empty() {
            say!("nothing of {} is held", self.period);
        } else {
            put!(table(&held));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn as_json(line: &Line) -> serde_json::Value {
    serde_json::json!({
        "reason": line.kind.as_str(),
        "recording": line.recording,
        "service": line.origin.service,
        "offer": line.origin.offer,
        "territory": line.origin.territory,
        "right": line.origin.right,
        "amount": line.amount,
        "currency": line.origin.currency,
        "because": line.note,
        "line": line.id.to_string(),
    })
}

/// Held money, line by line, with the reason.
pub(super) fn table(held: &[Line]) -> String {
    let rows = held.iter().map(|line| {
        let origin = &line.origin;
        vec![
            line.kind.as_str().to_owned(),
            line.recording.as_ref().map(ToString::to_string).unwrap_or_default(),
            format!("{} {} {}", origin.service, origin.offer, origin.territory),
            line.amount.to_string(),
            origin.currency.to_string(),
            line.note.clone().unwrap_or_default(),
            line.id.to_string(),
        ]
    });
    let columns = ["held", "recording", "from", ">amount", "currency", "because", "line"];
    show::table(&columns, rows)
}
