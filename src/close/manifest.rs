//! What a month was made of, by content.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::CloseError;
use super::arriving::Arriving;
use super::reopened::{Reopened, ReopenedMonth};
use crate::agreements::{Agreement, Agreements};
use crate::catalog::{Catalogue, CatalogueBuilder, Clearance, Fact, Revenue};
use crate::digest::Digest;
use crate::ident::{Name, Territory};
use crate::ingest::{Given, IngestError, OtherColumns, RowRead, Rows};
use crate::period::Period;
use crate::sales::{Sales, SalesError};
use crate::settle::{Facts, Imported, Opening, Pool, plan};
use crate::usage::UsageKey;

/// A file that a close depends on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FrozenFile {
    /// Where, under the data folder.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// How many rows.
    pub rows: i64,
}

/// A batch's sealed file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FrozenBatch {
    /// Its number in the database.
    pub id: i64,
    /// The batch.
    pub batch: String,
    /// The month of its plays or sales.
    pub period: Period,
    /// The service, or the source of sales.
    pub service: String,
    /// The offer; empty for sales.
    pub offer: String,
    /// The territory; empty for sales.
    pub territory: String,
    /// Control total: plays, or the quantity sold.
    pub plays: i64,
    /// The file.
    #[serde(flatten)]
    pub file: FrozenFile,
}

/// Everything that a close is a function of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// The version of this form and of the rules that read it.
    pub version: u32,
    /// The month.
    pub period: Period,
    /// How many quarantined rows were left out, by the preparer's word.
    pub accepted_quarantine: u64,
    /// The facts, by kind.
    pub facts: BTreeMap<String, FrozenFile>,
    /// Sealed usage.
    pub usage: Vec<FrozenBatch>,
    /// Sealed sales.
    pub sales: Vec<FrozenBatch>,
    /// What listeners paid, sealed.
    #[serde(default)]
    pub listeners: Vec<FrozenBatch>,
    /// Sealed usage of the eleven months before, where a rule counts twelve.
    #[serde(default)]
    pub earlier: Vec<FrozenBatch>,
    /// What earlier months left undistributed.
    #[serde(default)]
    pub openings: Vec<Opening>,
    /// The clearances that the last published month was frozen with.
    #[serde(default)]
    pub cleared_before: Option<FrozenFile>,
    /// Published months of which other plays are let go now than there.
    #[serde(default)]
    pub reopened: Vec<ReopenedMonth>,
}

impl Manifest {
    /// The version of the rules.
    pub const VERSION: u32 = 1;

