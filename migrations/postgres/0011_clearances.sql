-- Suspicious listening that a person has looked at and let go: plays of a listener, by hash, or of
-- a recording, in one month, service, offer and territory.
CREATE TABLE clearance (
    import_id        BIGINT NOT NULL REFERENCES import (id),
    line             BIGINT NOT NULL,
    fact_key         TEXT COLLATE "C" NOT NULL,
    superseded_by    BIGINT,           -- the import that did; null while current, -1 while arriving
    period           TEXT COLLATE "C",
    service          TEXT COLLATE "C",
    offer            TEXT COLLATE "C",
    territory        TEXT COLLATE "C",
    listener         TEXT COLLATE "C",
    recording        TEXT COLLATE "C",
    reason           TEXT COLLATE "C",
    state            TEXT COLLATE "C"
);
CREATE UNIQUE INDEX clearance_current ON clearance (fact_key) WHERE superseded_by IS NULL;
CREATE INDEX clearance_arriving ON clearance (fact_key) WHERE superseded_by = -1;
