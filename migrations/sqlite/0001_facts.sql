-- What was imported. Facts are never edited: a newer row with the same key supersedes
-- the older one, and both are kept.
-- Settings that belong to the data and not to a machine, such as the secret's fingerprint.
CREATE TABLE setting (
    name    TEXT PRIMARY KEY,
    content TEXT NOT NULL
) STRICT;

-- One file that was taken.
CREATE TABLE import (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL,        -- parties, recordings, …, usage, sales
    name        TEXT NOT NULL,        -- the batch's name, by default the file's
    sha256      TEXT NOT NULL,        -- of the decompressed bytes
    flags       TEXT NOT NULL,        -- columns given by flag instead of in the file
    at          TEXT NOT NULL,        -- UTC
    by_whom     TEXT NOT NULL,
    row_count   INTEGER NOT NULL,      -- taken and quarantined
    taken       INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    repeated    INTEGER NOT NULL,      -- rows added to another row of the same key
    ended       TEXT,                 -- replaced or withdrawn; null while it stands
    ended_at    TEXT,
    CONSTRAINT import_counts CHECK (row_count = taken + quarantined)
) STRICT;
CREATE UNIQUE INDEX import_batch ON import (kind, name) WHERE ended IS NULL AND kind IN ('usage', 'sales');
CREATE INDEX import_named ON import (kind, name);
CREATE INDEX import_content ON import (kind, sha256);

-- A row that was not taken, and why.
CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    import_id   INTEGER NOT NULL REFERENCES import (id),
    line        INTEGER NOT NULL,      -- of the file, the header being line 1
    field       TEXT NOT NULL,        -- the column's name; empty where the whole row is at fault
    reason      TEXT NOT NULL,
    period      TEXT,                 -- where it could be read
    content     TEXT                  -- the row as CSV, any listener hashed; null where that cannot be done
) STRICT;
CREATE INDEX quarantine_import ON quarantine (import_id);

-- A sealed file of one period: usage of one pool key, or sales of one source.
CREATE TABLE sealed_file (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    import_id   INTEGER NOT NULL REFERENCES import (id),
    kind        TEXT NOT NULL,        -- usage or sales
    period      TEXT NOT NULL,
    service     TEXT NOT NULL,        -- for sales: the source
    offer       TEXT NOT NULL,        -- for sales: empty
    territory   TEXT NOT NULL,        -- for sales: empty
    path        TEXT NOT NULL,        -- under the workspace's data folder
    sha256      TEXT NOT NULL,        -- of the file
    row_count   INTEGER NOT NULL,
    plays       INTEGER NOT NULL,      -- for sales: the quantity
    secret      TEXT NOT NULL,        -- fingerprint of the secret that hashed its listeners
    UNIQUE (import_id, kind, period, service, offer, territory)
) STRICT;
CREATE INDEX sealed_file_period ON sealed_file (period, kind);

CREATE TABLE party (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    party            TEXT,
    name             TEXT,
    kind             TEXT,
    country          TEXT,
    currency         TEXT,
    email            TEXT,
    ipi              TEXT,
    isni             TEXT,
    label            TEXT,
    pay_to           TEXT
) STRICT;
CREATE UNIQUE INDEX party_current ON party (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX party_arriving ON party (fact_key) WHERE superseded_by = -1;

CREATE TABLE recording (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    recording        TEXT,
    title            TEXT,
    artist           TEXT,
    label            TEXT,
    isrc             TEXT,
    duration_seconds TEXT,
    content          TEXT,
    ai               TEXT,
    repertoire       TEXT,
    release          TEXT,
    work             TEXT
) STRICT;
CREATE UNIQUE INDEX recording_current ON recording (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX recording_arriving ON recording (fact_key) WHERE superseded_by = -1;

CREATE TABLE claim (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    recording        TEXT,
    work             TEXT,
    "right"          TEXT,
    party            TEXT,
    share            TEXT,
    territories      TEXT,
    valid_from       TEXT,
    valid_to         TEXT
) STRICT;
CREATE UNIQUE INDEX claim_current ON claim (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX claim_arriving ON claim (fact_key) WHERE superseded_by = -1;

CREATE TABLE revenue (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    period           TEXT,
    service          TEXT,
    offer            TEXT,
    territory        TEXT,
    currency         TEXT,
    net_revenue      TEXT,
    gross_revenue    TEXT,
    subscribers      TEXT
) STRICT;
CREATE UNIQUE INDEX revenue_current ON revenue (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX revenue_arriving ON revenue (fact_key) WHERE superseded_by = -1;

CREATE TABLE fx (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    date             TEXT,
    base             TEXT,
    quote            TEXT,
    rate             TEXT,
    source           TEXT
) STRICT;
CREATE UNIQUE INDEX fx_current ON fx (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX fx_arriving ON fx (fact_key) WHERE superseded_by = -1;

CREATE TABLE agreement (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    agreement        TEXT,
    body             TEXT
) STRICT;
CREATE UNIQUE INDEX agreement_current ON agreement (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX agreement_arriving ON agreement (fact_key) WHERE superseded_by = -1;
