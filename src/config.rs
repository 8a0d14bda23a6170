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

/// What the program may use of its machine. No result depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Threads that work at once.
    pub threads: usize,
    /// Bytes that rows on their way may fill before they go to the disk.
    pub memory: u64,
}

impl Default for Means {
    /// All cores and [`Memory::default`].
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, memory: Memory::default().bytes() }
    }
}

impl Means {
    /// How many files the process may open: from this call on as many as its system lets it. The
    /// usual limit is far lower, for programs that can only count to a thousand.
    pub fn files_max() -> usize {
        // A limit that cannot be asked for is none that we know of.
        let raised = rlimit::increase_nofile_limit(u64::MAX);
        raised.ok().and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
    }
}

/// An amount of memory: at least a mebibyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(u64);

/// A text that is not an amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give a whole number and MiB or GiB, such as 512MiB; at least 1MiB")]
pub struct MemoryError;

impl Default for Memory {
    /// One gibibyte.
    fn default() -> Self {
        Self(1 << 30)
    }
}

impl Memory {
    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl std::str::FromStr for Memory {
    type Err = MemoryError;

    fn from_str(text: &str) -> Result<Self, MemoryError> {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            _ => return Err(MemoryError),
        };
        let number: u64 = digits.parse().map_err(|_| MemoryError)?;
        number.checked_mul(unit).filter(|bytes| *bytes > 0).map(Self).ok_or(MemoryError)
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(1 << 30) {
            write!(f, "{}GiB", self.0 >> 30)
        } else {
            write!(f, "{}MiB", self.0 >> 20)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_written_with_its_unit() {
        assert_eq!("512MiB".parse(), Ok(Memory(512 << 20)));
        assert_eq!("2 g".parse(), Ok(Memory(2 << 30)));
        assert_eq!(Memory::default().to_string().parse(), Ok(Memory::default()));
        for wrong in ["", "512", "0MiB", "MiB", "-1GiB", "99999999999999GiB", "1.5GiB"] {
            assert_eq!(wrong.parse::<Memory>(), Err(MemoryError), "{wrong}");
        }
    }
}
