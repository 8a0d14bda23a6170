//! Usage and sales: files that are sealed as a whole.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::import::{FileKind, Import, Outcome, Read, Report, Step};
use super::{FactsError, Workspace, crash};
use crate::digest::{Canonical, Digest, Hashing};
use crate::period::Period;
use crate::sales::{self, Sales};
use crate::store::statements::facts::{BATCH_NAMED, IMPORT_END, SEALED_FILE};
use crate::store::statements::ledger::PERIODS_CLOSED;
use crate::store::{Tx, Value};
use crate::usage;

/// A sealed file on its way into the database.
pub(super) struct Sealed {
    pub(super) period: Period,
    pub(super) service: String,
    pub(super) offer: String,
    pub(super) territory: String,
    pub(super) file: String,
    pub(super) sha256: Digest,
    pub(super) rows: u64,
    pub(super) plays: i64,
}

pub(super) async fn import_usage(mut import: Import<'_>) -> Result<Report, FactsError> {
    let folder = Folder::new(import.workspace, "usage")?;
    let (mut read, gathered) = import.gather(folder.path())?;
    if read.report.outcome == Outcome::Refused {
        return Ok(read.report);
    }
    let threads = import.workspace.means.threads;
    let rows = read.report.taken;
    let progress = &mut import.progress;
    let (sealed, repeated) = usage::seal(&gathered, folder.path(), threads, &mut |sealed| {
        progress(Step::Sealing(sealed, rows));
    })?;
    drop(gathered);
    crash::point("sealed");
    let sealed = sealed.into_iter().map(|file| {
        Ok(Sealed {
            plays: i64::try_from(file.plays)
                .map_err(|_| FactsError::TooManyPlays(file.key.to_string()))?,
            period: file.key.period,
            service: file.key.service.to_string(),
            offer: file.key.offer.to_string(),
            territory: file.key.territory.to_string(),
            file: file.file,
            sha256: file.sha256,
            rows: file.rows,
        })
    });
    let sealed = sealed.collect::<Result<Vec<_>, FactsError>>()?;
    if repeated > 0 {
        let rows = if repeated == 1 { "1 row repeats" } else { &format!("{repeated} rows repeat") };
        read.report
            .notes
            .push(format!("{rows} a listener and a recording: their plays were added"));
    }
    finish(&import, read, repeated, folder, sealed).await
}

pub(super) async fn import_sales(mut import: Import<'_>) -> Result<Report, FactsError> {
    let mut items = Sales::default();
    let mut read = import.read(sales::COLUMNS, |row| {
        items.add(row).map_err(|fault| (fault, row.to_csv(|_, text| text.to_owned())))
    })?;
    if read.report.outcome == Outcome::Refused {
        return Ok(read.report);
    }
    let folder = Folder::new(import.workspace, "sales")?;
    let mut sealed = Vec::new();
    for ((period, source), part) in items.by_month_and_source() {
        let name = crate::ident::key_of([&period.to_string(), source.as_str()]);
        let file = format!("{}.csv", Digest::of(name.as_bytes()).short());
        let path = folder.path().join(&file);
        let write = |source| FactsError::Write { path: path.clone(), source };
        let mut out = Hashing::new(File::create(&path).map_err(write)?);
        part.seal(&mut out).map_err(write)?;
        out.flush().map_err(write)?;
        let (quantity, _) = part.totals()?;
        sealed.push(Sealed {
            period,
            service: source.to_string(),
            offer: String::new(),
            territory: String::new(),
            file,
            sha256: out.digest(),
            rows: part.len(),
            plays: quantity,
        });
    }
    let (quantity, amount) = items.totals()?;
    let (_, differences) = items.rounded()?;
    read.report.notes.push(format!("quantity {quantity}, amount {}", sales::exact(amount)));
    for difference in differences.iter().filter(|difference| !difference.amount.is_zero()) {
        let (amount, source) = (difference.amount, &difference.source);
        read.report.notes.push(format!(
            "rounding {source}'s items to the micro leaves {amount} {} in rounding",
            difference.currency
        ));
    }
    finish(&import, read, 0, folder, sealed).await
}

pub(super) async fn finish(
    import: &Import<'_>,
    read: Read,
    repeated: u64,
    folder: Folder,
    sealed: Vec<Sealed>,
) -> Result<Report, FactsError> {
    let Read { mut report, content, bad } = read;
    let mut tx = import.workspace.store.write().await?;
    if let Some(known) = import.known(&mut tx, content, &report).await? {
        return Ok(known);
    }
    report.notes.extend(late(&mut tx, &sealed).await?);
    let id = import.enter(&mut tx, content, &report, bad, repeated).await?;
    let secret = import.workspace.secret.fingerprint();
    let name = folder.name(import.identity(content), &sealed);
    let rows: Vec<Vec<Value>> = sealed
        .iter()
        .map(|file| {
            vec![
                id.into(),
                import.kind.as_str().into(),
                file.period.to_string().into(),
                file.service.as_str().into(),
                file.offer.as_str().into(),
                file.territory.as_str().into(),
                format!("{name}/{}", file.file).into(),
                file.sha256.to_string().into(),
                i64::try_from(file.rows).unwrap_or(i64::MAX).into(),
                file.plays.into(),
                secret.as_str().into(),
            ]
        })
        .collect();
    tx.add(SEALED_FILE, rows).await?;
    if !import.options.dry_run {
        // The files stand before the database speaks of them; a kill in between leaves files
        // that nothing refers to and that the next import of the same content replaces.
        folder.keep(&import.workspace.data().join(&name), &sealed)?;
        crash::point("kept");
        tx.commit().await?;
    }
    Ok(report)
}