    /// Writes the manifest into the month's folder; returns its hash.
    pub(super) fn write(&self, data: &Path) -> Result<Digest, CloseError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n"; // texts and numbers only
        let digest = Digest::of(text.as_bytes());
        let folder = data.join(Self::folder(self.period, digest));
        let mut arriving = Arriving::new(&folder)?;
        let io = |source| CloseError::Io { path: folder.clone(), source };
        arriving.write_all(text.as_bytes()).map_err(io)?;
        arriving.keep(&folder.join("manifest.json"))
    }

    /// Reads a manifest and proves that it is the one of that hash.
    pub(super) fn read(data: &Path, period: Period, digest: Digest) -> Result<Self, CloseError> {
        let path = data.join(Self::folder(period, digest)).join("manifest.json");
        let text =
            std::fs::read(&path).map_err(|source| CloseError::Io { path: path.clone(), source })?;
        let problem =
            |problem: &str| CloseError::File { path: path.clone(), problem: problem.to_owned() };
        if Digest::of(&text) != digest {
            return Err(problem("is not the manifest that was frozen"));
        }
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|e| problem(&format!("cannot be read: {e}")))?;
        if manifest.version != Self::VERSION {
            return Err(problem("was frozen under rules that this program does not know"));
        }
        Ok(manifest)
    }

    /// The folder of a run, under the data folder.
    pub(super) fn folder(period: Period, digest: Digest) -> PathBuf {
        PathBuf::from("closes").join(period.to_string()).join(digest.short())
    }

    /// Proves that every file is what was frozen.
    pub(super) fn check_files(&self, data: &Path) -> Result<(), CloseError> {
        let batches = self.batches().map(|batch| &batch.file);
        for file in self.facts.values().chain(batches).chain(&self.cleared_before) {
            check_file(data, &file.path, file.sha256)?;
        }
        Ok(())
    }

    /// Every sealed file.
    pub(super) fn batches(&self) -> impl Iterator<Item = &FrozenBatch> {
        [&self.usage, &self.sales, &self.listeners, &self.earlier].into_iter().flatten()
    }

    /// Reads the facts back.
    pub(super) fn load(&self, data: &Path) -> Result<Loaded, CloseError> {
        let Planned { pools, keys, clearances, agreements } = self.plan(data)?;
        let mut sales = Sales::default();
        for batch in &self.sales {
            sales.unseal(&data.join(&batch.file.path))?;
        }
        let (sales, rounding) = sales.rounded().map_err(SalesError::from)?;
        let catalogue = self.catalogue(data)?;
        let facts = Facts { period: self.period, catalogue, agreements, sales, rounding };
        let reopened = self.reopened(data, &clearances)?;
        Ok(Loaded { facts, pools, keys, clearances, reopened })
    }

    /// Parties, recordings and claims.
    pub(super) fn catalogue(&self, data: &Path) -> Result<Catalogue, CloseError> {
        let mut catalogue = CatalogueBuilder::default();
        self.each_fact(data, |party| catalogue.party(party))?;
        self.each_fact(data, |recording| catalogue.recording(recording))?;
        self.each_fact(data, |claim| catalogue.claim(claim))?;
        Ok(catalogue.finish())
    }

    /// Recordings alone: all that a rule asks about.
    pub(super) fn recordings(&self, data: &Path) -> Result<Catalogue, CloseError> {
        let mut catalogue = CatalogueBuilder::default();
        self.each_fact(data, |recording| catalogue.recording(recording))?;
        Ok(catalogue.finish())
    }

    /// The agreements.
    pub(super) fn agreed(&self, data: &Path) -> Result<Agreements, CloseError> {
        Ok(Agreements::new(self.agreements(data)?))
    }

    /// The month's pools and what they rest on, without the catalogue.
    pub(super) fn plan(&self, data: &Path) -> Result<Planned, CloseError> {
        let mut revenue: Vec<Revenue> = Vec::new();
        self.each_fact(data, |row| revenue.push(row))?;
        let agreements = self.agreed(data)?;
        let of = |batches: &[FrozenBatch]| -> Result<Vec<UsageKey>, CloseError> {
            batches.iter().map(|batch| batch.key(data)).collect()
        };
        let keys = Keys {
            usage: of(&self.usage)?,
            listeners: of(&self.listeners)?,
            earlier: of(&self.earlier)?,
        };
        // What a pool leaves undistributed now is settled first: it is carried by the next close.
        let open: BTreeSet<&String> = self.reopened.iter().flat_map(|month| &month.pools).collect();
        let mut openings = self.openings.clone();
        openings.retain(|opening| !open.contains(&opening.pool));
        let imported =
            Imported { usage: &keys.usage, listeners: &keys.listeners, openings: &openings };
        let pools = plan(&revenue, &agreements, &imported)
            .map_err(|refusals| CloseError::Refused { period: self.period, refusals })?;
        let mut clearances = Vec::new();
        self.each_fact(data, |clearance| clearances.push(clearance))?;
        Ok(Planned { pools, keys, clearances, agreements })
    }

    /// Pools of published months of which more or less was let go since they were last shared.
    pub(super) fn reopened(
        &self,
        data: &Path,
        now: &[Clearance],
    ) -> Result<Vec<Reopened>, CloseError> {
        let before = self.cleared_before(data)?;
        let months = self.reopened.iter();
        months.map(|month| Reopened::open(data, month, &before, now)).collect()
    }

    /// What was let go of plays when months were last shared.
    pub(super) fn cleared_before(&self, data: &Path) -> Result<Vec<Clearance>, CloseError> {
        let mut before = Vec::new();
        if let Some(file) = &self.cleared_before {
            each_fact_of(data, file, |clearance| before.push(clearance))?;
        }
        Ok(before)
    }

    /// Reads frozen facts of a kind one by one.
    pub(super) fn each_fact<F: Fact>(
        &self,
        data: &Path,
        mut take: impl FnMut(F),
    ) -> Result<(), CloseError> {
        self.facts.get(F::KIND).map_or(Ok(()), |file| each_fact_of(data, file, &mut take))
    }

    fn agreements(&self, data: &Path) -> Result<Vec<Agreement>, CloseError> {
        let Some(file) = self.facts.get("agreements") else { return Ok(Vec::new()) };
        let path = data.join(&file.path);
        let mut rows = Rows::open(
            &path,
            super::freeze::AGREEMENT_COLUMNS,
            Given::new(),
            OtherColumns::Refused,
        )?;
        let mut agreements = Vec::new();
        loop {
            match rows.next()? {
                RowRead::End => return Ok(agreements),
                RowRead::Fault(fault) => return Err(unreadable(&path, &fault).into()),
                RowRead::Row(row) => {
                    let agreement = Agreement::parse(row.text(1));
                    agreements.push(agreement.map_err(|e| unreadable(&path, &e))?);
                }
            }
        }
    }
}

