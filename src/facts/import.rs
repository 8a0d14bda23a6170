//! One file in.

use std::path::Path;

use super::{FactsError, Workspace, batches, listeners, rows};
use crate::catalog::{Claim, FxRate, Party, Recording, Revenue};
use crate::digest::Digest;
use crate::ingest::{Column, Fault, Given, OtherColumns, Progress, Row, RowRead, Rows};
use crate::period::Period;
use crate::store::statements::facts::{
    IMPORT_ADD, IMPORT_END, IMPORT_NAMED, IMPORT_OF_CONTENT, QUARANTINE,
};
use crate::store::{Tx, Value};

/// Bad rows after which a file is taken for one of another kind.
pub(super) const FAULTS_MAX: usize = 100_000;
/// Rows between two calls of the progress bar.
const PROGRESS_ROWS: u64 = 1 << 16;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Parties.
    Parties,
    /// Recordings.
    Recordings,
    /// Claims.
    Claims,
    /// One agreement.
    Agreements,
    /// Revenue.
    Revenue,
    /// Exchange rates.
    Fx,
    /// Usage.
    Usage,
    /// Sales.
    Sales,
    /// What listeners paid.
    Listeners,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Parties,
        Self::Recordings,
        Self::Claims,
        Self::Agreements,
        Self::Revenue,
        Self::Fx,
        Self::Usage,
        Self::Sales,
        Self::Listeners,
    ];

    /// Those that are taken as named batches.
    pub const BATCHES: [Self; 3] = [Self::Usage, Self::Sales, Self::Listeners];

    /// As the command line and the database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parties => "parties",
            Self::Recordings => "recordings",
            Self::Claims => "claims",
            Self::Agreements => "agreements",
            Self::Revenue => "revenue",
            Self::Fx => "fx",
            Self::Usage => "usage",
            Self::Sales => "sales",
            Self::Listeners => "listeners",
        }
    }
}

/// How a file is imported.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The batch's name, if not the file's.
    pub batch: Option<String>,
    /// Supersede what is known.
    pub replace: bool,
    /// All or nothing.
    pub strict: bool,
    /// Only look.
    pub dry_run: bool,
    /// Columns that came as flags.
    pub given: Given,
    /// Who imports.
    pub by: String,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its good rows were taken.
    Taken,
    /// It was taken before, under this name.
    Known(String),
    /// `--strict`, and some rows are bad: nothing was taken.
    Refused,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub file: String,
    /// What it holds.
    pub kind: FileKind,
    /// The batch's name.
    pub batch: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Good rows.
    pub taken: u64,
    /// Bad rows.
    pub quarantined: u64,
    /// Bad rows with their places and reasons; those of a known file are in the database only.
    pub faults: Vec<Fault>,
    /// Facts that superseded others.
    pub superseded: u64,
    /// Facts that were known already.
    pub unchanged: u64,
    /// What else a user should know.
    pub notes: Vec<String>,
}

/// A file's rows on their way in.
pub struct Import<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) kind: FileKind,
    pub(super) path: &'a Path,
    pub(super) options: Options,
    /// Called now and then with how far it has come.
    pub(super) progress: &'a mut dyn FnMut(Step),
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The file is being read.
    Reading(Progress),
    /// So many rows of all are sealed.
    Sealing(u64, u64),
}

/// A file that has been read to its end.
pub(super) struct Read {
    pub(super) report: Report,
    /// The SHA-256 of the decompressed bytes.
    pub(super) content: Digest,
    pub(super) bad: Vec<BadRow>,
}

/// A bad row, with what quarantine keeps of it.
pub(super) struct BadRow {
    pub(super) fault: Fault,
    pub(super) period: Option<String>,
    pub(super) content: Option<String>,
}

impl<'a> Import<'a> {
    /// Prepares to import a file.
    pub fn new(
        workspace: &'a Workspace,
        kind: FileKind,
        path: &'a Path,
        options: Options,
        progress: &'a mut dyn FnMut(Step),
    ) -> Self {
        Self { workspace, kind, path, options, progress }
    }

    /// Imports it.
    pub async fn run(self) -> Result<Report, FactsError> {
        match self.kind {
            FileKind::Parties => rows::import::<Party>(self).await,
            FileKind::Recordings => rows::import::<Recording>(self).await,
            FileKind::Claims => rows::import::<Claim>(self).await,
            FileKind::Revenue => rows::import::<Revenue>(self).await,
            FileKind::Fx => rows::import::<FxRate>(self).await,
            FileKind::Agreements => rows::import_agreement(self).await,
            FileKind::Usage => batches::import_usage(self).await,
            FileKind::Sales => batches::import_sales(self).await,
            FileKind::Listeners => listeners::import(self).await,
        }
    }

