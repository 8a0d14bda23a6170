//! A workspace of its own for each test, on either database.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// The embedded one.
    Sqlite,
    /// A server's; a database of its own, dropped with the test.
    Postgres,
}

/// Makes two tests of one: `sqlite` and `postgres`. The body gets a [`Desk`] whose workspace has
/// been made.
macro_rules! on_both {
    (fn $name:ident($desk:ident) $body:block) => {
        fn $name($desk: &$crate::support::Desk) $body

        mod $name {
            #[test]
            fn sqlite() {
                $crate::support::on($crate::support::Database::Sqlite, super::$name);
            }

            #[test]
            fn postgres() {
                $crate::support::on($crate::support::Database::Postgres, super::$name);
            }
        }
    };
}

/// Runs a test in a workspace on that database, or says that it is skipped.
pub fn on(database: Database, test: fn(&Desk)) {
    if let Some(desk) = Desk::new(database) {
        test(&desk);
    }
}

/// A workspace and the program.
pub struct Desk {
    folder: TempDir,
    database: Option<ServerDatabase>,
}

/// What the program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The output, for a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// What was said about a failure that must have exited with 1.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The program, with none of the tester's own settings.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tantieme"));
    for name in
        ["DATABASE_URL", "TANTIEME_WORKSPACE", "TANTIEME_SECRET", "TANTIEME_LOG", "TANTIEME_AS"]
    {
        command.env_remove(name);
    }
    // No result depends on them, so every run of the tests has others.
    let (threads, memory) = means();
    command.env("TANTIEME_THREADS", threads).env("TANTIEME_MEMORY", memory);
    command.stdin(Stdio::null());
    command
}

/// A random number of threads and amount of memory, the same for all of a run. A failing test
/// prints them; they can be given by the variables of the same names.
pub fn means() -> &'static (String, String) {
    static MEANS: std::sync::OnceLock<(String, String)> = std::sync::OnceLock::new();
    MEANS.get_or_init(|| {
        let mut bytes = [0; 2];
        getrandom::fill(&mut bytes).unwrap();
        let given = |name: &str, chosen: String| std::env::var(name).unwrap_or(chosen);
        let threads = given("TANTIEME_THREADS", (1 + bytes[0] % 6).to_string());
        (threads, given("TANTIEME_MEMORY", format!("{}MiB", 1_u32 << (bytes[1] % 10))))
    })
}

impl Desk {
    /// A fresh workspace; `None`, said aloud, where no server is to be had.
    pub fn new(database: Database) -> Option<Self> {
        let desk = Self::empty(database)?;
        desk.run(&["init"]).ok();
        Some(desk)
    }

    /// A folder without a workspace in it.
    pub fn empty(database: Database) -> Option<Self> {
        println!("TANTIEME_THREADS={} TANTIEME_MEMORY={}", means().0, means().1);
        let database = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(ServerDatabase::new()?),
        };
        Some(Self { folder: tempfile::tempdir().unwrap(), database })
    }

    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// The database's URL, for tests that speak to it themselves.
    pub fn url(&self) -> String {
        match &self.database {
            Some(database) => database.url.clone(),
            None => format!("sqlite:{}", self.dir().join("tantieme.db").display()),
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.database.is_some()
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = program();
        command.arg("-w").arg(self.dir()).args(words).current_dir(self.dir());
        if let Some(database) = &self.database {
            command.env("DATABASE_URL", &database.url);
        }
        command
    }

    pub fn run(&self, words: &[&str]) -> Said {
        self.command(words).output().unwrap().into()
    }

    /// Runs the program so that it kills itself at a named place of a close or an import.
    pub fn crash(&self, place: &str, words: &[&str]) {
        let output = self.command(words).env("TANTIEME_CRASH_AT", place).output().unwrap();
        assert!(!output.status.success(), "it did not crash at {place}");
        assert_eq!(
            output.status.code(),
            None,
            "it ended by itself: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Writes a file into the workspace's folder and returns its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Imports a text as a file of that kind.
    pub fn import(&self, kind: &str, name: &str, text: &str) -> Said {
        let path = self.file(name, text);
        self.run(&["import", kind, &path])
    }

    /// Imports all files of the demo month.
    pub fn import_demo(&self) {
        for (kind, path) in demo_files() {
            self.run(&["import", kind, path.to_str().unwrap()]).ok();
        }
    }

    /// Closes a month and returns its result hash.
    pub fn close(&self, period: &str) -> String {
        let said = self.run(&["close", period, "--as", "anna", "--format", "json"]).ok();
        json(&said)["result"].as_str().unwrap().to_owned()
    }

    /// Closes, approves and publishes a month; returns its result hash.
    pub fn publish(&self, period: &str) -> String {
        let result = self.close(period);
        self.run(&["approve", period, "--as", "ben", "--result", &result]).ok();
        self.run(&["publish", period, "--as", "ben"]).ok();
        result
    }

    /// Runs SQL as somebody with the database's own tools would; an error is its message.
    pub fn sql(&self, sql: &str) -> Result<(), String> {
        use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
        block_on(async {
            let done = if self.is_postgres() {
                let options: sqlx::postgres::PgConnectOptions = self.url().parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop)
            } else {
                let path = self.dir().join("tantieme.db");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = options.foreign_keys(false).connect().await.unwrap();
                connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop)
            };
            done.map_err(|e| e.to_string())
        })
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[track_caller]
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The files of the demo month and what they hold.
pub fn demo_files() -> Vec<(&'static str, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut files: Vec<(&str, PathBuf)> =
        ["parties", "recordings", "claims", "revenue", "fx", "usage", "sales"]
            .into_iter()
            .map(|kind| (kind, folder.join(format!("{kind}.csv"))))
            .collect();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(("agreements", path));
        }
    }
    files
}

/// The folder of real files, where there is one.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("TANTIEME_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED: TANTIEME_DATA names no folder of real files");
    }
    folder
}

struct ServerDatabase {
    server: String,
    name: String,
    url: String,
}

impl ServerDatabase {
    fn new() -> Option<Self> {
        let Ok(server) = std::env::var("TANTIEME_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "under CI, TANTIEME_TEST_POSTGRES must name a server"
            );
            println!("SKIPPED: TANTIEME_TEST_POSTGRES names no server");
            return None;
        };
        let mut name = "tantieme_test_".to_owned();
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).unwrap();
        for byte in bytes {
            write!(name, "{byte:02x}").unwrap();
        }
        let (before, _) = server.rsplit_once('/').unwrap();
        let url = format!("{before}/{name}");
        Self::on_server(&server, format!("CREATE DATABASE {name}"));
        Some(Self { server, name, url })
    }

    fn on_server(server: &str, sql: String) {
        use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
        block_on(async {
            let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
        });
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Self::on_server(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}
