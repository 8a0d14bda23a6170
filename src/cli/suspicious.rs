//! `tantieme suspicious`.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use hashbrown::HashMap;

use super::allocate_inputs::{self, Attribute, FileUsage, Known, file_names};
use super::csv_text::CsvText;
use super::output::ReportFormat;
use super::suspicious_text::{self as text, Report};
use super::{Done, Failure, output};
use crate::allocate::{Attributes, RecordingAmount, Rule, with_and_without};
use crate::close;
use crate::config::Means;
use crate::facts::Workspace;
use crate::ident::{Name, RecordingId};
use crate::ingest::Source;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::suspicion::{Suspicion, SuspicionError, Weight};
use crate::usage::Listening as _;

/// The most bytes of thresholds.
const THRESHOLDS_BYTES_MAX: u64 = 1 << 20;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme suspicious --usage october.csv
  tantieme suspicious --usage october.csv --thresholds ours.toml --recordings recordings.csv \\
    --format json
  tantieme suspicious --usage october.csv --amount 1000.00 --currency EUR --model pro_rata
  tantieme suspicious --usage october.csv --amount 1000.00 --currency EUR --rule rule.toml \\
    --format csv --out before-and-after.csv

A case is a reason to look, not a finding. Listeners are hashed: in usage that a workspace has
sealed as there, in any other with a key that is drawn for the run. As CSV it writes the cases, or
with --amount every recording's amount before and after.")]
pub(super) struct Suspicious {
    /// A month of the workspace.
    #[arg(conflicts_with_all = ["usage", "recordings", "amount", "currency", "model", "rule", "fees"])]
    pub(super) period: Option<Period>,
    /// CSV or Parquet with at least listener,recording,plays: one or several files, or a folder of
    /// them; `-` for standard input.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "period")]
    usage: Vec<PathBuf>,
    /// From which counts on listening is suspicious, in TOML; if absent, what the rule holds by, or
    /// what `docs/SUSPICION.md` lists, all of it only reported.
    #[arg(long, value_name = "FILE")]
    thresholds: Option<PathBuf>,
    /// What recordings are: CSV with recording and any of artist, content, ai. Without it no
    /// artist's share is looked at.
    #[arg(long, value_name = "FILE")]
    recordings: Option<PathBuf>,
    /// Show what holding would move of this amount.
    #[arg(long, requires = "currency", value_parser = Micros::parse)]
    amount: Option<Micros>,
    /// In what: a code of ISO 4217.
    #[arg(long, requires = "amount", value_parser = Currency::parse)]
    currency: Option<Currency>,
    /// How the amount is shared: a model, or a rule that has a name.
    #[arg(long, requires = "amount", value_parser = PossibleValuesParser::new(Rule::NAMES))]
    model: Option<String>,
    /// How the amount is shared: a rule in TOML.
    #[arg(long, requires = "amount", value_name = "FILE", conflicts_with = "model")]
    rule: Option<PathBuf>,
    /// What each listener paid: CSV with listener,fee.
    #[arg(long, requires = "amount", value_name = "FILE")]
    fees: Option<PathBuf>,
    /// How many cases, and how many recordings that gain or lose, a table shows.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// How the result is written.
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Where to; `-` for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
}

/// What holding moves.
pub(super) struct Effect {
    /// What is shared.
    pub(super) amount: Micros,
    /// In what.
    pub(super) currency: Currency,
    /// By which model or file.
    pub(super) rule: String,
    /// True if the thresholds hold nothing, and everything is held here to see what it would do.
    pub(super) supposed: bool,
    /// Every recording, by the bytes of its id.
    pub(super) recordings: Vec<Moved>,
}

/// A recording's amount with the plays that are held, and without them.
pub(super) struct Moved {
    pub(super) recording: RecordingId,
    pub(super) plays: u64,
    pub(super) held_plays: u64,
    pub(super) held_listeners: u64,
    pub(super) before: Micros,
    pub(super) after: Micros,
}

impl Moved {
    /// What is gained, or lost.
    pub(super) fn difference(&self) -> i64 {
        self.after.micros() - self.before.micros() // both are at least 0
    }
}

