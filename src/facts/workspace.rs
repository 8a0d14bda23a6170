//! A workspace: a folder, a database, a secret.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::FactsError;
use crate::config::{Config, Means};
use crate::store::statements::facts::{SETTING, SETTING_KEEP};
use crate::store::{Store, StoreError};
use crate::usage::{Secret, SecretError};

const SECRET_FILE: &str = "secret.key";
const DATABASE_FILE: &str = "tantieme.db";

/// An open workspace.
#[derive(Debug)]
pub struct Workspace {
    /// Its folder.
    pub dir: PathBuf,
    /// Its database.
    pub store: Store,
    /// What hashes its listeners.
    pub secret: Secret,
    /// What may be used of the machine.
    pub means: Means,
}

/// Why a workspace could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is none.
    #[error("{0} is not a workspace: run `tantieme init` there, or name one with -w DIR")]
    Missing(PathBuf),
    /// There is one already.
    #[error("{0} is a workspace already")]
    Exists(PathBuf),
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A file of it.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The secret is not one.
    #[error("{place}: {source}")]
    Secret {
        /// The file or variable.
        place: String,
        /// What is wrong with it.
        source: SecretError,
    },
    /// No randomness to be had.
    #[error("cannot draw a secret: {0}")]
    Random(getrandom::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database belongs to another secret.
    #[error(transparent)]
    Facts(#[from] Box<FactsError>),
}

impl Workspace {
    /// Makes a workspace. A database URL that is given here is kept in its settings.
    pub async fn init(
        dir: &Path,
        database_url: Option<&str>,
        secret: Option<&str>,
    ) -> Result<Self, WorkspaceError> {
        if dir.join(Config::FILE).exists() {
            return Err(WorkspaceError::Exists(dir.to_owned()));
        }
        let file = |path: PathBuf| move |source| WorkspaceError::File { path, source };
        std::fs::create_dir_all(dir.join("data")).map_err(file(dir.join("data")))?;
        let secret_path = dir.join(SECRET_FILE);
        if secret.is_none() && !secret_path.exists() {
            let secret = Secret::generate().map_err(WorkspaceError::Random)?;
            write_private(&secret_path, &format!("{}\n", secret.reveal()))
                .map_err(file(secret_path))?;
        }
        let settings = Config::template(database_url);
        // The settings come last: a folder without them is not a workspace yet.
        let store = open_store(dir, database_url, true).await?;
        let secret = read_secret(dir, secret)?;
        let means = Means::default();
        let workspace = Self { dir: dir.to_owned(), store, secret, means };
        workspace.check_secret().await.map_err(Box::new)?;
        write_private(&dir.join(Config::FILE), &settings).map_err(file(dir.join(Config::FILE)))?;
        Ok(workspace)
    }

    /// Opens a workspace. What is given here goes before its settings.
    pub async fn open(
        dir: &Path,
        database_url: Option<&str>,
        secret: Option<&str>,
    ) -> Result<Self, WorkspaceError> {
        if !dir.join(Config::FILE).exists() {
            return Err(WorkspaceError::Missing(dir.to_owned()));
        }
        let config = Config::read(&dir.join(Config::FILE))?;
        let url = database_url.map(str::to_owned).or(config.database_url);
        let store = open_store(dir, url.as_deref(), false).await?;
        let secret = read_secret(dir, secret)?;
        let means = Means::default();
        let workspace = Self { dir: dir.to_owned(), store, secret, means };
        workspace.check_secret().await.map_err(Box::new)?;
        Ok(workspace)
    }

    /// The folder of sealed files, frozen facts and closes. Paths in the database are under it.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// The first secret that a database meets is its secret.
    async fn check_secret(&self) -> Result<(), FactsError> {
        let ours = self.secret.fingerprint();
        let mut tx = self.store.read().await?;
        let mut known = tx.row(SETTING, &["secret".into()]).await?;
        drop(tx);
        if known.is_none() {
            let mut tx = self.store.write().await?;
            tx.run(SETTING_KEEP, &["secret".into(), ours.as_str().into()]).await?;
            known = tx.row(SETTING, &["secret".into()]).await?;
            tx.commit().await?;
        }
        let theirs = known.map(|row| row.text(0)).transpose()?.unwrap_or_default();
        if theirs == ours { Ok(()) } else { Err(FactsError::Secret { theirs, ours }) }
    }
}

async fn open_store(dir: &Path, url: Option<&str>, create: bool) -> Result<Store, StoreError> {
    match url {
        Some(url) => Store::open(url).await,
        None => Store::open_sqlite(&dir.join(DATABASE_FILE), create).await,
    }
}

fn read_secret(dir: &Path, given: Option<&str>) -> Result<Secret, WorkspaceError> {
    if let Some(text) = given {
        let place = "TANTIEME_SECRET".to_owned();
        return Secret::parse(text).map_err(|source| WorkspaceError::Secret { place, source });
    }
    let path = dir.join(SECRET_FILE);
    let text = std::fs::read_to_string(&path)
        .map_err(|source| WorkspaceError::File { path: path.clone(), source })?;
    let place = path.display().to_string();
    Secret::parse(&text).map_err(|source| WorkspaceError::Secret { place, source })
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
