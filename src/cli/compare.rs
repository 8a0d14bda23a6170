//! `tantieme compare`.

use std::cell::OnceCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use hashbrown::{HashMap, HashSet};

use super::allocate_inputs::{self, Attribute, FileUsage, file_names};
use super::compare_table::Report;
use super::csv_text::CsvText;
use super::{Done, Failure, output};
use crate::allocate::{Attributes, Fees, Inputs, Reach, Rule, allocate};
use crate::compare::{Bought, Comparison, Curve, Extraction, Purchase, plot};
use crate::config::Means;
use crate::ident::{Name, RecordingId};
use crate::money::{Currency, Micros};
use crate::usage::{Listening as _, UsageError};

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme compare --usage october.csv --amount 1000.00 --currency EUR \\
    --models pro_rata,user_centric --recordings recordings.csv
  tantieme compare --usage october.csv --amount 1000.00 --currency EUR \\
    --models pro_rata,user_centric,ours.toml --recordings recordings.csv --plot lorenz.svg
  tantieme compare --usage october.csv --amount 1000.00 --currency EUR \\
    --models pro_rata,user_centric --format csv --out artists.csv

The usage is what `allocate` takes. What each row of the table says stands in docs/ALLOCATION.md.")]
pub(super) struct Compare {
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
    /// What is compared: names as `allocate --model` has them, or files of rules that end in
    /// .toml, which are called by their names.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', required = true)]
    models: Vec<String>,
    /// Whose the recordings are and what they are: CSV with recording and any of artist, content,
    /// ai. A recording that is not in it is music of an artist of its own.
    #[arg(long, value_name = "FILE")]
    recordings: Option<PathBuf>,
    /// What each listener paid: CSV with listener,fee.
    #[arg(long, value_name = "FILE")]
    fees: Option<PathBuf>,
    /// The model that the others are held against; the first if absent.
    #[arg(long, value_name = "MODEL")]
    baseline: Option<String>,
    /// Artists who get at least so much are counted.
    #[arg(long, value_name = "AMOUNT", default_value = "1000.00", value_parser = Micros::parse)]
    living: Micros,
    /// How many accounts are bought, to see what they would take; 0 for none.
    #[arg(long, value_name = "N", default_value_t = Purchase::default().accounts,
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    accounts: u32,
    /// How often each of them plays one recording in the month.
    #[arg(long, value_name = "N", default_value_t = Purchase::default().plays_each,
          value_parser = clap::value_parser!(u32).range(1..))]
    plays_each: u32,
    /// How the result is written.
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Where to; `-` for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Draw how evenly each model spreads the money, as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// The same for programs.
    Json,
    /// Every artist's amount by model.
    Csv,
}

/// A rule and what it is called here.
struct Model {
    name: String,
    rule: Rule,
}

