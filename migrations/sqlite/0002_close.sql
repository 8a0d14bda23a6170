-- The close of a month: its runs, their steps, and who did what.

-- One attempt at a month. At most one of a period is neither denied nor done.
CREATE TABLE close_run (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    period      TEXT NOT NULL,
    manifest    TEXT NOT NULL,        -- SHA-256 of the manifest, which names every fact
    state       TEXT NOT NULL CHECK (state IN ('frozen', 'allocated', 'settled', 'drafted', 'approved', 'published', 'denied')),
    failed      TEXT,                 -- the step that failed last, and why; null after it succeeds
    prepared_by TEXT NOT NULL,
    result      TEXT,                 -- the result hash, once drafted
    approved_by TEXT,
    started_at  TEXT NOT NULL,
    last_import INTEGER NOT NULL,      -- the newest import that the freeze could see
    CONSTRAINT close_run_result CHECK (result IS NOT NULL OR state IN ('frozen', 'allocated', 'settled', 'denied')),
    CONSTRAINT close_run_approver CHECK (approved_by <> prepared_by)
) STRICT;
CREATE UNIQUE INDEX close_run_live ON close_run (period) WHERE state <> 'denied';

-- What each step made: a file named by its content.
CREATE TABLE close_step (
    run_id      INTEGER NOT NULL REFERENCES close_run (id),
    step        TEXT NOT NULL,
    path        TEXT NOT NULL,        -- under the workspace's data folder
    sha256      TEXT NOT NULL,
    PRIMARY KEY (run_id, step)
) STRICT;

-- Who did what to a run, and when. Rows are only added.
CREATE TABLE close_event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      INTEGER NOT NULL REFERENCES close_run (id),
    event       TEXT NOT NULL,
    by_whom     TEXT NOT NULL,
    at          TEXT NOT NULL,
    note        TEXT NOT NULL
) STRICT;

-- Which sealed files a run was frozen with.
CREATE TABLE frozen_file (
    run_id         INTEGER NOT NULL REFERENCES close_run (id),
    sealed_file_id INTEGER NOT NULL REFERENCES sealed_file (id),
    PRIMARY KEY (run_id, sealed_file_id)
) STRICT;

-- Which sealed files a published month has settled, so that a late sale is settled once.
CREATE TABLE settled_file (
    sealed_file_id INTEGER PRIMARY KEY REFERENCES sealed_file (id),
    run_id         INTEGER NOT NULL REFERENCES close_run (id)
) STRICT;
