-- The close of a month: its runs, their steps, and who did what.

-- One attempt at a month. At most one of a period is neither denied nor done.
CREATE TABLE close_run (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    period      TEXT COLLATE "C" NOT NULL,
    manifest    TEXT COLLATE "C" NOT NULL,        -- SHA-256 of the manifest, which names every fact
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('frozen', 'allocated', 'settled', 'drafted', 'approved', 'published', 'denied')),
    failed      TEXT COLLATE "C",                 -- the step that failed last, and why; null after it succeeds
    prepared_by TEXT COLLATE "C" NOT NULL,
    result      TEXT COLLATE "C",                 -- the result hash, once drafted
    approved_by TEXT COLLATE "C",
    started_at  TEXT COLLATE "C" NOT NULL,
    last_import BIGINT NOT NULL,      -- the newest import that the freeze could see
    CONSTRAINT close_run_result CHECK (result IS NOT NULL OR state IN ('frozen', 'allocated', 'settled', 'denied')),
    CONSTRAINT close_run_approver CHECK (approved_by <> prepared_by)
);
CREATE UNIQUE INDEX close_run_live ON close_run (period) WHERE state <> 'denied';

-- What each step made: a file named by its content.
CREATE TABLE close_step (
    run_id      BIGINT NOT NULL REFERENCES close_run (id),
    step        TEXT COLLATE "C" NOT NULL,
    path        TEXT COLLATE "C" NOT NULL,        -- under the workspace's data folder
    sha256      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, step)
);

-- Who did what to a run, and when. Rows are only added.
CREATE TABLE close_event (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      BIGINT NOT NULL REFERENCES close_run (id),
    event       TEXT COLLATE "C" NOT NULL,
    by_whom     TEXT COLLATE "C" NOT NULL,
    at          TEXT COLLATE "C" NOT NULL,
    note        TEXT COLLATE "C" NOT NULL
);

-- Which sealed files a run was frozen with.
CREATE TABLE frozen_file (
    run_id         BIGINT NOT NULL REFERENCES close_run (id),
    sealed_file_id BIGINT NOT NULL REFERENCES sealed_file (id),
    PRIMARY KEY (run_id, sealed_file_id)
);

-- Which sealed files a published month has settled, so that a late sale is settled once.
CREATE TABLE settled_file (
    sealed_file_id BIGINT PRIMARY KEY REFERENCES sealed_file (id),
    run_id         BIGINT NOT NULL REFERENCES close_run (id)
);
