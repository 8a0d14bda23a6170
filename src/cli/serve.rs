//! `tantieme serve`.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::{Done, show};
use crate::api::Server;
use crate::facts::Workspace;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  KEY=$(tantieme key add --name \"finance portal\" --all)
  tantieme serve --listen 127.0.0.1:8080 &
  curl -H \"Authorization: Bearer $KEY\" http://127.0.0.1:8080/v1/periods

It speaks plain HTTP: put a proxy with TLS before it. TANTIEME_LOG=tantieme=warn makes it quiet.")]
pub(super) struct Serve {
    /// The address and port; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl Serve {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let server = Server::listen(workspace, self.listen)?;
        let broken_off = server.run(|place| say!("listening on http://{place}")).await?;
        if broken_off == 0 {
            say!("stopped");
        } else {
            let connections = show::counted(broken_off as u64, "connection");
            say!("stopped; {connections} did not end in time");
        }
        Ok(ExitCode::SUCCESS)
    }
}
