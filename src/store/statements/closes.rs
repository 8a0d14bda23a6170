//! Runs of the close, their steps and their events.

use crate::store::Table;

/// Which sealed files a run was frozen with.
pub const FROZEN_FILE: Table =
    Table { name: "frozen_file", columns: &["run_id", "sealed_file_id"] };
/// Which sealed files a published run has settled.
pub const SETTLED_FILE: Table =
    Table { name: "settled_file", columns: &["sealed_file_id", "run_id"] };
/// Which quarantined rows a run leaves out.
pub const ACCEPTED_ROW: Table =
    Table { name: "accepted_row", columns: &["quarantine_id", "run_id"] };

statements! {
    /// The run of a month that is not denied: `$1` period.
    RUN_LIVE = "SELECT id, period, manifest, state, failed, prepared_by, result, approved_by, started_at, last_import \
        FROM close_run WHERE period = $1 AND state <> 'denied'";
    /// All runs, newest first.
    RUNS = "SELECT id, period, manifest, state, failed, prepared_by, result, approved_by, started_at, last_import \
        FROM close_run ORDER BY period DESC, id DESC";
    /// A new run; returns its id.
    RUN_ADD = "INSERT INTO close_run (period, manifest, state, prepared_by, started_at, last_import) \
        VALUES ($1, $2, 'frozen', $3, $4, $5) RETURNING id";
    /// Moves a run on: `$1` id, `$2` from, `$3` to.
    RUN_MOVE = "UPDATE close_run SET state = $3, failed = NULL WHERE id = $1 AND state = $2";
    /// Drafts a run: `$1` id, `$2` result hash.
    RUN_DRAFT = "UPDATE close_run SET state = 'drafted', result = $2, failed = NULL WHERE id = $1 AND state = 'settled'";
    /// Approves a run: `$1` id, `$2` by whom, `$3` result hash.
    RUN_APPROVE = "UPDATE close_run SET state = 'approved', approved_by = $2 WHERE id = $1 AND state = 'drafted' AND result = $3";
    /// Notes where a run failed: `$1` id, `$2` step and reason.
    RUN_FAIL = "UPDATE close_run SET failed = $2 WHERE id = $1";
    /// What a step made; the same again is fine.
    STEP_ADD = "INSERT INTO close_step (run_id, step, path, sha256) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (run_id, step) DO UPDATE SET path = excluded.path, sha256 = excluded.sha256";
    /// The steps of a run: `$1` run.
    STEPS = "SELECT step, path, sha256 FROM close_step WHERE run_id = $1";
    /// Adds an event: run, event, by whom, at, note.
    EVENT_ADD = "INSERT INTO close_event (run_id, event, by_whom, at, note) VALUES ($1, $2, $3, $4, $5)";
    /// The events of a run, oldest first: `$1` run.
    EVENTS = "SELECT event, by_whom, at, note FROM close_event WHERE run_id = $1 ORDER BY id";
    /// A published month after this one: `$1` period.
    PUBLISHED_AFTER = "SELECT period FROM closed_period WHERE period > $1 ORDER BY period DESC LIMIT 1";
    /// Who has settled a sealed file, or what it stands in for: `$1` sealed file. Returns the batch and the month.
    SETTLED_BY = "SELECT import.name, close_run.period FROM sealed_file JOIN import ON import.id = sealed_file.import_id \
        JOIN sealed_file AS done ON done.kind = sealed_file.kind AND done.period = sealed_file.period \
        AND done.service = sealed_file.service AND done.offer = sealed_file.offer AND done.territory = sealed_file.territory \
        JOIN import AS earlier ON earlier.id = done.import_id JOIN settled_file ON settled_file.sealed_file_id = done.id \
        JOIN close_run ON close_run.id = settled_file.run_id AND close_run.state = 'published' WHERE sealed_file.id = $1 \
        AND (done.id = sealed_file.id OR earlier.name = import.name OR earlier.sha256 = import.sha256) LIMIT 1";
    /// The sealed files that a run has settled: `$1` run.
    SETTLED = "SELECT sealed_file_id FROM settled_file WHERE run_id = $1 ORDER BY sealed_file_id";
    /// A batch that is listed as settled, by no run that is published, and the month of its sales or plays.
    SETTLED_STRAY = "SELECT import.name, sealed_file.period FROM settled_file \
        LEFT JOIN close_run ON close_run.id = settled_file.run_id AND close_run.state = 'published' \
        LEFT JOIN sealed_file ON sealed_file.id = sealed_file_id LEFT JOIN import ON import.id = sealed_file.import_id \
        WHERE close_run.id IS NULL ORDER BY sealed_file_id LIMIT 1";
    /// An earlier month that can still be closed and holds a run, plays or money: `$1` period.
    UNPUBLISHED_BEFORE = "SELECT MIN(period) FROM ( \
        SELECT period FROM close_run WHERE state NOT IN ('denied', 'published') \
        UNION ALL SELECT sealed_file.period FROM sealed_file JOIN import ON import.id = sealed_file.import_id \
        WHERE import.ended IS NULL AND sealed_file.kind = 'usage' \
        UNION ALL SELECT period FROM revenue WHERE superseded_by IS NULL AND net_revenue <> '0.000000') AS open \
        WHERE period < $1 AND NOT EXISTS (SELECT 1 FROM closed_period WHERE closed_period.period >= open.period)";
}
