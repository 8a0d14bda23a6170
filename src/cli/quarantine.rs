//! `tantieme quarantine`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Done, Format, show};
use crate::facts::{Quarantined, Workspace, quarantined, restore};

/// The words of the command.
#[derive(Debug, Args)]
pub(super) struct Quarantine {
    #[command(subcommand)]
    command: Look,
}

#[derive(Debug, Subcommand)]
enum Look {
    /// What stands in quarantine, and why.
    List {
        /// How it is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// The rows as CSV, to correct and import again.
    #[command(after_help = "\
Example:
  tantieme quarantine export --from october.csv > corrections.csv

Without --from, listeners are hashed and rows that hold one nowhere safe are left out.")]
    Export {
        /// The file or folder that was imported: its own rows come back as they are in it.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
}

impl Quarantine {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let rows = quarantined(workspace).await?;
        match self.command {
            Look::List { format: Format::Json } => show::json(&serde_json::to_value(&rows)?),
            Look::List { format: Format::Table } => print(&rows),
            Look::Export { from: Some(file) } => {
                restore(&rows, &file, &mut show::Out)?;
            }
            Look::Export { from: None } => {
                let mut out = csv::Writer::from_writer(show::Out);
                out.write_record(["kind", "batch", "line", "column", "reason", "row", "part"])?;
                for row in &rows {
                    out.write_record([
                        row.kind.as_str(),
                        &row.batch,
                        &row.line.to_string(),
                        &row.column,
                        &row.reason,
                        row.row.as_deref().unwrap_or_default(),
                        row.part.as_deref().unwrap_or_default(),
                    ])?;
                }
                out.flush()?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(rows: &[Quarantined]) {
    if rows.is_empty() {
        say!("nothing is in quarantine");
        return;
    }
    let cells = rows.iter().map(|row| {
        // A part stands behind its folder, as in the message that `import` gave.
        let part = row.part.as_ref().map_or_else(String::new, |part| format!("/{part}"));
        vec![
            row.kind.clone(),
            format!("{}{part}", row.batch),
            row.line.to_string(),
            row.column.clone(),
            row.reason.clone(),
        ]
    });
    put!(show::table(&["kind", "batch", ">line", "column", "reason"], cells));
}
