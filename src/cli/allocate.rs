//! `tantieme allocate`.

use std::io::{self, BufWriter, Write};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::allocate_inputs::{self, Attribute, FileUsage, Known, file_names};
use super::csv_text::CsvText;
use super::{Done, Failure, one_of, output};
use crate::allocate::{
    Allocation, Attributes, Cap, CapMode, Fees, RecordingAmount, Rule, allocate,
};
use crate::columnar::{Cell, Kind, Layout, TableWriter};
use crate::config::Means;
use crate::ident::RecordingId;
use crate::money::{Currency, Micros};
use crate::threads::on_threads;
use crate::usage::Listening as _;

const LAYOUT: Layout = &[
    ("recording", Kind::Text),
    ("plays", Kind::Int),
    ("listeners", Kind::Int),
    ("amount", Kind::Amount),
];

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme allocate --usage october.csv --amount 1000.00 --currency EUR --model user_centric
  tantieme allocate --usage october.csv --amount 1000.00 --currency EUR --rule rule.toml \\
    --recordings recordings.csv
  tantieme allocate --usage october.csv --amount 700.00 --currency EUR --model scaled_user \\
    --fees fees.csv
  tantieme allocate --usage october.csv --amount 1000.00 --currency EUR --model pro_rata \\
    --listener-cap 1000 --cap-mode clamp

The usage needs the columns listener,recording,plays, and active_plays where a rule weighs them.
Rows may repeat and come in any order.")]
pub(super) struct Allocate {
    /// CSV or Parquet with at least listener,recording,plays: one or several files, or a folder of
    /// them; `-` for standard input.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    usage: Vec<PathBuf>,
    /// What is shared, with up to six decimals.
    #[arg(long, allow_negative_numbers = true, value_parser = Micros::parse)]
    amount: Micros,
    /// In what: a code of ISO 4217.
    #[arg(long, value_parser = Currency::parse)]
    currency: Currency,
    /// How it is shared: a model, or a rule that has a name.
    #[arg(long, value_parser = PossibleValuesParser::new(Rule::NAMES), required_unless_present = "rule")]
    model: Option<String>,
    /// How it is shared: a rule in TOML.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    rule: Option<PathBuf>,
    /// What recordings are: CSV with recording and any of artist, content, ai. A
    /// recording that is not in it is music of an artist of its own.
    #[arg(long, value_name = "FILE")]
    recordings: Option<PathBuf>,
    /// What each listener paid: CSV with listener,fee.
    #[arg(long, value_name = "FILE")]
    fees: Option<PathBuf>,
    /// One listener's plays count for so many at most.
    #[arg(long, value_name = "K", requires = "cap_mode", conflicts_with = "rule",
          value_parser = clap::value_parser!(u32).range(1..))]
    listener_cap: Option<u32>,
    /// How the cap is read.
    #[arg(long, value_name = "MODE", requires = "listener_cap",
          value_parser = one_of(&CapMode::ALL, CapMode::as_str))]
    cap_mode: Option<CapMode>,
    /// How the result is written.
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Where to; `-` for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OutputFormat {
    #[default]
    Csv,
    Json,
    Parquet,
}

impl Allocate {
    pub(super) fn run(self, means: Means) -> Done {
        let rule = self.rule()?;
        let usage = FileUsage::open(&self.usage, rule.asks_for_active(), means)?;
        let fees = self.fees.as_ref().map(|path| usage.fees(path)).transpose()?;
        let allocation = self.share(&rule, &usage, fees.as_ref())?;
        if !allocation.set_aside.is_zero() {
            eprintln!(
                "{} {} is the part of those who paid and played nothing, and is not shared",
                allocation.set_aside, self.currency
            );
        }
        let write = |out| self.write_to(out, &allocation, means.threads);
        output::write_whole(&self.out, write)?;
        // To give back what half a million ids take would only keep the program from ending.
        std::mem::forget(allocation);
        Ok(ExitCode::SUCCESS)
    }

    fn rule(&self) -> Result<Rule, Failure> {
        if let Some(path) = &self.rule {
            return allocate_inputs::rule(path);
        }
        let named = self.model.as_deref().and_then(Rule::named);
        let mut rule =
            named.ok_or_else(|| Failure::Usage("--model or --rule is missing".into()))?;
        if let (Some(plays), Some(mode)) = (self.listener_cap, self.cap_mode) {
            rule.cap = Some(Cap { plays, mode });
        }
        rule.check().map_err(|e| Failure::Usage(e.to_string()))?;
        Ok(rule)
    }

