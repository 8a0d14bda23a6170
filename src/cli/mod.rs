//! The command line, one file a command.
//!
//! In: words. Out: tables for people, JSON for programs, one clear sentence for what went wrong.
//! Exit status: 0 done, 1 the input or the state is wrong, 2 the words are wrong. Deliberately
//! not here: anything that another door than this one would also need.

/// Says a line on standard output.
macro_rules! say {
    () => { $crate::cli::show::say(format_args!("\n")) };
    ($($words:tt)*) => { $crate::cli::show::say(format_args!("{}\n", format_args!($($words)*))) };
}

/// Puts a text that has its own line ends on standard output.
macro_rules! put {
    ($text:expr $(,)?) => {
        $crate::cli::show::say(format_args!("{}", $text))
    };
}

mod allocate;
mod allocate_inputs;
mod apportion;
mod close;
mod compare;
mod compare_table;
mod csv_text;
mod demo;
mod explain;
mod generate;
mod import;
mod key;
mod output;
mod quarantine;
mod serve;
mod show;
mod statements;
mod status;
mod suspense;
mod suspicious;
mod suspicious_text;
mod verify;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Means, Memory};
use crate::facts::{Workspace, WorkspaceError};

/// A copyright royalty settlement engine: plays and money go in, exact and explained payouts
/// come out.
#[derive(Debug, Parser)]
#[command(name = "tantieme", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
A month, start to end:
  tantieme init
  tantieme import parties parties.csv
  tantieme import usage october.csv --period 2026-10 --service cloud --offer svip --territory CN
  tantieme close 2026-10 --as anna
  tantieme approve 2026-10 --as ben --result HASH
  tantieme publish 2026-10 --as ben
  tantieme statements 2026-10 --payee mei

On PostgreSQL instead of the workspace's own file:
  tantieme init --database-url postgres://user@host/name

A whole fictional month to look at:
  tantieme demo";

/// Where the data is.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The workspace's folder.
    #[arg(
        short = 'w',
        long,
        global = true,
        env = "TANTIEME_WORKSPACE",
        default_value = ".",
        value_name = "DIR"
    )]
    workspace: PathBuf,
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The URL of the database, if it is not the workspace's own file [env: DATABASE_URL]"
    )]
    database_url: Option<String>,
    /// The secret that hashes listeners, instead of the workspace's secret.key.
    #[arg(long, global = true, hide = true)]
    secret: Option<String>,
    /// How much memory rows may fill before they go to the disk: a number and MiB or GiB.
    #[arg(long, global = true, env = "TANTIEME_MEMORY", default_value_t, value_name = "SIZE")]
    memory: Memory,
    /// How many threads work at once; all cores if absent. No result depends on it.
    #[arg(
        long,
        global = true,
        env = "TANTIEME_THREADS",
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Share one amount over the plays of a file, without a workspace.
    Allocate(allocate::Allocate),
    /// Hold several rules against each other on the same plays.
    Compare(compare::Compare),
    /// Divide a total in proportion to weights, to the micro.
    Apportion(apportion::Apportion),
    /// Find listening that somebody should look at, and what holding its plays would move.
    Suspicious(suspicious::Suspicious),
    /// Make a workspace: settings, secret, database, data folder.
    Init,
    /// Make up usage, for measuring and for trying things out.
    Generate(generate::Generate),
    /// Settle a whole fictional month and show what came of it.
    Demo(demo::Demo),
    #[command(flatten)]
    InWorkspace(InWorkspace),
}

/// What needs a workspace that is there.
#[derive(Debug, Subcommand)]
enum InWorkspace {
    /// Take facts, usage or sales from files.
    Import(import::ImportFiles),
    /// Remove a batch of usage or sales.
    Withdraw(import::Withdraw),
    /// Look at rows that were not taken, and get them back to correct them.
    Quarantine(quarantine::Quarantine),
    /// What has been imported and how far each month has come.
    Status(status::Status),
    /// Freeze a month, allocate, settle and draft it; again: resume.
    Close(close::Close),
    /// Approve a draft by its result hash; a second person does.
    Approve(close::Approve),
    /// Refuse a run that is not published; the month is open again.
    Deny(close::Deny),
    /// Post an approved month into the ledger, for ever.
    Publish(close::Publish),
    /// The lines of a month's statements.
    Statements(statements::Statements),
    /// The money of a month that is held, and why.
    Suspense(suspense::Suspense),
    /// Why a line is what it is.
    Explain(explain::Explain),
    /// Recompute everything that is published and prove that it ties.
    Verify(verify::Verify),
    /// Make, list and revoke the keys that open the API.
    Key(key::Key),
    /// Answer over HTTP: published statements, for those who have a key.
    Serve(serve::Serve),
}

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// What went wrong, and whose fault it is.
#[derive(Debug)]
enum Failure {
    /// The input or the state is wrong.
    Wrong(String),
    /// The words are wrong.
    Usage(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Wrong(error.to_string())
    }
}

