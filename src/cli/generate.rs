//! `tantieme generate`.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Done, Failure, show};
use crate::config::Means;
use crate::generate::{Form, Made, Month, MonthMade, Size, Usage};
use crate::period::Period;

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme generate --listeners 1000000 --recordings 500000 --seed 7 usage.parquet
  tantieme generate --listeners 1000 --recordings 5000 usage.csv.zst
  tantieme generate --listeners 10 --recordings 20 - | tantieme allocate --usage - \\
    --amount 100 --currency EUR --model user_centric
  tantieme generate --payees 1000 --recordings 2000 --listeners 500 october | bash

A listener plays about 50 recordings, a few of them often. The columns are listener, recording and
plays; the same seed gives the same plays in every form and on every machine. Parquet is sealed as
a workspace seals its usage. Recordings have ISRCs of the country XX, which is none.

With --payees FILE is a folder: every file of a month goes into it, and the commands that import
and close the month go to standard output.")]
pub(super) struct Generate {
    /// How many listeners.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    listeners: u32,
    /// How many recordings they choose from.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    recordings: u32,
    /// What everything depends on.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Of CSV: put the rows of some thousand listeners at a time in no order.
    #[arg(long, conflicts_with = "payees")]
    shuffled: bool,
    /// Make all files of a month with so many payees.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..))]
    payees: Option<u32>,
    /// How many of the payees are labels; one of a thousand if absent.
    #[arg(long, value_name = "L", requires = "payees",
          value_parser = clap::value_parser!(u32).range(1..))]
    labels: Option<u32>,
    /// How many rows a shop reports of the month.
    #[arg(long, value_name = "K", requires = "payees", default_value_t = 0)]
    sales: u32,
    /// The month.
    #[arg(long, value_name = "MONTH", requires = "payees", default_value = "2026-10")]
    period: Period,
    /// Where to: .csv, .csv.gz, .csv.zst or .parquet; `-` for CSV on standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Generate {
    pub(super) fn run(self, means: Means) -> Done {
        let bar = progress(self.listeners);
        let mut report = |made: Made| {
            bar.set_position(u64::from(made.listeners));
            bar.set_message(format!("{} rows", show::count(made.rows)));
        };
        let done = match self.payees {
            Some(payees) => self.month(payees, means, &mut report),
            None => self.usage(means, &mut report),
        };
        bar.finish_and_clear();
        say_done(&done?);
        Ok(ExitCode::SUCCESS)
    }

    fn usage(&self, means: Means, report: &mut dyn FnMut(Made)) -> Result<Vec<String>, Failure> {
        let usage = Usage::new(self.listeners, self.recordings, self.seed)?;
        let usage = usage.threads(means.threads).shuffled(self.shuffled);
        if self.file == Path::new("-") {
            usage.write_csv(&mut BufWriter::new(show::Out), report)?;
            return Ok(Vec::new());
        }
        let file = self.file.display();
        let form = Form::of(&self.file).ok_or_else(|| {
            Failure::Usage(format!("{file}: name a file .csv, .csv.gz, .csv.zst or .parquet"))
        })?;
        if self.shuffled && form == Form::Parquet {
            return Err(Failure::Usage("--shuffled is for CSV; sealed rows have an order".into()));
        }
        let made = usage.write(&self.file, form, report)?;
        Ok(vec![format!("{file}: {}", counted(made))])
    }

    fn month(
        &self,
        payees: u32,
        means: Means,
        report: &mut dyn FnMut(Made),
    ) -> Result<Vec<String>, Failure> {
        let size = Size {
            payees,
            labels: self.labels.unwrap_or((payees / 1000).max(1)),
            recordings: self.recordings,
            listeners: self.listeners,
            sales: self.sales,
        };
        let month = Month::new(self.period, size, self.seed)?.threads(means.threads);
        let made = month.write(&self.file, report)?;
        Ok(commands(&self.file, self.period, &made))
    }
}

fn say_done(lines: &[String]) {
    for line in lines {
        say!("{line}");
    }
}

fn counted(made: Made) -> String {
    format!(
        "{}, {} of {}",
        show::counted(made.rows, "row"),
        show::counted(made.plays, "play"),
        show::counted(u64::from(made.listeners), "listener")
    )
}

/// What to type to import and close the month; a shell takes it as it is.
fn commands(folder: &Path, period: Period, made: &MonthMade) -> Vec<String> {
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let mut lines = vec![
        format!("# {} of usage; import the month, close it and prove it:", counted(made.usage)),
        "set -e".to_owned(),
        format!("export TANTIEME_WORKSPACE={}", path(&folder.join("workspace"))),
        "unset TANTIEME_SECRET # with a secret of its own, init refuses a DATABASE_URL in use"
            .to_owned(),
        "tantieme init".to_owned(),
    ];
    for files in made.files.chunk_by(|a, b| a.0 == b.0) {
        let paths: Vec<String> = files.iter().map(|(_, file)| path(file)).collect();
        lines.push(format!("tantieme import {} {}", files[0].0, paths.join(" ")));
    }
    let result = r#"sed -n 's/.*"result": "\([0-9a-f]*\)".*/\1/p'"#;
    lines.extend([
        format!("result=$(tantieme close {period} --as anna --format json | {result})"),
        format!("tantieme approve {period} --as ben --result \"$result\""),
        format!("tantieme publish {period} --as ben"),
        "tantieme verify".to_owned(),
    ]);
    lines
}

/// A path as a shell reads it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) && !path.is_empty() {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// A bar over the listeners, on a terminal only.
fn progress(listeners: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(listeners));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}