    fn share(
        &self,
        rule: &Rule,
        usage: &FileUsage,
        fees: Option<&Fees>,
    ) -> Result<Allocation, Failure> {
        let known = match &self.recordings {
            Some(path) => allocate_inputs::recordings(path, usage.threads())?,
            None => Known::default(),
        };
        // The program ends soon: to give back what a million names take would take as long.
        let known = ManuallyDrop::new(known);
        let attributes = if rule.asks_for_attributes() {
            let about = |id: &RecordingId| known.get(id).map(Attribute::about);
            Attributes::on_threads(usage.threads(), usage.recordings(), about)
        } else {
            Attributes::default()
        };
        let failed = |e| Failure::Wrong(format!("{}: {e}", file_names(&self.usage)));
        let shared =
            usage.with_inputs(&attributes, fees, |inputs| allocate(rule, self.amount, inputs));
        shared.map_err(failed)
    }

    fn write_to(
        &self,
        out: Box<dyn Write + Send>,
        allocation: &Allocation,
        threads: usize,
    ) -> Result<(), Failure> {
        let failed = |error| output::cannot_write(&self.out, &error);
        let mut out = BufWriter::new(out);
        match self.format {
            OutputFormat::Csv => {
                let mut header = CsvText::default();
                header.row(|row| LAYOUT.iter().for_each(|(name, _)| row.text(name)));
                out.write_all(header.as_bytes()).map_err(failed)?;
                write_rows(&mut out, &allocation.recordings, threads).map_err(failed)?;
                out.flush().map_err(failed)?;
            }
            OutputFormat::Json => {
                let row = |row: &RecordingAmount| {
                    serde_json::json!({
                        "recording": row.recording, "plays": row.plays, "listeners": row.listeners,
                        "amount": row.amount, "currency": self.currency,
                    })
                };
                let rows: Vec<_> = allocation.recordings.iter().map(row).collect();
                writeln!(out, "{:#}", serde_json::Value::from(rows)).map_err(failed)?;
                out.flush().map_err(failed)?;
            }
            OutputFormat::Parquet => {
                let mut table = TableWriter::new(out, &self.out, LAYOUT)?;
                for row in &allocation.recordings {
                    let count = |count: u64| Cell::Int(i64::try_from(count).unwrap_or(i64::MAX));
                    table.push(&[
                        Cell::Text(row.recording.as_str()),
                        count(row.plays),
                        count(row.listeners),
                        Cell::Amount(row.amount),
                    ])?;
                }
                table.finish()?.flush().map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Rows whose text is made at once, and stays in the cache until it is written.
const ROWS_AT_ONCE: usize = 1 << 12;

/// Writes the rows as CSV. While one thread writes, the others make what comes next.
fn write_rows(
    out: &mut (impl Write + Send),
    rows: &[RecordingAmount],
    threads: usize,
) -> io::Result<()> {
    let parts: Vec<_> = rows.chunks(ROWS_AT_ONCE).collect();
    let next = AtomicUsize::new(0);
    // Where to, and whose turn it is.
    let (turn, passed_on) = (Mutex::new((out, 0)), Condvar::new());
    let written = on_threads(threads, || {
        let mut text = CsvText::default();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(rows) = parts.get(place) else { return Ok(()) };
            text.clear();
            rows.iter().for_each(|row| write_row(&mut text, row));
            let waiting = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = passed_on.wait_while(waiting, |(_, now)| *now != place);
            let mut mine = waited.unwrap_or_else(PoisonError::into_inner);
            let written = mine.0.write_all(text.as_bytes());
            // Those who come after must not wait for ever.
            mine.1 += 1;
            drop(mine);
            passed_on.notify_all();
            written?;
        }
    });
    written.into_iter().collect()
}

fn write_row(text: &mut CsvText, row: &RecordingAmount) {
    text.row(|cells| {
        cells.text(row.recording.as_str());
        cells.count(row.plays);
        cells.count(row.listeners);
        cells.amount(row.amount);
    });
}
