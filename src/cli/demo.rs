//! `tantieme demo`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{Done, Failure, Place, close as close_words, import, show, suspense};
use crate::close::{self, State};
use crate::config::Config;
use crate::facts::{FileKind, Options, Workspace};
use crate::money::Micros;
use crate::period::Period;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
The month is fictional; fixtures/demo/HAND.md in the sources works it out by hand. Its database is
a file in DIR, or an empty one that --database-url names; DATABASE_URL is not looked at.")]
pub(super) struct Demo {
    /// The folder of its workspace.
    #[arg(default_value = "tantieme-demo", value_name = "DIR")]
    dir: PathBuf,
}

const MONTH: &str = "2026-10";
const PREPARER: &str = "demo preparer";
const APPROVER: &str = "demo approver";
/// How many payees of a currency are shown.
const TOP: usize = 5;

/// Where money goes, in the order in which people ask.
const MEANINGS: [(&str, &str); 8] = [
    ("share", "to rights holders, by their claims"),
    ("royalty", "of which rights holders pay on, by agreement"),
    ("unmatched", "held: the recording is not in the catalogue"),
    ("unclaimed", "held: claimed for under 100 %"),
    ("disputed", "held: claimed for over 100 %"),
    ("undistributed", "held: nobody's plays share the pool"),
    ("parked", "held: something it refers to is missing"),
    ("rounding", "what adding up a report's many decimals leaves"),
];

macro_rules! file {
    ($kind:ident, $name:literal) => {
        (FileKind::$kind, $name, include_str!(concat!("../../fixtures/demo/", $name)))
    };
}

/// The month's files, in the order in which they are imported; any other gives the same result.
const FILES: [(FileKind, &str, &str); 12] = [
    file!(Parties, "parties.csv"),
    file!(Recordings, "recordings.csv"),
    file!(Claims, "claims.csv"),
    file!(Agreements, "agreement-cloud.toml"),
    file!(Agreements, "agreement-oddlark.toml"),
    file!(Agreements, "agreement-orrery.toml"),
    file!(Agreements, "agreement-quillfin.toml"),
    file!(Agreements, "agreement-tarnmoor.toml"),
    file!(Revenue, "revenue.csv"),
    file!(Fx, "fx.csv"),
    file!(Usage, "usage.csv"),
    file!(Sales, "sales.csv"),
];

impl Demo {
    pub(super) async fn run(self, place: &Place) -> Done {
        let period: Period = MONTH.parse()?;
        let files = self.dir.join("files");
        let there = self.dir.join(Config::FILE).exists();
        if there && !FILES.iter().all(|(_, name, _)| files.join(name).exists()) {
            let dir = self.dir.display();
            let reason = format!("{dir} is a workspace and not the demo's: name another folder");
            return Err(Failure::Wrong(reason));
        }
        write_files(&files)?;
        // The environment may name a ledger that is in use, so it is not asked. A database that is
        // given by name is refused if it has met a secret: the demo's is its own.
        let url = place.database_url.as_deref();
        let workspace = if there {
            Workspace::open(&self.dir, url, None).await?
        } else {
            Workspace::init(&self.dir, url, None).await?
        };
        let workspace = Workspace { means: place.means(), ..workspace };
        say!("A fictional month, {MONTH}, in {}\n", self.dir.display());
        say!("1. import: twelve files a service, three labels and a shop have sent");
        for (kind, name, _) in FILES {
            let options = Options { by: PREPARER.to_owned(), ..Options::default() };
            let report = import::take(&workspace, kind, &files.join(name), options).await?;
            import::print(&report, false);
        }
        let published = close::runs(&workspace)
            .await?
            .iter()
            .any(|run| run.period == period && run.state == State::Published);
        if !published {
            say!("\n2. close: freeze, allocate, settle, draft, as {PREPARER:?}");
            let closed = close::close(&workspace, period, PREPARER, None).await?;
            let result = closed.run.result.clone().unwrap_or_default();
            put!(close_words::totals(&closed.drawn.totals));
            say!("\n3. approve result {result}, as {APPROVER:?}");
            close::approve(&workspace, period, APPROVER, &result).await?;
            let posted = close::publish(&workspace, period, APPROVER).await?;
            say!("4. publish: {} transfers in the ledger", posted.transfers);
        }
        self.show(&workspace, period).await?;
        workspace.store.close().await;
        Ok(ExitCode::SUCCESS)
    }

    async fn show(&self, workspace: &Workspace, period: Period) -> Result<(), Failure> {
        let verified = close::verify(workspace).await?;
        let drawn = close::drawn(workspace, period).await?;
        say!("\nMoney in, and where it went");
        let mut rows = Vec::new();
        for (currency, totals) in &drawn.totals {
            let mut row = |what: &str, amount: Micros| {
                rows.push(vec![what.to_owned(), amount.to_string(), currency.clone()]);
            };
            row("in: pools and sales", totals.money_in);
            for (kind, meaning) in MEANINGS {
                if let Some(amount) = totals.by_kind.get(kind) {
                    row(&format!("  {kind}, {meaning}"), *amount);
                }
            }
            row("on statements, in all", totals.payable);
        }
        say!("{}", show::table(&["", ">amount", "currency"], rows));
        say!("Who earned most");
        let mut faces = drawn.faces.clone();
        faces.sort_by(|a, b| (a.currency, b.total, &a.payee).cmp(&(b.currency, a.total, &b.payee)));
        let of_currency = faces.chunk_by(|a, b| a.currency == b.currency);
        let rows = of_currency.flat_map(|faces| faces.iter().take(TOP)).map(|face| {
            vec![
                face.payee.clone(),
                face.payee_name.clone(),
                face.total.to_string(),
                face.currency.to_string(),
            ]
        });
        say!("{}", show::table(&["payee", "name", ">total", "currency"], rows));
        say!("What is held, and why");
        let held = close::held(workspace, period).await?;
        say!("{}", suspense::table(&held));
        say!(
            "Proven again from the files: {} lines, {} statements; the trial balance is 0.\n",
            verified.lines,
            verified.statements
        );
        let dir = self.dir.display();
        say!(
            "The files are in {dir}/files; lines and statements are Parquet under {dir}/data/closes."
        );
        let example = close::statements(workspace, period, Some("orrin"), false).await?;
        let mut entries = example.entries()?;
        let line = entries.next().transpose()?.map(|entry| entry.line.to_string());
        say!("Next:");
        say!("  tantieme -w {dir} statements {MONTH} --payee orrin");
        say!("  tantieme -w {dir} explain {} --listeners", line.unwrap_or_default());
        say!("  tantieme -w {dir} statements {MONTH} --out {dir}/settlement");
        say!("  tantieme -w {dir} status");
        Ok(())
    }
}

fn write_files(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    for (_, name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