impl Suspicious {
    /// Looks at every pool of a month of the workspace.
    pub(super) async fn run_in(self, workspace: &Workspace, period: Period) -> Done {
        let suspicion = self.thresholds.as_deref().map(thresholds).transpose()?;
        let mut shown = Shown::new(self.format);
        close::suspicious(workspace, period, suspicion.as_ref(), |found| {
            let pool = &found.pool;
            let held_of = found.recordings.iter().map(|(id, _)| id).zip(&found.weighed.held_of);
            let effect = found.effect.map(|both| Effect {
                amount: pool.total(),
                currency: pool.origin.currency,
                rule: format!("{} of {}", pool.agreement.term, pool.agreement.id),
                supposed: found.supposed,
                recordings: moved(both, held_of),
            });
            if let Err(reason) = &effect {
                let key = pool.origin.key();
                eprintln!("pool {key}: what a hold would move is not known: {reason}");
            }
            let artists: HashMap<&RecordingId, &Name> = found
                .recordings
                .iter()
                .filter_map(|(id, name)| Some((id, name.as_ref()?)))
                .collect();
            let ids: Vec<RecordingId> = found.recordings.iter().map(|(id, _)| id.clone()).collect();
            let report = Report {
                recordings: &ids,
                artist: &|id| artists.get(id).map(|name| (*name).clone()),
                suspects: &found.suspects,
                weighed: &found.weighed,
                effect: effect.ok(),
                top: self.top,
                by_artist: true,
            };
            shown.pool(pool, &report);
        })
        .await?;
        output::write_whole(&self.out, |mut out| {
            let written = out.write_all(shown.text(period).as_bytes()).and_then(|()| out.flush());
            written.map_err(|error| output::cannot_write(&self.out, &error))
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// Looks at the usage of files.
    pub(super) fn run(self, means: Means) -> Done {
        let rule = self.rule()?;
        let suspicion = match (&self.thresholds, rule.as_ref().and_then(|rule| rule.hold.clone())) {
            (Some(path), _) => thresholds(path)?,
            (None, hold) => hold.unwrap_or_default(),
        };
        let active = rule.as_ref().is_some_and(Rule::asks_for_active);
        let usage = FileUsage::open(&self.usage, active, means)?;
        let fees = self.fees.as_ref().map(|path| usage.fees(path)).transpose()?;
        let known = match &self.recordings {
            Some(path) => allocate_inputs::recordings(path, means.threads)?,
            None => Known::default(),
        };
        let attributes =
            Attributes::of(usage.recordings(), |id| known.get(id).map(Attribute::about));
        let artists = self.recordings.as_ref().map(|_| attributes.artists());
        let supposed = rule.is_some() && !suspicion.holds();
        let failed =
            |reason: String| Failure::Wrong(format!("{}: {reason}", file_names(&self.usage)));
        let suspects = suspicion.look(&usage, artists).map_err(|e| failed(e.to_string()))?;
        if suspects.plays == 0 {
            return Err(failed("no plays".to_owned()));
        }
        let holding = if supposed { suspects.clone().holding_all() } else { suspects.clone() };
        let weighed = holding.weigh(&usage)?;
        let effect = rule.map(|rule| {
            let shared = usage.with_inputs(&attributes, fees.as_ref(), |inputs| {
                with_and_without(&rule, self.amount.unwrap_or_default(), inputs, &holding)
            });
            let shared = shared.map_err(|e| failed(e.to_string()))?;
            let held_of = usage.recordings().iter().zip(&weighed.held_of);
            self.effect(moved(shared, held_of), supposed)
        });
        let report = Report {
            recordings: usage.recordings(),
            artist: &|id| known.get(id).and_then(|known| known.about().artist.cloned()),
            suspects: &suspects,
            weighed: &weighed,
            effect: effect.transpose()?,
            top: self.top,
            by_artist: artists.is_some(),
        };
        output::write_whole(&self.out, |out| self.write(&report, out))?;
        Ok(ExitCode::SUCCESS)
    }

    fn rule(&self) -> Result<Option<Rule>, Failure> {
        if self.amount.is_none() {
            return Ok(None);
        }
        if let Some(path) = &self.rule {
            return allocate_inputs::rule(path).map(Some);
        }
        let named = self.model.as_deref().and_then(Rule::named);
        let missing = "--amount needs --model or --rule: how it is shared";
        named.map(Some).ok_or_else(|| Failure::Usage(missing.to_owned()))
    }

    fn effect(&self, recordings: Vec<Moved>, supposed: bool) -> Result<Effect, Failure> {
        let rule = match (&self.model, &self.rule) {
            (Some(model), _) => model.clone(),
            (None, path) => {
                path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
            }
        };
        let (Some(amount), Some(currency)) = (self.amount, self.currency) else {
            return Err(Failure::Usage("--amount and --currency belong together".into()));
        };
        Ok(Effect { amount, currency, rule, supposed, recordings })
    }

    fn write(&self, report: &Report<'_>, out: Box<dyn Write + Send>) -> Result<(), Failure> {
        let failed = |error| output::cannot_write(&self.out, &error);
        let mut out = BufWriter::new(out);
        match (self.format, &report.effect) {
            (ReportFormat::Table, _) => out.write_all(text::table(report).as_bytes()),
            (ReportFormat::Json, _) => writeln!(out, "{:#}", text::json(report)),
            (ReportFormat::Csv, None) => out.write_all(text::cases(report, &[], true).as_bytes()),
            (ReportFormat::Csv, Some(effect)) => out.write_all(moved_csv(effect).as_bytes()),
        }
        .map_err(failed)?;
        out.flush().map_err(failed)
    }
}

/// Reads thresholds.
fn thresholds(path: &Path) -> Result<Suspicion, Failure> {
    let (text, _) = Source::open(path)?.read_text(THRESHOLDS_BYTES_MAX)?;
    Suspicion::parse(&text).map_err(|error| {
        let colon = if matches!(error, SuspicionError::Text { .. }) { ":" } else { ": " };
        Failure::Wrong(format!("{}{colon}{error}", path.display()))
    })
}

/// What holding moves of every recording; `held_of` says what is held of each.
fn moved<'a>(
    [before, after]: [Vec<RecordingAmount>; 2],
    held_of: impl Iterator<Item = (&'a RecordingId, &'a Weight)>,
) -> Vec<Moved> {
    let held_of: HashMap<&RecordingId, &Weight> =
        held_of.filter(|(_, weight)| weight.plays > 0).collect();
    let moved = |(before, after): (RecordingAmount, RecordingAmount)| {
        let held = held_of.get(&before.recording).map(|weight| **weight).unwrap_or_default();
        Moved {
            plays: before.plays,
            held_plays: held.plays,
            held_listeners: held.listeners,
            before: before.amount,
            after: after.amount,
            recording: before.recording,
        }
    };
    before.into_iter().zip(after).map(moved).collect()
}

/// What is shown of a month, pool by pool.
struct Shown {
    format: ReportFormat,
    text: String,
    pools: Vec<serde_json::Value>,
}

impl Shown {
    fn new(format: ReportFormat) -> Self {
        Self { format, text: String::new(), pools: Vec::new() }
    }

    fn pool(&mut self, pool: &crate::settle::Pool, report: &Report<'_>) {
        let origin = &pool.origin;
        match self.format {
            ReportFormat::Table => {
                let apart = if self.text.is_empty() { "" } else { "\n" };
                let (month, key) = (origin.period, origin.key());
                let found = !report.suspects.cases.is_empty();
                let table = if found { text::table(report) } else { text::nothing(report) };
                self.text.extend([apart, &format!("{month} {key}: "), &table]);
            }
            ReportFormat::Json => {
                let mut value = text::json(report);
                value["pool"] = origin.key().into();
                self.pools.push(value);
            }
            ReportFormat::Csv => {
                let header = self.text.is_empty();
                let key = [
                    ("period", origin.period.to_string()),
                    ("service", origin.service.to_string()),
                    ("offer", origin.offer.to_string()),
                    ("territory", origin.territory.to_string()),
                    ("right", origin.right.to_string()),
                ];
                let rows = text::cases(report, &key, header);
                self.text += &String::from_utf8_lossy(rows.as_bytes());
            }
        }
    }

    fn text(&self, period: Period) -> String {
        match self.format {
            ReportFormat::Json => {
                format!("{:#}\n", serde_json::json!({ "period": period, "pools": self.pools }))
            }
            _ if self.text.is_empty() => format!("{period} has no plays in any pool\n"),
            _ => self.text.clone(),
        }
    }
}

/// Every recording's amount before and after, as CSV.
fn moved_csv(effect: &Effect) -> CsvText {
    const HEADER: [&str; 7] = [
        "recording",
        "plays",
        "held_plays",
        "held_listeners",
        "amount_before",
        "amount_after",
        "difference",
    ];
    let mut text = CsvText::default();
    text.row(|row| HEADER.iter().for_each(|name| row.text(name)));
    for moved in &effect.recordings {
        let difference = Micros::from_micros(moved.difference().into()).unwrap_or(Micros::MAX);
        text.row(|row| {
            row.text(moved.recording.as_str());
            row.count(moved.plays);
            row.count(moved.held_plays);
            row.count(moved.held_listeners);
            row.amount(moved.before);
            row.amount(moved.after);
            row.amount(difference);
        });
    }
    text
}
