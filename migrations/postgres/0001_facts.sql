-- What was imported. Facts are never edited: a newer row with the same key supersedes
-- the older one, and both are kept.
-- Settings that belong to the data and not to a machine, such as the secret's fingerprint.
CREATE TABLE setting (
    name    TEXT COLLATE "C" PRIMARY KEY,
    content TEXT COLLATE "C" NOT NULL
);

-- One file that was taken.
CREATE TABLE import (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        TEXT COLLATE "C" NOT NULL,        -- parties, recordings, …, usage, sales
    name        TEXT COLLATE "C" NOT NULL,        -- the batch's name, by default the file's
    sha256      TEXT COLLATE "C" NOT NULL,        -- of the decompressed bytes
    flags       TEXT COLLATE "C" NOT NULL,        -- columns given by flag instead of in the file
    at          TEXT COLLATE "C" NOT NULL,        -- UTC
    by_whom     TEXT COLLATE "C" NOT NULL,
    row_count   BIGINT NOT NULL,      -- taken and quarantined
    taken       BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    repeated    BIGINT NOT NULL,      -- rows added to another row of the same key
    ended       TEXT COLLATE "C",                 -- replaced or withdrawn; null while it stands
    ended_at    TEXT COLLATE "C",
    CONSTRAINT import_counts CHECK (row_count = taken + quarantined)
);
CREATE UNIQUE INDEX import_batch ON import (kind, name) WHERE ended IS NULL AND kind IN ('usage', 'sales');
CREATE INDEX import_named ON import (kind, name);
CREATE INDEX import_content ON import (kind, sha256);

-- A row that was not taken, and why.
CREATE TABLE quarantine (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id   BIGINT NOT NULL REFERENCES import (id),
    line        BIGINT NOT NULL,      -- of the file, the header being line 1
    field       TEXT COLLATE "C" NOT NULL,        -- the column's name; empty where the whole row is at fault
    reason      TEXT COLLATE "C" NOT NULL,
    period      TEXT COLLATE "C",                 -- where it could be read
    content     TEXT COLLATE "C"                  -- the row as CSV, any listener hashed; null where that cannot be done
);
CREATE INDEX quarantine_import ON quarantine (import_id);

-- A sealed file of one period: usage of one pool key, or sales of one source.
CREATE TABLE sealed_file (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id   BIGINT NOT NULL REFERENCES import (id),
    kind        TEXT COLLATE "C" NOT NULL,        -- usage or sales
    period      TEXT COLLATE "C" NOT NULL,
    service     TEXT COLLATE "C" NOT NULL,        -- for sales: the source
    offer       TEXT COLLATE "C" NOT NULL,        -- for sales: empty
    territory   TEXT COLLATE "C" NOT NULL,        -- for sales: empty
    path        TEXT COLLATE "C" NOT NULL,        -- under the workspace's data folder
    sha256      TEXT COLLATE "C" NOT NULL,        -- of the file
    row_count   BIGINT NOT NULL,
    plays       BIGINT NOT NULL,      -- for sales: the quantity
    secret      TEXT COLLATE "C" NOT NULL,        -- fingerprint of the secret that hashed its listeners
    UNIQUE (import_id, kind, period, service, offer, territory)
);
CREATE INDEX sealed_file_period ON sealed_file (period, kind);

CREATE TABLE party (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    party            TEXT COLLATE "C",
    name             TEXT COLLATE "C",
    kind             TEXT COLLATE "C",
    country          TEXT COLLATE "C",
    currency         TEXT COLLATE "C",
    email            TEXT COLLATE "C",
    ipi              TEXT COLLATE "C",
    isni             TEXT COLLATE "C",
    label            TEXT COLLATE "C",
    pay_to           TEXT COLLATE "C"
);
CREATE UNIQUE INDEX party_current ON party (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX party_arriving ON party (fact_key) WHERE superseded_by = -1;

CREATE TABLE recording (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    recording        TEXT COLLATE "C",
    title            TEXT COLLATE "C",
    artist           TEXT COLLATE "C",
    label            TEXT COLLATE "C",
    isrc             TEXT COLLATE "C",
    duration_seconds TEXT COLLATE "C",
    content          TEXT COLLATE "C",
    ai               TEXT COLLATE "C",
    repertoire       TEXT COLLATE "C",
    release          TEXT COLLATE "C",
    work             TEXT COLLATE "C"
);
CREATE UNIQUE INDEX recording_current ON recording (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX recording_arriving ON recording (fact_key) WHERE superseded_by = -1;

CREATE TABLE claim (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    recording        TEXT COLLATE "C",
    work             TEXT COLLATE "C",
    "right"          TEXT COLLATE "C",
    party            TEXT COLLATE "C",
    share            TEXT COLLATE "C",
    territories      TEXT COLLATE "C",
    valid_from       TEXT COLLATE "C",
    valid_to         TEXT COLLATE "C"
);
CREATE UNIQUE INDEX claim_current ON claim (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX claim_arriving ON claim (fact_key) WHERE superseded_by = -1;

CREATE TABLE revenue (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    period           TEXT COLLATE "C",
    service          TEXT COLLATE "C",
    offer            TEXT COLLATE "C",
    territory        TEXT COLLATE "C",
    currency         TEXT COLLATE "C",
    net_revenue      TEXT COLLATE "C",
    gross_revenue    TEXT COLLATE "C",
    subscribers      TEXT COLLATE "C"
);
CREATE UNIQUE INDEX revenue_current ON revenue (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX revenue_arriving ON revenue (fact_key) WHERE superseded_by = -1;

CREATE TABLE fx (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    date             TEXT COLLATE "C",
    base             TEXT COLLATE "C",
    quote            TEXT COLLATE "C",
    rate             TEXT COLLATE "C",
    source           TEXT COLLATE "C"
);
CREATE UNIQUE INDEX fx_current ON fx (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX fx_arriving ON fx (fact_key) WHERE superseded_by = -1;

CREATE TABLE agreement (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    agreement        TEXT COLLATE "C",
    body             TEXT COLLATE "C"
);
CREATE UNIQUE INDEX agreement_current ON agreement (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX agreement_arriving ON agreement (fact_key) WHERE superseded_by = -1;
