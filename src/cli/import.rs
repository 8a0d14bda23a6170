//! `tantieme import` and `tantieme withdraw`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Done, Failure, Format, one_of, operator, show};
use crate::facts::{FileKind, Import, Options, Outcome, Report, Step, Workspace};
use crate::ident::{Name, Territory};
use crate::ingest::Given;
use crate::period::Period;

/// Bad rows that are printed.
const FAULTS_SHOWN: usize = 10;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme import parties parties.csv
  tantieme import usage october.csv.gz --period 2026-10 --service cloud --offer svip --territory CN
  tantieme import sales shop.csv --dry-run

A bad row goes to quarantine and the good rows are taken (exit status 1); --strict takes all or
nothing. The same file again changes nothing.")]
pub(super) struct ImportFiles {
    /// What the files hold.
    #[arg(value_parser = one_of(&FileKind::ALL, FileKind::as_str))]
    kind: FileKind,
    /// CSV, plain, .gz or .zst, or Parquet (agreements: TOML); for usage also a folder of such
    /// files; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The batch's name, if it is not the file's.
    #[arg(long, value_name = "NAME")]
    batch: Option<String>,
    /// Supersede what is known: a batch of that name, revenue, exchange rates.
    #[arg(long)]
    replace: bool,
    /// Take all rows or none.
    #[arg(long)]
    strict: bool,
    /// Check everything and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// The month of all rows, where the file has no such column.
    #[arg(long, value_name = "MONTH")]
    period: Option<Period>,
    /// The service of all rows.
    #[arg(long, value_parser = Name::parse)]
    service: Option<Name>,
    /// The offer of all rows.
    #[arg(long, value_parser = Name::parse)]
    offer: Option<Name>,
    /// The territory of all rows.
    #[arg(long, value_parser = Territory::parse)]
    territory: Option<Territory>,
    /// Who imports.
    #[arg(long = "as", value_name = "NAME")]
    by: Option<String>,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl ImportFiles {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        if self.batch.is_some() && self.files.len() > 1 {
            return Err(Failure::Usage("--batch names one file; give one FILE with it".into()));
        }
        let given: Given = [
            ("period", self.period.map(|period| period.to_string())),
            ("service", self.service.as_ref().map(Name::to_string)),
            ("offer", self.offer.as_ref().map(Name::to_string)),
            ("territory", self.territory.map(|territory| territory.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .collect();
        if !given.is_empty() && ![FileKind::Usage, FileKind::Listeners].contains(&self.kind) {
            return Err(Failure::Usage(
                "--period, --service, --offer and --territory are for usage and listeners".into(),
            ));
        }
        let options = Options {
            batch: self.batch.clone(),
            replace: self.replace,
            strict: self.strict,
            dry_run: self.dry_run,
            given,
            by: self.by.clone().unwrap_or_else(operator),
        };
        let (mut reports, mut failed) = (Vec::new(), None);
        for file in &self.files {
            // Each file stands for itself: those before a failure stay taken.
            match take(workspace, self.kind, file, options.clone()).await {
                Ok(report) => {
                    if self.format == Format::Table {
                        print(&report, self.dry_run);
                    }
                    reports.push(report);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if self.format == Format::Json {
            show::json(&reports.iter().map(as_json).collect());
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let clean = reports.iter().all(|report| report.quarantined == 0);
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// Imports one file with a progress bar where somebody watches.
pub(super) async fn take(
    workspace: &Workspace,
    kind: FileKind,
    file: &Path,
    options: Options,
) -> Result<Report, Failure> {
    let bar = Bar::new();
    let taken = Import::new(workspace, kind, file, options, &mut |step| bar.show(step)).run().await;
    bar.bar.finish_and_clear();
    Ok(taken?)
}

/// A progress bar, on a terminal only.
struct Bar {
    bar: ProgressBar,
    started: Instant,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let form = "{prefix} {bar:30} {percent:>3} %  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now() }
    }

    fn show(&self, step: Step) {
        let (what, done, of, rows) = match step {
            Step::Reading(so_far) => ("reading", so_far.read, so_far.of, so_far.rows),
            Step::Sealing(sealed, rows) => ("sealing", sealed, Some(rows), sealed),
        };
        if self.bar.prefix() != what {
            self.bar.set_prefix(what);
            self.bar.reset_eta();
        }
        match of {
            Some(of) => self.bar.set_length(of),
            None => self.bar.unset_length(),
        }
        self.bar.set_position(done);
        let rate = u128::from(rows) * 1000 / self.started.elapsed().as_millis().max(1);
        self.bar.set_message(format!(
            "{} rows, {} a second",
            show::count(rows),
            show::count(rate.cast_signed())
        ));
    }
}

/// Prints what an import did.
pub(super) fn print(report: &Report, dry_run: bool) {
    let file = &report.file;
    match &report.outcome {
        Outcome::Known(batch) => {
            say!("{file}: already imported as {batch}; nothing changed");
            if report.quarantined > 0 {
                say!("  {} of its rows stand in quarantine", show::count(report.quarantined));
            }
        }
        Outcome::Refused => say!(
            "{file}: nothing was taken (--strict): {}",
            show::counted(report.quarantined, "bad row")
        ),
        Outcome::Taken => {
            let verb = if dry_run { "would take" } else { "took" };
            let mut text = vec![format!("{file}: {verb} {}", show::counted(report.taken, "row"))];
            for (number, what) in [
                (report.unchanged, "already known"),
                (report.superseded, "superseding others"),
                (report.quarantined, "in quarantine"),
            ] {
                if number > 0 {
                    text.push(format!("{} {what}", show::count(number)));
                }
            }
            say!("{}", text.join(", "));
        }
    }
    if report.outcome == Outcome::Taken {
        for note in &report.notes {
            say!("  {note}");
        }
    }
    for fault in report.faults.iter().take(FAULTS_SHOWN) {
        eprintln!("{}", fault.at(Path::new(file)));
    }
    if report.faults.len() > FAULTS_SHOWN {
        // What was not taken does not stand in quarantine either.
        let kept = report.outcome == Outcome::Taken && !dry_run;
        let shows = if kept { "`tantieme quarantine list` shows" } else { "--format json prints" };
        eprintln!("… and {} more; {shows} all", report.faults.len() - FAULTS_SHOWN);
    }
}

fn as_json(report: &Report) -> serde_json::Value {
    let faults = report.faults.iter().map(|fault| {
        serde_json::json!({
            "part": fault.part.as_ref().map(|part| part.name()),
            "line": fault.line, "field": fault.field, "column": fault.column, "reason": fault.reason,
        })
    });
    serde_json::json!({
        "file": report.file,
        "kind": report.kind.as_str(),
        "batch": report.batch,
        "outcome": match &report.outcome {
            Outcome::Taken => "taken",
            Outcome::Known(_) => "known",
            Outcome::Refused => "refused",
        },
        "known_as": match &report.outcome { Outcome::Known(batch) => Some(batch), _ => None },
        "taken": report.taken,
        "quarantined": report.quarantined,
        "superseded": report.superseded,
        "unchanged": report.unchanged,
        "faults": faults.collect::<Vec<_>>(),
        "notes": report.notes,
    })
}

/// The words of `withdraw`.
#[derive(Debug, Args)]
pub(super) struct Withdraw {
    /// The batch's name.
    batch: String,
    /// What it holds, where usage and sales have batches of that name.
    #[arg(long, value_parser = one_of(&FileKind::BATCHES, FileKind::as_str))]
    kind: Option<FileKind>,
}

impl Withdraw {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        let (kind, rows) = workspace.withdraw(&self.batch, self.kind).await?;
        let rows = show::counted(rows, "row");
        say!("withdrew {} batch {}: {rows}", kind.as_str(), self.batch);
        Ok(ExitCode::SUCCESS)
    }
}
