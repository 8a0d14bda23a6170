//! Imports, the facts they brought, sealed files and quarantine.

use crate::store::Table;

/// The statements of one table of facts, which differ by the table's name alone.
#[derive(Debug)]
pub struct FactTable {
    /// Where new rows arrive.
    pub table: Table,
    /// Forgets arriving rows that say what is already current.
    pub drop_unchanged: &'static str,
    /// Marks what the arriving rows supersede. `$1` is the import.
    pub supersede: &'static str,
    /// Lets the arriving rows be current.
    pub arrive: &'static str,
    /// One current row, if there is any.
    pub any: &'static str,
    /// Keys that the arriving rows would change.
    pub conflicts: &'static str,
    /// The current rows, in the byte order of their keys.
    pub current: &'static str,
}

impl FactTable {
    pub(super) fn statements(&self) -> [&'static str; 6] {
        [self.drop_unchanged, self.supersede, self.arrive, self.any, self.conflicts, self.current]
    }
}

macro_rules! fact_table {
    ($name:literal, $first:literal $(, $column:literal)*) => {
        FactTable {
            table: Table {
                name: $name,
                columns: &["import_id", "line", "fact_key", "superseded_by", $first $(, $column)*],
            },
            drop_unchanged: concat!(
                "DELETE FROM ", $name, " WHERE superseded_by = -1 AND EXISTS (SELECT 1 FROM ", $name,
                " AS old WHERE old.superseded_by IS NULL AND old.fact_key = ", $name, ".fact_key",
                " AND COALESCE(old.", $first, ", '') = COALESCE(", $name, ".", $first, ", '')"
                $(, " AND COALESCE(old.", $column, ", '') = COALESCE(", $name, ".", $column, ", '')")*,
                ")"
            ),
            supersede: concat!(
                "UPDATE ", $name, " SET superseded_by = $1 WHERE superseded_by IS NULL AND fact_key IN (SELECT fact_key FROM ",
                $name, " WHERE superseded_by = -1)"
            ),
            arrive: concat!("UPDATE ", $name, " SET superseded_by = NULL WHERE superseded_by = -1"),
            any: concat!("SELECT line FROM ", $name, " WHERE superseded_by IS NULL LIMIT 1"),
            conflicts: concat!(
                "SELECT arriving.line, arriving.fact_key FROM ", $name, " AS arriving JOIN ", $name,
                " AS old ON old.fact_key = arriving.fact_key AND old.superseded_by IS NULL",
                " WHERE arriving.superseded_by = -1 ORDER BY arriving.line LIMIT 1"
            ),
            current: concat!(
                "SELECT ", $first $(, ", ", $column)*, " FROM ", $name,
                " WHERE superseded_by IS NULL ORDER BY fact_key"
            ),
        }
    };
}

/// Parties.
pub const PARTY: FactTable = fact_table!(
    "party", "party", "name", "kind", "country", "currency", "email", "ipi", "isni", "label",
    "pay_to"
);
/// Recordings.
pub const RECORDING: FactTable = fact_table!(
    "recording",
    "recording",
    "title",
    "artist",
    "label",
    "isrc",
    "duration_seconds",
    "content",
    "ai",
    "repertoire",
    "release",
    "work"
);
/// Claims.
pub const CLAIM: FactTable = fact_table!(
    "claim",
    "recording",
    "work",
    "\"right\"",
    "party",
    "share",
    "territories",
    "valid_from",
    "valid_to"
);
/// Revenue.
pub const REVENUE: FactTable = fact_table!(
    "revenue",
    "period",
    "service",
    "offer",
    "territory",
    "currency",
    "net_revenue",
    "gross_revenue",
    "subscribers"
);
/// Exchange rates.
pub const FX: FactTable = fact_table!("fx", "date", "base", "quote", "rate", "source");
/// Suspicious listening that was let go.
pub const CLEARANCE: FactTable = fact_table!(
    "clearance",
    "period",
    "service",
    "offer",
    "territory",
    "listener",
    "recording",
    "reason",
    "state"
);
/// Agreements.
pub const AGREEMENT: FactTable = fact_table!("agreement", "agreement", "body");

/// All tables of facts.
pub const TABLES: [&FactTable; 7] =
    [&PARTY, &RECORDING, &CLAIM, &REVENUE, &FX, &CLEARANCE, &AGREEMENT];

/// Where quarantined rows go.
pub const QUARANTINE: Table = Table {
    name: "quarantine",
    columns: &["import_id", "line", "field", "reason", "period", "content", "part"],
};

