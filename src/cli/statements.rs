//! `tantieme statements`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Done, Failure, show};
use crate::close;
use crate::digest::Digest;
use crate::facts::Workspace;
use crate::period::Period;
use crate::statements::{write_csv, write_csv_header, write_csv_next, write_json};

/// What no file system likes in a name.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b'/')
    .add(b'\\')
    .add(b':')
    .add(b'*')
    .add(b'?')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'|')
    .add(b'%')
    .add(b'.')
    .add(b' ');

/// The words of the command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tantieme statements 2026-10 --payee mei
  tantieme statements 2026-10 --draft --format json
  tantieme statements 2026-10 --out settlement/     one file for each statement, and an index")]
pub(super) struct Statements {
    /// The month.
    period: Period,
    /// One payee; all of them if absent.
    #[arg(long, value_name = "ID")]
    payee: Option<String>,
    /// Show a draft that is not published yet.
    #[arg(long)]
    draft: bool,
    /// How lines are written.
    #[arg(long, value_enum, default_value_t)]
    format: LineFormat,
    /// A folder to fill, instead of standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum LineFormat {
    #[default]
    Csv,
    Json,
}

impl Statements {
    pub(super) async fn run(self, workspace: &Workspace) -> Done {
        if self.out.is_none() && self.payee.is_none() && self.format == LineFormat::Csv {
            let rows = close::statement_rows(workspace, self.period, self.draft).await?;
            write_csv(rows.open_all()?, show::Out)?;
            return Ok(ExitCode::SUCCESS);
        }
        let open =
            close::statements(workspace, self.period, self.payee.as_deref(), self.draft).await?;
        let Some(folder) = &self.out else {
            let out = BufWriter::new(show::Out);
            match self.format {
                LineFormat::Csv => write_csv(open.entries()?, out)?,
                LineFormat::Json => write_json(&open.faces, open.entries()?, out)?,
            }
            return Ok(ExitCode::SUCCESS);
        };
        let failed = |path: PathBuf| {
            move |e: io::Error| Failure::Wrong(format!("cannot write {}: {e}", path.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed(folder.clone()))?;
        let ending = if self.format == LineFormat::Csv { "csv" } else { "json" };
        let index_path = folder.join("index.csv");
        let file = File::create(&index_path).map_err(failed(index_path.clone()))?;
        let mut index = csv::Writer::from_writer(file);
        index.write_record([
            "statement",
            "payee",
            "payee_name",
            "currency",
            "opening",
            "total",
            "lines",
            "file",
        ])?;
        // One reading of the lines: statements stand in it one after the other.
        let mut entries = open.entries()?;
        for face in &open.faces {
            let payee = file_part(&face.payee);
            let name = format!("{}_{payee}_{}.{ending}", face.period, face.currency);
            let path = folder.join(&name);
            let mut out = BufWriter::new(File::create(&path).map_err(failed(path.clone()))?);
            let written = match self.format {
                LineFormat::Csv => {
                    let count = usize::try_from(face.line_count).unwrap_or_default();
                    write_csv_header(&mut out)
                        .and_then(|()| write_csv_next(&mut entries, count, &mut out))
                }
                LineFormat::Json => {
                    write_json(std::slice::from_ref(face), entries.by_ref(), &mut out)
                }
            };
            written.map_err(failed(path.clone()))?;
            out.flush().map_err(failed(path))?;
            index.write_record([
                &face.statement,
                &face.payee,
                &face.payee_name,
                face.currency.code(),
                &face.opening.to_string(),
                &face.total.to_string(),
                &face.line_count.to_string(),
                &name,
            ])?;
        }
        index.flush()?;
        let count = show::count(open.faces.len() as u64);
        say!("wrote {count} statements and index.csv into {}", folder.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// A payee's id as a part of a file's name: escaped, and a digest of it where it grows too long.
fn file_part(payee: &str) -> String {
    const BYTES_MAX: usize = 150;
    let escaped = utf8_percent_encode(payee, UNSAFE).to_string();
    if escaped.len() <= BYTES_MAX {
        return escaped;
    }
    format!("{}-{}", &escaped[..60], Digest::of(payee.as_bytes()).short())
}