impl Compare {
    pub(super) fn run(self, means: Means) -> Done {
        let models = models(&self.models)?;
        let baseline = self.baseline(&models)?;
        let active = models.iter().any(|model| model.rule.asks_for_active());
        let usage = FileUsage::open(&self.usage, active, means)?;
        let fees = self.fees.as_ref().map(|path| usage.fees(path)).transpose()?;
        let recordings = match &self.recordings {
            Some(path) => allocate_inputs::recordings(path)?,
            None => HashMap::new(),
        };
        let names = models.iter().map(|model| model.name.clone());
        let mut comparison = Comparison::new(names, baseline);
        let extractions =
            self.share(&models, &usage, fees.as_ref(), &recordings, &mut comparison)?;
        let nobodys = usage.recordings().iter().filter(|id| artist(&recordings, id).is_none());
        let report = Report {
            comparison: &comparison,
            standings: comparison.standings(self.living),
            extractions,
            purchase: self.purchase(),
            amount: self.amount,
            currency: self.currency,
            living: self.living,
            listeners: usage.listeners()?,
            without_artist: nobodys.count() as u64,
            recordings_given: self.recordings.is_some(),
        };
        output::write_whole(&self.out, |mut out| {
            let text = match self.format {
                OutputFormat::Table => report.table().into_bytes(),
                OutputFormat::Json => format!("{:#}\n", report.json()).into_bytes(),
                OutputFormat::Csv => artists(&comparison),
            };
            let written = out.write_all(&text).and_then(|()| out.flush());
            written.map_err(|error| output::cannot_write(&self.out, &error))
        })?;
        if !matches!(self.format, OutputFormat::Table) {
            report.notes().iter().for_each(|note| eprintln!("{note}"));
        }
        if let Some(path) = &self.plot {
            self.draw(path, &comparison)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn purchase(&self) -> Purchase {
        Purchase { accounts: self.accounts, plays_each: self.plays_each }
    }

    /// The place of the model that the others are held against, by its name or its file.
    fn baseline(&self, models: &[Model]) -> Result<usize, Failure> {
        let Some(baseline) = &self.baseline else { return Ok(0) };
        let mut given = models.iter().zip(&self.models);
        let place = given.position(|(model, given)| [&model.name, given].contains(&baseline));
        place.ok_or_else(|| {
            Failure::Usage(format!("--baseline {baseline}: it is not one of --models"))
        })
    }

    /// Shares the amount by every model; returns what bought accounts would take of it, if any are
    /// bought.
    fn share(
        &self,
        models: &[Model],
        usage: &FileUsage,
        fees: Option<&Fees>,
        recordings: &HashMap<RecordingId, Attribute>,
        comparison: &mut Comparison,
    ) -> Result<Vec<Option<Extraction>>, Failure> {
        let about = |id: &RecordingId| recordings.get(id).map(Attribute::about);
        let attributes = Attributes::of(usage.recordings(), about);
        // The file is all there is: the service, the month and the year. All thresholds of all
        // rules are measured by the same.
        let reached = OnceCell::new();
        let reach = |_| -> Result<Reach, UsageError> {
            if reached.get().is_none() {
                let _ = reached.set(Reach::of(usage, &attributes)?);
            }
            Ok(reached.get().cloned().unwrap_or_default())
        };
        let payers = fees.map(Fees::len);
        let inputs =
            Inputs { listening: usage, attributes: &attributes, reach: &reach, fees, payers };
        let bought = (self.accounts > 0)
            .then(|| Bought::new(self.purchase(), usage, &attributes, fees))
            .transpose()?;
        let files = file_names(&self.usage);
        let mut extractions = Vec::with_capacity(models.len());
        for (place, Model { name, rule }) in models.iter().enumerate() {
            let failed = |e| Failure::Wrong(format!("{files}: {name}: {e}"));
            let allocation = allocate(rule, self.amount, &inputs).map_err(failed)?;
            comparison.add(place, &allocation, |id| artist(recordings, id))?;
            let extract = |bought: &Bought<'_, _>| {
                bought.extract(rule, self.amount, &reach, payers).map_err(|e| {
                    let accounts = self.accounts;
                    Failure::Wrong(format!("{files}: {name} with {accounts} bought accounts: {e}"))
                })
            };
            extractions.push(bought.as_ref().map(extract).transpose()?);
        }
        Ok(extractions)
    }

    fn draw(&self, path: &Path, comparison: &Comparison) -> Result<(), Failure> {
        let names = comparison.models().enumerate();
        let paid: Vec<_> = names
            .filter_map(|(place, name)| Some((name, comparison.distribution(place)?)))
            .collect();
        if paid.is_empty() {
            let path = path.display();
            return Err(Failure::Wrong(format!(
                "{path}: nothing is paid, so nothing can be drawn"
            )));
        }
        let curves: Vec<Curve<'_>> = paid.iter().map(|(name, paid)| Curve { name, paid }).collect();
        let about = format!(
            "{} {} over {} artists",
            super::compare_table::money(self.amount, self.currency),
            self.currency,
            super::show::count(comparison.artists())
        );
        let svg = plot("How evenly the money reaches artists", &about, &curves);
        output::write_whole(path, |mut out| {
            let written = out.write_all(svg.as_bytes()).and_then(|()| out.flush());
            written.map_err(|error| output::cannot_write(path, &error))
        })
    }
}

/// The rules that words name, by names that differ.
fn models(words: &[String]) -> Result<Vec<Model>, Failure> {
    let mut names: HashSet<String> = HashSet::new();
    let model = |word: &String| {
        let path = Path::new(word);
        let file = path.extension().is_some_and(|ending| ending == "toml");
        let (name, rule) = if file {
            let stem = path.file_stem().unwrap_or_default();
            (stem.to_string_lossy().into_owned(), allocate_inputs::rule(path)?)
        } else {
            let unknown = || {
                let names = Rule::NAMES.join(", ");
                Failure::Usage(format!("--models {word}: neither one of {names} nor a .toml file"))
            };
            (word.clone(), Rule::named(word).ok_or_else(unknown)?)
        };
        if !names.insert(name.clone()) {
            return Err(Failure::Usage(format!("--models: two are called {name}; rename a file")));
        }
        Ok(Model { name, rule })
    };
    words.iter().map(model).collect()
}

/// A recording's first artist, if it is known.
fn artist<'a>(
    recordings: &'a HashMap<RecordingId, Attribute>,
    recording: &RecordingId,
) -> Option<&'a Name> {
    recordings.get(recording).and_then(|attribute| attribute.about().artist)
}

/// Every artist's amount by model, as CSV.
fn artists(comparison: &Comparison) -> Vec<u8> {
    let mut text = CsvText::default();
    text.row(|row| {
        for name in ["artist", "recordings", "plays"].into_iter().chain(comparison.models()) {
            row.text(name);
        }
    });
    for artist in comparison.amounts() {
        text.row(|row| {
            row.text(artist.artist.as_str());
            row.count(artist.recordings);
            row.count(artist.plays);
            artist.amounts.iter().for_each(|amount| row.amount(*amount));
        });
    }
    text.as_bytes().to_vec()
}
