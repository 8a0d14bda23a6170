-- Suspicious listening that a person has looked at and let go: plays of a listener, by hash, or of
-- a recording, in one month, service, offer and territory.
CREATE TABLE clearance (
    import_id        INTEGER NOT NULL REFERENCES import (id),
    line             INTEGER NOT NULL,
    fact_key         TEXT NOT NULL,
    superseded_by    INTEGER,           -- the import that did; null while current, -1 while arriving
    period           TEXT,
    service          TEXT,
    offer            TEXT,
    territory        TEXT,
    listener         TEXT,
    recording        TEXT,
    reason           TEXT,
    state            TEXT
) STRICT;
CREATE UNIQUE INDEX clearance_current ON clearance (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX clearance_arriving ON clearance (fact_key) WHERE superseded_by = -1;
