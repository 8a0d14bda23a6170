-- Who may read over HTTP.

-- A key of the API. Rows are only added; the one change that a row ever sees is its revocation.
CREATE TABLE api_key (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- what people call it by when they revoke it
    name        TEXT NOT NULL,        -- whose it is or what for, as the operator wrote it
    sha256      TEXT NOT NULL UNIQUE, -- of the key; the key itself is kept nowhere
    scope       TEXT NOT NULL,        -- payee: a party's statements; label: and lines that it pays or receives; all
    party       TEXT,                 -- that party; null for all
    made_at     TEXT NOT NULL,        -- UTC
    made_by     TEXT NOT NULL,        -- who made it
    revoked_at  TEXT,                 -- UTC; null while it opens
    revoked_by  TEXT,                 -- who revoked it
    CONSTRAINT api_key_scope CHECK (scope IN ('payee', 'label', 'all')),
    CONSTRAINT api_key_party CHECK ((scope = 'all') = (party IS NULL)),
    CONSTRAINT api_key_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
) STRICT;

CREATE TRIGGER api_key_no_delete BEFORE DELETE ON api_key BEGIN
    SELECT RAISE(ABORT, 'keys are kept: revoke one instead');
END;
CREATE TRIGGER api_key_only_revoked BEFORE UPDATE ON api_key
WHEN OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
  OR NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.sha256 <> OLD.sha256 OR NEW.scope <> OLD.scope
  OR NEW.party IS NOT OLD.party OR NEW.made_at <> OLD.made_at OR NEW.made_by <> OLD.made_by BEGIN
    SELECT RAISE(ABORT, 'a key changes once, when it is revoked');
END;
-- INSERT OR REPLACE deletes the row in its way without firing its DELETE trigger.
CREATE TRIGGER api_key_no_replace BEFORE INSERT ON api_key
WHEN EXISTS (SELECT 1 FROM api_key WHERE id = NEW.id OR sha256 = NEW.sha256) BEGIN
    SELECT RAISE(ABORT, 'keys are kept: this one exists');
END;

-- A month's statements in one currency, page by page.
CREATE INDEX statement_currency ON statement (currency, period, payee);
