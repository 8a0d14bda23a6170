//! `tantieme generate`.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Done, Failure, show};
use crate::config::Means;
use crate::generate::{Form, Made, Usage};

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme generate --listeners 1000000 --recordings 500000 --seed 7 usage.csv
  tantieme generate --listeners 1000 --recordings 5000 usage.csv.zst
  tantieme generate --listeners 10 --recordings 20 - | tantieme allocate --usage - \\
    --amount 100 --currency EUR --model user_centric

A listener plays about 50 recordings, a few of them often. The columns are listener, recording and
plays; the same seed gives the same plays in every form and on every machine. Recordings have ISRCs of the country XX, which is none.")]
pub(super) struct Generate {
    /// How many listeners.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    listeners: u32,
    /// How many recordings they choose from.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    recordings: u32,
    /// What the plays depend on.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Put the rows of some thousand listeners at a time in no order.
    #[arg(long)]
    shuffled: bool,
    /// Where to: .csv, .csv.gz or .csv.zst; `-` for CSV on standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Generate {
    pub(super) fn run(self, means: Means) -> Done {
        let usage = Usage::new(self.listeners, self.recordings, self.seed)?;
        let usage = usage.threads(means.threads).shuffled(self.shuffled);
        let bar = progress(self.listeners);
        let mut report = |made: Made| {
            bar.set_position(u64::from(made.listeners));
            bar.set_message(format!("{} rows", show::count(made.rows)));
        };
        if self.file == Path::new("-") {
            usage.write_csv(&mut BufWriter::new(show::Out), &mut report)?;
            bar.finish_and_clear();
            return Ok(ExitCode::SUCCESS);
        }
        let form = Form::of(&self.file).ok_or_else(|| {
            let file = self.file.display();
            Failure::Usage(format!("{file}: name a file .csv, .csv.gz or .csv.zst"))
        })?;
        let made = usage.write(&self.file, form, &mut report);
        bar.finish_and_clear();
        let made = made?;
        say!(
            "{}: {}, {} of {}",
            self.file.display(),
            show::counted(made.rows, "row"),
            show::counted(made.plays, "play"),
            show::counted(u64::from(made.listeners), "listener")
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// A bar over the listeners, on a terminal only.
fn progress(listeners: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(listeners));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}