/// Reads the frozen facts of a file one by one.
fn each_fact_of<F: Fact>(
    data: &Path,
    file: &FrozenFile,
    mut take: impl FnMut(F),
) -> Result<(), CloseError> {
    let path = data.join(&file.path);
    let mut rows = Rows::open(&path, F::COLUMNS, Given::new(), OtherColumns::Refused)?;
    loop {
        match rows.next()? {
            RowRead::End => return Ok(()),
            RowRead::Fault(fault) => return Err(unreadable(&path, &fault).into()),
            RowRead::Row(row) => take(F::read(row).map_err(|fault| unreadable(&path, &fault))?),
        }
    }
}

impl FrozenBatch {
    /// Whose plays or fees it holds.
    fn key(&self, data: &Path) -> Result<UsageKey, CloseError> {
        let damaged = || CloseError::File {
            path: data.join(&self.file.path),
            problem: "has a pool key that cannot be read".to_owned(),
        };
        Ok(UsageKey {
            period: self.period,
            service: Name::parse(&self.service).map_err(|_| damaged())?,
            offer: Name::parse(&self.offer).map_err(|_| damaged())?,
            territory: Territory::parse(&self.territory).map_err(|_| damaged())?,
        })
    }
}

/// The pool keys of a manifest's sealed files, in their order.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) usage: Vec<UsageKey>,
    pub(super) listeners: Vec<UsageKey>,
    pub(super) earlier: Vec<UsageKey>,
}

/// A month's pools.
pub(super) struct Planned {
    pub(super) pools: Vec<Pool>,
    pub(super) keys: Keys,
    pub(super) clearances: Vec<Clearance>,
    pub(super) agreements: Agreements,
}

/// Frozen facts, read back.
pub(super) struct Loaded {
    pub(super) facts: Facts,
    pub(super) pools: Vec<Pool>,
    pub(super) keys: Keys,
    pub(super) clearances: Vec<Clearance>,
    /// Pools of published months of which more or less was let go since.
    pub(super) reopened: Vec<Reopened>,
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> IngestError {
    IngestError::Header { path: path.to_owned(), reason: format!("not as it was frozen: {reason}") }
}

/// Proves that a file under the data folder has its hash.
pub(super) fn check_file(data: &Path, path: &str, sha256: Digest) -> Result<(), CloseError> {
    let path = data.join(path);
    match Digest::of_file(&path) {
        Ok(found) if found == sha256 => Ok(()),
        Ok(_) => Err(CloseError::File { path, problem: "is not the file that was sealed".into() }),
        Err(source) => Err(CloseError::Io { path, source }),
    }
}
