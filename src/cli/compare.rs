//! `tantieme compare`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use hashbrown::HashSet;

use super::allocate_inputs::{self, Attribute, FileUsage, Known, file_names};
use super::compare_table::Report;
use super::csv_text::CsvText;
use super::output::ReportFormat;
use super::{Done, Failure, output};
use crate::allocate::{Attributes, Fees, Inputs, Model, Rule, allocate};
use crate::close::{self, Compared, Proposal};
use crate::compare::{Bought, Comparison, Curve, Extraction, Purchase, plot};
use crate::config::Means;
use crate::facts::Workspace;
use crate::ident::{Name, RecordingId};
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::usage::Listening as _;

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
    /// A month of the workspace.
    #[arg(conflicts_with_all = ["usage", "amount", "currency", "recordings", "fees"])]
    pub(super) period: Option<Period>,
    /// CSV or Parquet with at least listener,recording,plays: one or several files, or a folder of
    /// them; `-` for standard input.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "period")]
    usage: Vec<PathBuf>,
    /// What is shared, with up to six decimals.
    #[arg(long, allow_negative_numbers = true, value_parser = Micros::parse,
          required_unless_present = "period")]
    amount: Option<Micros>,
    /// In what: a code of ISO 4217.
    #[arg(long, value_parser = Currency::parse, required_unless_present = "period")]
    currency: Option<Currency>,
    /// What is compared: names as `allocate --model` has them, files of rules that end in .toml,
    /// which are called by their names, or, of a month, `agreed`: each pool's own rule.
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
    format: ReportFormat,
    /// Where to; `-` for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Draw how evenly each model spreads the money, as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Compare {
    /// Compares rules on the plays of files.
    pub(super) fn run(self, means: Means) -> Done {
        let models = models(&self.models, false)?;
        let baseline = self.baseline(&models)?;
        let (Some(amount), Some(currency)) = (self.amount, self.currency) else {
            return Err(Failure::Usage("--amount and --currency are missing".into()));
        };
        let rules: Vec<Rule> = models.iter().filter_map(|model| model.rule.clone()).collect();
        let active = rules.iter().any(Rule::asks_for_active);
        let usage = FileUsage::open(&self.usage, active, means)?;
        let fees = self.fees.as_ref().map(|path| usage.fees(path)).transpose()?;
        let recordings = match &self.recordings {
            Some(path) => allocate_inputs::recordings(path, means.threads)?,
            None => Known::default(),
        };
        let names = models.iter().map(|model| model.name.clone());
        let mut comparison = Comparison::new(names, baseline);
        let extractions =
            self.share(&rules, &usage, fees.as_ref(), &recordings, &mut comparison)?;
        let compared = Compared {
            currency,
            amount,
            listeners: usage.listeners()?,
            without_artist: comparison.without_artist(),
            bought_into: String::new(),
            extractions,
            comparison,
        };
        self.write(&[compared])
    }

    /// Compares rules on a month of the workspace.
    pub(super) async fn run_in(self, workspace: &Workspace, period: Period) -> Done {
        let models = models(&self.models, true)?;
        let baseline = self.baseline(&models)?;
        let purchase = (self.accounts > 0).then(|| self.purchase());
        let compared = close::compare(workspace, period, &models, baseline, purchase).await?;
        self.write(&compared)
    }

    fn write(&self, compared: &[Compared]) -> Done {
        let reports: Vec<Report<'_>> = compared
            .iter()
            .map(|compared| Report {
                compared,
                standings: compared.comparison.standings(self.living),
                purchase: self.purchase(),
                living: self.living,
                period: self.period,
                recordings_given: self.period.is_some() || self.recordings.is_some(),
            })
            .collect();
        output::write_whole(&self.out, |mut out| {
            let text = match self.format {
                ReportFormat::Table => {
                    let tables: Vec<String> = reports.iter().map(Report::table).collect();
                    tables.join("\n\n").into_bytes()
                }
                ReportFormat::Json => format!("{:#}\n", self.json(&reports)).into_bytes(),
                ReportFormat::Csv => artists(compared, self.period.is_some()),
            };
            let written = out.write_all(&text).and_then(|()| out.flush());
            written.map_err(|error| output::cannot_write(&self.out, &error))
        })?;
        if !matches!(self.format, ReportFormat::Table) {
            reports.iter().flat_map(Report::notes).for_each(|note| eprintln!("{note}"));
        }
        for compared in compared {
            let Some(path) = &self.plot else { break };
            if let [_] = reports.as_slice() {
                draw(path, compared)?;
            } else {
                // One drawing for each currency: amounts of two cannot be one curve.
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let path = path.with_file_name(format!("{stem}-{}.svg", compared.currency));
                draw(&path, compared)?;
                eprintln!("drawn: {}", path.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// One file's comparison, or all of a month by currency.
    fn json(&self, reports: &[Report<'_>]) -> serde_json::Value {
        match (self.period, reports) {
            (None, [report]) => report.json(),
            (period, reports) => serde_json::json!({
                "period": period,
                "currencies": reports.iter().map(Report::json).collect::<Vec<_>>(),
            }),
        }
    }

    fn purchase(&self) -> Purchase {
        Purchase { accounts: self.accounts, plays_each: self.plays_each }
    }

    /// The place of the model that the others are held against, by its name or its file.
    fn baseline(&self, models: &[Proposal]) -> Result<usize, Failure> {
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
        rules: &[Rule],
        usage: &FileUsage,
        fees: Option<&Fees>,
        recordings: &Known,
        comparison: &mut Comparison,
    ) -> Result<Vec<Option<Extraction>>, Failure> {
        let about = |id: &RecordingId| recordings.get(id).map(Attribute::about);
        let attributes = Attributes::of(usage.recordings(), about);
        usage.with_inputs(&attributes, fees, |inputs| {
            self.share_by(rules, inputs, recordings, comparison)
        })
    }

    fn share_by(
        &self,
        rules: &[Rule],
        inputs: &Inputs<'_, FileUsage>,
        recordings: &Known,
        comparison: &mut Comparison,
    ) -> Result<Vec<Option<Extraction>>, Failure> {
        let Inputs { listening, attributes, reach, fees, payers, .. } = *inputs;
        let bought = (self.accounts > 0)
            .then(|| Bought::new(self.purchase(), listening, attributes, fees))
            .transpose()?;
        let files = file_names(&self.usage);
        let amount = self.amount.unwrap_or_default();
        let held = rules.iter().any(|rule| rule.hold.is_some());
        if held {
            let plain = Rule::plain(Model::ProRata);
            let raw = allocate(&plain, Micros::ZERO, inputs)
                .map_err(|e| Failure::Wrong(format!("{files}: {e}")))?;
            comparison.count(&raw.recordings, |id| artist(recordings, id));
        }
        let mut extractions = Vec::with_capacity(rules.len());
        for (place, rule) in rules.iter().enumerate() {
            let name = comparison.models().nth(place).unwrap_or_default().to_owned();
            let failed = |e| Failure::Wrong(format!("{files}: {name}: {e}"));
            let allocation = allocate(rule, amount, inputs).map_err(failed)?;
            comparison.add(place, &allocation, |id| artist(recordings, id))?;
            if place == 0 && !held {
                comparison.count(&allocation.recordings, |id| artist(recordings, id));
            }
            let extract = |bought: &Bought<'_, _>| {
                bought.extract(rule, amount, reach, payers).map_err(|e| {
                    let accounts = self.accounts;
                    Failure::Wrong(format!("{files}: {name} with {accounts} bought accounts: {e}"))
                })
            };
            extractions.push(bought.as_ref().map(extract).transpose()?);
        }
        Ok(extractions)
    }
}

/// Draws the curves of all models that pay anything.
fn draw(path: &Path, compared: &Compared) -> Result<(), Failure> {
    let Compared { comparison, amount, currency, .. } = compared;
    let names = comparison.models().enumerate();
    let paid: Vec<_> =
        names.filter_map(|(place, name)| Some((name, comparison.distribution(place)?))).collect();
    if paid.is_empty() {
        let path = path.display();
        return Err(Failure::Wrong(format!("{path}: nothing is paid, so nothing can be drawn")));
    }
    let curves: Vec<Curve<'_>> = paid.iter().map(|(name, paid)| Curve { name, paid }).collect();
    let about = format!(
        "{} {currency} over {} artists",
        super::compare_table::money(*amount, *currency),
        super::show::count(comparison.artists())
    );
    let svg = plot("How evenly the money reaches artists", &about, &curves);
    output::write_whole(path, |mut out| {
        let written = out.write_all(svg.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| output::cannot_write(path, &error))
    })
}

/// The rules that words name, by names that differ.
fn models(words: &[String], of_month: bool) -> Result<Vec<Proposal>, Failure> {
    let mut names: HashSet<String> = HashSet::new();
    let model = |word: &String| {
        let path = Path::new(word);
        let file = path.extension().is_some_and(|ending| ending == "toml");
        let (name, rule) = if file {
            let stem = path.file_stem().unwrap_or_default();
            (stem.to_string_lossy().into_owned(), Some(allocate_inputs::rule(path)?))
        } else if of_month && word == "agreed" {
            (word.clone(), None)
        } else {
            let unknown = || {
                let agreed = if of_month { "agreed, " } else { "" };
                let names = Rule::NAMES.join(", ");
                Failure::Usage(format!(
                    "--models {word}: neither one of {agreed}{names} nor a .toml file"
                ))
            };
            (word.clone(), Some(Rule::named(word).ok_or_else(unknown)?))
        };
        if !names.insert(name.clone()) {
            return Err(Failure::Usage(format!("--models: two are called {name}; rename a file")));
        }
        Ok(Proposal { name, rule })
    };
    words.iter().map(model).collect()
}

/// A recording's first artist, if it is known.
fn artist<'a>(recordings: &'a Known, recording: &RecordingId) -> Option<&'a Name> {
    recordings.get(recording).and_then(|attribute| attribute.about().artist)
}

/// Every artist's amount by model, as CSV; of a month with the currency.
fn artists(compared: &[Compared], of_month: bool) -> Vec<u8> {
    let mut text = CsvText::default();
    let models = compared.first().map(|compared| &compared.comparison);
    text.row(|row| {
        let first = of_month.then_some("currency");
        first.into_iter().chain(["artist", "recordings", "plays"]).for_each(|name| row.text(name));
        models.iter().flat_map(|models| models.models()).for_each(|name| row.text(name));
    });
    for Compared { comparison, currency, .. } in compared {
        for artist in comparison.amounts() {
            text.row(|row| {
                if of_month {
                    row.text(currency.code());
                }
                row.text(artist.artist.as_str());
                row.count(artist.recordings);
                row.count(artist.plays);
                artist.amounts.iter().for_each(|amount| row.amount(*amount));
            });
        }
    }
    text.as_bytes().to_vec()
}
