//! Settings of a workspace. Weakest first: this file, the environment, flags.

use std::path::{Path, PathBuf};

/// What `tantieme.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `postgres://…`; the embedded database if absent.
    pub database_url: Option<String>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not what settings look like.
    #[error("{path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// The file's name in a workspace.
    pub const FILE: &'static str = "tantieme.toml";

    /// Reads the settings.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|e| ConfigError::Invalid {
            path: path.to_owned(),
            reason: e.to_string().lines().collect::<Vec<_>>().join("; "),
        })
    }

    /// A new workspace's settings.
    pub fn template(database_url: Option<&str>) -> String {
        let url = match database_url {
            Some(url) => format!("database_url = {}\n", toml::Value::String(url.to_owned())),
            None => "# database_url = \"postgres://user@host/name\"\n".to_owned(),
        };
        format!(
            "# Settings of this workspace. DATABASE_URL and --database-url go before them.\n\
             # Without a URL the database is the file tantieme.db beside this one.\n{url}"
        )
    }
}