/// Where sealed files are listed.
pub const SEALED_FILE: Table = Table {
    name: "sealed_file",
    columns: &[
        "import_id",
        "kind",
        "period",
        "service",
        "offer",
        "territory",
        "path",
        "sha256",
        "row_count",
        "plays",
        "secret",
    ],
};

/// Whether a published month has settled the file of sales, or one of the same batch or the same
/// content for which it stands in.
macro_rules! settled {
    () => {
        "EXISTS (SELECT 1 FROM settled_file JOIN close_run ON close_run.id = settled_file.run_id \
        AND close_run.state = 'published' JOIN sealed_file AS done ON done.id = settled_file.sealed_file_id \
        JOIN import AS earlier ON earlier.id = done.import_id WHERE done.kind = 'sales' \
        AND done.period = sealed_file.period AND done.service = sealed_file.service \
        AND (earlier.sha256 = import.sha256 OR earlier.name = import.name))"
    };
}

statements! {
    /// A setting: `$1` name.
    SETTING = "SELECT content FROM setting WHERE name = $1";
    /// Keeps a setting that is not there yet: `$1` name, `$2` content.
    SETTING_KEEP = "INSERT INTO setting (name, content) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    /// A new import; returns its id.
    IMPORT_ADD = "INSERT INTO import (kind, name, sha256, flags, at, by_whom, row_count, taken, quarantined, repeated) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
    /// The standing import of a name: `$1` kind, `$2` name.
    IMPORT_NAMED = "SELECT id, sha256, flags, quarantined FROM import WHERE kind = $1 AND name = $2 AND ended IS NULL";
    /// The standing import of a content: `$1` kind, `$2` SHA-256, `$3` flags.
    IMPORT_OF_CONTENT = "SELECT id, name, quarantined FROM import \
        WHERE kind = $1 AND sha256 = $2 AND flags = $3 AND ended IS NULL ORDER BY id LIMIT 1";
    /// Ends an import: `$1` id, `$2` how, `$3` when.
    IMPORT_END = "UPDATE import SET ended = $2, ended_at = $3 WHERE id = $1 AND ended IS NULL";
    /// Standing batches of a name: `$1` name.
    BATCH_NAMED = "SELECT id, kind, row_count FROM import WHERE name = $1 AND kind IN ('usage', 'sales', 'listeners') AND ended IS NULL";
    /// Counts by kind.
    IMPORT_COUNTS = "SELECT kind, COUNT(*), CAST(SUM(taken) AS BIGINT), CAST(SUM(quarantined) AS BIGINT) \
        FROM import WHERE ended IS NULL GROUP BY kind ORDER BY kind";
    /// Quarantined rows of standing imports, in the order of files, parts and lines.
    QUARANTINE_LIST = "SELECT import.kind, import.name, quarantine.line, quarantine.field, quarantine.reason, \
        quarantine.content, import.sha256, quarantine.part FROM quarantine JOIN import ON import.id = quarantine.import_id \
        WHERE import.ended IS NULL ORDER BY import.kind, import.name, import.id, quarantine.part, quarantine.line, quarantine.id";
    /// Quarantined rows that could belong to a month: `$1` period. Rows without a readable month count, and late
    /// sales; what a published month left out does not. Returns the row, and 1 if it may be a sale of a batch that
    /// is settled, so that it settles under that name no more.
    QUARANTINE_OF_PERIOD = "SELECT quarantine.id, CAST(CASE WHEN import.kind = 'sales' AND EXISTS \
        (SELECT 1 FROM settled_file JOIN close_run ON close_run.id = settled_file.run_id AND close_run.state = 'published' \
        JOIN sealed_file AS done ON done.id = settled_file.sealed_file_id JOIN import AS earlier ON earlier.id = done.import_id \
        WHERE earlier.kind = 'sales' AND earlier.name = import.name \
        AND (quarantine.period IS NULL OR quarantine.period = done.period)) THEN 1 ELSE 0 END AS BIGINT) \
        FROM quarantine JOIN import ON import.id = quarantine.import_id \
        WHERE import.ended IS NULL AND import.kind IN ('usage', 'sales', 'listeners', 'revenue', 'clearances') \
        AND (quarantine.period IS NULL OR quarantine.period = $1 OR (import.kind IN ('sales', 'clearances') AND quarantine.period < $1 \
        AND EXISTS (SELECT 1 FROM closed_period WHERE closed_period.period >= quarantine.period))) \
        AND NOT EXISTS (SELECT 1 FROM accepted_row JOIN close_run ON close_run.id = accepted_row.run_id \
        WHERE accepted_row.quarantine_id = quarantine.id AND close_run.state = 'published') ORDER BY quarantine.id";
    /// Sealed files of a month from standing batches: `$1` period.
    SEALED_OF_PERIOD = "SELECT sealed_file.id, sealed_file.kind, sealed_file.period, service, offer, territory, path, \
        sealed_file.sha256, sealed_file.row_count, plays, secret, import.name FROM sealed_file \
        JOIN import ON import.id = sealed_file.import_id WHERE import.ended IS NULL AND sealed_file.period = $1 \
        ORDER BY sealed_file.kind, service, offer, territory, sealed_file.sha256";
    /// Sales of months that can no longer be closed and that none has settled: `$1` the month being closed.
    /// A batch that stands in for one that was settled is a correction, not a late sale.
    SEALED_LATE_SALES = concat!("SELECT sealed_file.id, sealed_file.kind, sealed_file.period, service, offer, territory, path, \
        sealed_file.sha256, sealed_file.row_count, plays, secret, import.name FROM sealed_file \
        JOIN import ON import.id = sealed_file.import_id WHERE import.ended IS NULL AND sealed_file.kind = 'sales' \
        AND sealed_file.period < $1 AND EXISTS (SELECT 1 FROM closed_period WHERE closed_period.period >= sealed_file.period) \
        AND NOT ", settled!(), " ORDER BY sealed_file.kind, service, offer, territory, sealed_file.sha256");
    /// Months that have sealed files or revenue, and how many rows.
    PERIODS = "SELECT period, CAST(SUM(usage_rows) AS BIGINT), CAST(SUM(plays) AS BIGINT), CAST(SUM(sales_rows) AS BIGINT), \
        CAST(SUM(revenue_rows) AS BIGINT) FROM ( \
        SELECT sealed_file.period AS period, CASE WHEN sealed_file.kind = 'usage' THEN sealed_file.row_count ELSE 0 END AS usage_rows, \
        CASE WHEN sealed_file.kind = 'usage' THEN plays ELSE 0 END AS plays, \
        CASE WHEN sealed_file.kind = 'sales' THEN sealed_file.row_count ELSE 0 END AS sales_rows, 0 AS revenue_rows \
        FROM sealed_file JOIN import ON import.id = sealed_file.import_id WHERE import.ended IS NULL \
        UNION ALL SELECT period, 0, 0, 0, 1 FROM revenue WHERE superseded_by IS NULL) AS parts GROUP BY period ORDER BY period";
    /// What changed after a run was frozen and may touch its month: `$1` period, `$2` the newest import that the
    /// freeze could see, `$3` 1 if the month is not published, since until then a later fact of any kind would
    /// change it, `$4` run. The last column says what becomes of it, where the month is published.
    LATE = concat!("SELECT kind, name, 'imported', at, CASE WHEN $3 = 1 THEN NULL ELSE 'stays out' END \
        FROM import WHERE ended IS NULL AND id > $2 AND (kind <> 'sales' OR $3 = 1) AND CASE \
        WHEN kind IN ('usage', 'sales', 'listeners') THEN EXISTS \
        (SELECT 1 FROM sealed_file WHERE sealed_file.import_id = import.id AND sealed_file.period = $1) \
        WHEN kind = 'revenue' THEN EXISTS (SELECT 1 FROM revenue WHERE revenue.import_id = import.id AND revenue.period = $1) \
        ELSE $3 = 1 END \
        UNION ALL SELECT DISTINCT import.kind, import.name, 'imported', import.at, \
        CASE WHEN own.period IS NOT NULL THEN 'settled in ' || own.period \
        WHEN ", settled!(), " THEN 'stands in for a settled batch and is not paid' ELSE 'settles in the next close' END \
        FROM import JOIN sealed_file ON sealed_file.import_id = import.id AND sealed_file.period = $1 \
        LEFT JOIN settled_file AS mark ON mark.sealed_file_id = sealed_file.id \
        LEFT JOIN close_run AS own ON own.id = mark.run_id AND own.state = 'published' \
        WHERE import.ended IS NULL AND import.id > $2 AND import.kind = 'sales' AND $3 <> 1 \
        UNION ALL SELECT kind, name, ended, ended_at, NULL FROM import WHERE ended IS NOT NULL AND EXISTS \
        (SELECT 1 FROM frozen_file JOIN sealed_file ON sealed_file.id = sealed_file_id \
        WHERE run_id = $4 AND sealed_file.import_id = import.id) ORDER BY 4, 2, 5");
    /// The newest import.
    IMPORT_LAST = "SELECT COALESCE(MAX(id), 0) FROM import";
}
