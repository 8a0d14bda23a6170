//! `tantieme key`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Done, Failure, Format, operator, show};
use crate::api::keys::{self, Scope};
use crate::facts::Workspace;
use crate::ident::Name;

/// The words of the command.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key and show it, this once.
    #[command(after_help = "\
Examples:
  tantieme key add --name \"finance portal\" --all
  tantieme key add --name \"Mei\" --payee mei
  key=$(tantieme key add --name \"North\" --label label-north)")]
    Add(Add),
    /// The keys there are, the revoked ones too; never the keys themselves.
    List {
        /// How it is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Revoke a key for ever; a running server stops taking it within two seconds.
    Revoke {
        /// Its number, as `key list` shows it.
        id: i64,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// Whose it is, or what for.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    scope: ScopeWords,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ScopeWords {
    /// It sees this party's statements.
    #[arg(long, value_name = "ID")]
    payee: Option<String>,
    /// It sees this party's statements, and the lines on others' that this party pays or receives.
    #[arg(long, value_name = "ID")]
    label: Option<String>,
    /// It sees everything that is published.
    #[arg(long)]
    all: bool,
}

impl ScopeWords {
    fn scope(self) -> Result<Scope, Failure> {
        let name = |id: &str| {
            Name::parse(id).map_err(|e| Failure::Usage(format!("{id:?} is not a party's id: {e}")))
        };
        Ok(match (self.payee, self.label) {
            (Some(payee), _) => Scope::Payee(name(&payee)?),
            (None, Some(label)) => Scope::Label(name(&label)?),
            (None, None) => Scope::All,
        })
    }
}

impl Key {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let store = &workspace.store;
        match self.what {
            What::Add(Add { name, scope }) => {
                let (id, key) = keys::add(store, &name, &scope.scope()?, &operator()).await?;
                // The key alone on standard output, so that a script can take it from there.
                eprintln!("key {id}; it is shown this once and kept nowhere:");
                say!("{}", key.reveal());
            }
            What::List { format } => list(&keys::list(store).await?, format)?,
            What::Revoke { id } => {
                keys::revoke(store, id, &operator()).await?;
                say!("key {id} is revoked");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(keys: &[keys::Key], format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        show::json(&serde_json::to_value(keys)?);
    } else if keys.is_empty() {
        say!("there is no key; `tantieme key add` makes one");
    } else {
        let rows = keys.iter().map(|key| {
            vec![
                key.id.to_string(),
                key.name.clone(),
                key.scope.clone(),
                key.party.clone().unwrap_or_default(),
                key.made_at.clone(),
                key.made_by.clone(),
                key.revoked_at.clone().unwrap_or_default(),
            ]
        });
        let columns = [">key", "name", "scope", "party", "made", "by", "revoked"];
        put!(show::table(&columns, rows));
    }
    Ok(())
}
