//! Runs of the close, their steps and their events.

use crate::store::Table;

/// Which sealed files a published run has settled.
pub const SETTLED_FILE: Table =
    Table { name: "settled_file", columns: &["sealed_file_id", "run_id"] };

statements! {
    /// The run of a month that is not denied: `$1` period.
    RUN_LIVE = "SELECT id, period, manifest, state, failed, prepared_by, result, approved_by, started_at \
        FROM close_run WHERE period = $1 AND state <> 'denied'";
    /// All runs, newest first.
    RUNS = "SELECT id, period, manifest, state, failed, prepared_by, result, approved_by, started_at \
        FROM close_run ORDER BY period DESC, id DESC";
    /// A new run; returns its id.
    RUN_ADD = "INSERT INTO close_run (period, manifest, state, prepared_by, started_at) VALUES ($1, $2, 'frozen', $3, $4) RETURNING id";
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
}