    /// Reads a file row by row. `take` keeps a row, or says what is wrong with it and what
    /// quarantine may keep of it. With `--strict`, one bad row refuses the file.
    pub(super) fn read(
        &mut self,
        columns: &'static [Column],
        mut take: impl FnMut(Row<'_>) -> Result<(), (Fault, Option<String>)>,
    ) -> Result<Read, FactsError> {
        let given = self.options.given.clone();
        let mut rows = Rows::open(self.path, columns, given, OtherColumns::Refused)?;
        let given_month = rows.given("period").map(str::to_owned);
        let (mut bad, mut taken) = (Vec::new(), 0_u64);
        loop {
            if (taken + bad.len() as u64).is_multiple_of(PROGRESS_ROWS) {
                let of = std::fs::metadata(self.path).ok().map(|file| file.len());
                (self.progress)(Step::Reading(Progress { read: rows.bytes(), of, rows: taken }));
            }
            let (fault, period, content) = match rows.next()? {
                RowRead::End => break,
                RowRead::Fault(fault) => (fault, given_month.clone(), None),
                RowRead::Row(row) => match take(row) {
                    Ok(()) => {
                        taken += 1;
                        continue;
                    }
                    Err((fault, content)) => {
                        let month =
                            row.named("period").filter(|text| text.parse::<Period>().is_ok());
                        (fault, month.map(str::to_owned), content)
                    }
                },
            };
            bad.push(BadRow { fault, period, content });
            if bad.len() > FAULTS_MAX {
                return Err(self.too_many(&bad));
            }
        }
        Ok(self.done(rows.name(), taken, rows.digest(), bad))
    }

    /// What is said of a file in which far too many rows are bad.
    pub(super) fn too_many(&self, bad: &[BadRow]) -> FactsError {
        let place = |Fault { part, .. }: &Fault| {
            part.as_ref().map_or_else(String::new, |part| format!("{}, ", part.name()))
        };
        let first = bad.first().map(|bad| &bad.fault);
        FactsError::TooManyFaults {
            file: self.path.display().to_string(),
            kind: self.kind.as_str(),
            count: FAULTS_MAX,
            first: first.map(|fault| format!("{}line {fault}", place(fault))).unwrap_or_default(),
        }
    }

    /// The report on a file that has been read.
    pub(super) fn done(&self, name: &str, taken: u64, content: Digest, bad: Vec<BadRow>) -> Read {
        let mut report = self.report(name, taken);
        report.quarantined = bad.len() as u64;
        report.faults = bad.iter().map(|bad| bad.fault.clone()).collect();
        if self.options.strict && !bad.is_empty() {
            report.outcome = Outcome::Refused;
        }
        Read { report, content, bad }
    }

    /// The report on a file without bad rows.
    pub(super) fn report(&self, name: &str, taken: u64) -> Report {
        Report {
            file: self.path.display().to_string(),
            kind: self.kind,
            batch: self.options.batch.clone().unwrap_or_else(|| name.to_owned()),
            outcome: Outcome::Taken,
            taken,
            quarantined: 0,
            faults: Vec::new(),
            superseded: 0,
            unchanged: 0,
            notes: Vec::new(),
        }
    }

    /// The flags that changed what the file says.
    fn flags(&self) -> String {
        let flags = self.options.given.iter().map(|(name, text)| format!("{name}={text}"));
        flags.collect::<Vec<_>>().join(";")
    }

    /// What makes the file the same file.
    pub(super) fn identity(&self, content: Digest) -> Digest {
        crate::digest::Canonical::new("tantieme batch 1")
            .text(&content.to_string())
            .text(&self.flags())
            .digest()
    }

    /// Whether the file was taken before: then the report that says so.
    pub(super) async fn known(
        &self,
        tx: &mut Tx,
        content: Digest,
        report: &Report,
    ) -> Result<Option<Report>, FactsError> {
        let values = [self.kind.as_str().into(), content.to_string().into(), self.flags().into()];
        let Some(row) = tx.row(IMPORT_OF_CONTENT, &values).await? else { return Ok(None) };
        let name = row.text(1)?;
        // Facts may have been superseded since; `--replace` brings them back.
        let again = self.options.replace && !FileKind::BATCHES.contains(&self.kind);
        if again {
            return Ok(None);
        }
        let quarantined = u64::try_from(row.int(2)?).unwrap_or_default();
        let outcome = Outcome::Known(name);
        Ok(Some(Report { outcome, taken: 0, quarantined, faults: Vec::new(), ..report.clone() }))
    }

    /// Enters the file and its bad rows; returns the import's id. A batch's name is taken once.
    /// `--replace` ends what was imported under the name, and with it its bad rows.
    pub(super) async fn enter(
        &self,
        tx: &mut Tx,
        content: Digest,
        report: &Report,
        bad: Vec<BadRow>,
        repeated: u64,
    ) -> Result<i64, FactsError> {
        let kind = Value::from(self.kind.as_str());
        let now = crate::now();
        let named = tx.rows(IMPORT_NAMED, &[kind.clone(), report.batch.as_str().into()]).await?;
        let batch = FileKind::BATCHES.contains(&self.kind);
        if batch && !named.is_empty() && !self.options.replace {
            return Err(FactsError::NameTaken { name: report.batch.clone() });
        }
        for row in named.iter().filter(|_| self.options.replace) {
            tx.run(IMPORT_END, &[row.int(0)?.into(), "replaced".into(), now.as_str().into()])
                .await?;
        }
        let count = |count: u64| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
        let values = [
            kind,
            report.batch.as_str().into(),
            content.to_string().into(),
            self.flags().into(),
            now.into(),
            self.options.by.as_str().into(),
            count(report.taken + report.quarantined),
            count(report.taken),
            count(report.quarantined),
            count(repeated),
        ];
        let row = tx.row(IMPORT_ADD, &values).await?.ok_or_else(no_id)?;
        let id = row.int(0)?;
        let rows = bad.into_iter().map(|bad| {
            vec![
                id.into(),
                i64::try_from(bad.fault.line).unwrap_or(i64::MAX).into(),
                bad.fault.column.into(),
                bad.fault.reason.into(),
                bad.period.into(),
                bad.content.into(),
                bad.fault.part.map(|part| part.name()).into(),
            ]
        });
        tx.add(QUARANTINE, rows).await?;
        Ok(id)
    }
}

fn no_id() -> crate::store::StoreError {
    crate::store::StoreError::Sql(sqlx::Error::RowNotFound)
}