/// A note for each published month that the files belong to.
async fn late(tx: &mut Tx, sealed: &[Sealed]) -> Result<Vec<String>, FactsError> {
    let mut notes = Vec::new();
    for row in tx.rows(PERIODS_CLOSED, &[]).await? {
        let closed = row.text(0)?;
        if sealed.iter().any(|file| file.period.to_string() == closed) {
            notes.push(format!("{closed} is published: what is of that month is listed as late"));
        }
    }
    Ok(notes)
}

/// Begins the names of folders that are being filled.
const ARRIVING: &str = ".arriving-";

/// A folder that is filled beside its place and moved there when all is in it.
pub(super) struct Folder {
    temporary: tempfile::TempDir,
    kind: &'static str,
    /// Held, with others, as long as anything is being filled.
    _filling: File,
}

impl Folder {
    pub(super) fn new(workspace: &Workspace, kind: &'static str) -> Result<Self, FactsError> {
        let parent = workspace.data().join(kind);
        let write = |source| FactsError::Write { path: parent.clone(), source };
        std::fs::create_dir_all(&parent).map_err(write)?;
        let filling = File::open(&parent).map_err(write)?;
        // Nobody else is filling a folder: what is there was left by an import that was killed.
        if filling.try_lock().is_ok() {
            sweep(&parent).map_err(write)?;
            filling.unlock().map_err(write)?;
        }
        filling.lock_shared().map_err(write)?;
        let temporary = tempfile::Builder::new().prefix(ARRIVING).tempdir_in(&parent);
        Ok(Self { temporary: temporary.map_err(write)?, kind, _filling: filling })
    }

    pub(super) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Its place under the data folder, named by what was imported and by what is in it: a
    /// published month keeps the very files that it settled.
    fn name(&self, identity: Digest, sealed: &[Sealed]) -> String {
        let record = Canonical::new("tantieme sealed folder 1").bytes(identity.bytes());
        let record = sealed.iter().fold(record, |record, file| record.bytes(file.sha256.bytes()));
        format!("{}/{}", self.kind, record.digest().short())
    }

    fn keep(self, place: &Path, sealed: &[Sealed]) -> Result<(), FactsError> {
        let write = |source| FactsError::Write { path: place.to_owned(), source };
        for entry in std::fs::read_dir(self.temporary.path()).map_err(write)? {
            sync(&entry.map_err(write)?.path()).map_err(write)?;
        }
        // What is there already holds the same bytes, by its name; a published month may rest on
        // it, so it is replaced only where it is damaged.
        if sealed.iter().all(|file| {
            Digest::of_file(&place.join(&file.file)).is_ok_and(|found| found == file.sha256)
        }) && place.exists()
        {
            return Ok(());
        }
        if place.exists() {
            std::fs::rename(place, free_beside(place)).map_err(write)?;
        }
        // The names in the folder, then the folder's own.
        sync(self.temporary.path()).map_err(write)?;
        std::fs::rename(self.temporary.keep(), place).map_err(write)?;
        sync(place.parent().unwrap_or(place)).map_err(write)
    }
}

/// Sees that a file or folder is on the disk.
fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Where a damaged folder is put aside. One that was put aside before stays.
fn free_beside(place: &Path) -> PathBuf {
    let first = place.with_extension("damaged");
    let more = (2_u32..).map(|number| place.with_extension(format!("damaged-{number}")));
    let mut names = std::iter::once(first.clone()).chain(more);
    names.find(|name| !name.exists()).unwrap_or(first)
}

/// Removes folders that never came to be filled.
fn sweep(parent: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ARRIVING) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

impl Workspace {
    /// Withdraws the batch of that name, of usage or of sales; returns which it was and its rows.
    /// Its files stay for the months that have settled them.
    pub async fn withdraw(
        &self,
        batch: &str,
        kind: Option<FileKind>,
    ) -> Result<(FileKind, u64), FactsError> {
        let mut tx = self.store.write().await?;
        let mut found = Vec::new();
        for row in tx.rows(BATCH_NAMED, &[batch.into()]).await? {
            let stored = row.text(1)?;
            let stands = FileKind::BATCHES.into_iter().find(|kind| kind.as_str() == stored);
            if let Some(stands) = stands.filter(|stands| kind.is_none_or(|kind| kind == *stands)) {
                found.push((stands, row.int(0)?, row.int(2)?));
            }
        }
        let (kind, id, rows) = match found.as_slice() {
            [only] => *only,
            [] => return Err(FactsError::NoBatch(batch.to_owned())),
            _ => return Err(FactsError::TwoBatches(batch.to_owned())),
        };
        tx.run(IMPORT_END, &[id.into(), "withdrawn".into(), crate::now().into()]).await?;
        tx.commit().await?;
        Ok((kind, u64::try_from(rows).unwrap_or_default()))
    }
}