type Done = Result<ExitCode, Failure>;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // A server notes what it answers; a command speaks up when something is wrong.
    let serves = matches!(cli.command, Command::InWorkspace(InWorkspace::Serve(_)));
    let usual = if serves { "warn,tantieme=info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TANTIEME_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(colours).init();
    Means::files_max(); // a month of many batches and a server of many clients need them
    match run(cli) {
        Ok(code) => code,
        Err(Failure::Wrong(reason)) => {
            eprintln!("error: {reason}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(reason)) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> Done {
    let place = cli.place;
    let threads = place.means().threads;
    match cli.command {
        Command::Allocate(command) => command.run(place.means()),
        Command::Compare(command) => match command.period {
            None => command.run(place.means()),
            Some(period) => {
                in_workspace(&place, async |workspace| command.run_in(workspace, period).await)
            }
        },
        Command::Apportion(command) => command.run(),
        Command::Suspicious(command) => match command.period {
            None => command.run(place.means()),
            Some(period) => {
                in_workspace(&place, async |workspace| command.run_in(workspace, period).await)
            }
        },
        Command::Generate(command) => command.run(place.means()),
        Command::Init => in_runtime(threads, init(&place)),
        Command::Demo(command) => in_runtime(threads, command.run(&place)),
        Command::InWorkspace(command) => {
            in_workspace(&place, async |workspace| command.run(workspace).await)
        }
    }
}

/// Opens the workspace, and closes it whatever has happened in it.
fn in_workspace(place: &Place, run: impl AsyncFnOnce(&Workspace) -> Done) -> Done {
    in_runtime(place.means().threads, async {
        let workspace = place.open().await?;
        let done = run(&workspace).await;
        workspace.store.close().await;
        done
    })
}

fn in_runtime(threads: usize, done: impl Future<Output = Done>) -> Done {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(threads).enable_all().build()?.block_on(done)
}

impl InWorkspace {
    async fn run(self, workspace: &Workspace) -> Done {
        match self {
            Self::Import(command) => command.run(workspace).await,
            Self::Withdraw(command) => command.run(workspace).await,
            Self::Quarantine(command) => command.run(workspace).await,
            Self::Status(command) => command.run(workspace).await,
            Self::Close(command) => command.run(workspace).await,
            Self::Approve(command) => command.run(workspace).await,
            Self::Deny(command) => command.run(workspace).await,
            Self::Publish(command) => command.run(workspace).await,
            Self::Statements(command) => command.run(workspace).await,
            Self::Suspense(command) => command.run(workspace).await,
            Self::Explain(command) => command.run(workspace).await,
            Self::Verify(command) => command.run(workspace).await,
            Self::Key(command) => command.run(workspace).await,
            Self::Serve(command) => command.run(workspace).await,
        }
    }
}

impl Place {
    fn means(&self) -> Means {
        let all = Means::default();
        Means {
            threads: self.threads.map_or(all.threads, usize::from),
            memory: self.memory.bytes(),
        }
    }

    async fn open(&self) -> Result<Workspace, WorkspaceError> {
        let (url, secret) = (self.database_url(), self.secret());
        let workspace = Workspace::open(&self.workspace, url.as_deref(), secret.as_deref()).await?;
        Ok(Workspace { means: self.means(), ..workspace })
    }

    // Read here and not by the parser: the demo must not take them from the environment.
    fn database_url(&self) -> Option<String> {
        self.database_url.clone().or_else(|| variable("DATABASE_URL"))
    }

    fn secret(&self) -> Option<String> {
        self.secret.clone().or_else(|| variable("TANTIEME_SECRET"))
    }
}

async fn init(place: &Place) -> Done {
    let (url, secret) = (place.database_url(), place.secret());
    let workspace = Workspace::init(&place.workspace, url.as_deref(), secret.as_deref()).await?;
    let dir = workspace.dir.display();
    say!("made a workspace in {dir}: tantieme.toml, its database, data/");
    if secret.is_none() {
        say!("{dir}/secret.key hashes its listeners: keep it private, and keep a copy");
    }
    workspace.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Whoever is at the keyboard, for what needs no name of its own.
fn operator() -> String {
    let name = ["TANTIEME_AS", "USER", "LOGNAME"].into_iter().find_map(variable);
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// A variable of the environment, unless it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Reads one of the words that a type has for its values; help lists them.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|value| word(*value))).try_map(move |text| {
        let value = all.iter().copied().find(|value| word(*value) == text);
        value.ok_or("not one of the possible values")
    })
}
