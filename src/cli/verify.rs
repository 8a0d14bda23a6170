//! `tantieme verify`.

use std::process::ExitCode;

use clap::Args;

use super::{Done, Format, show};
use crate::close;
use crate::facts::Workspace;

/// The words of the command.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Verify {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let verified = close::verify(workspace).await?;
        if self.format == Format::Json {
            show::json(&serde_json::to_value(&verified)?);
            return Ok(ExitCode::SUCCESS);
        }
        say!(
            "verified: {}, {}, {}, {}; the chain is whole, \
             every pool is empty, the trial balance is 0",
            show::counted(verified.months as u64, "published month"),
            show::counted(verified.lines, "line"),
            show::counted(verified.statements as u64, "statement"),
            show::counted(verified.files as u64, "file")
        );
        if let Some(posting) = verified.posting {
            say!("{posting}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
