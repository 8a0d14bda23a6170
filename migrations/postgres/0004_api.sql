-- Who may read over HTTP.

-- A key of the API. Rows are only added; the one change that a row ever sees is its revocation.
CREATE TABLE api_key (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- what people call it by when they revoke it
    name        TEXT COLLATE "C" NOT NULL,        -- whose it is or what for, as the operator wrote it
    sha256      TEXT COLLATE "C" NOT NULL UNIQUE, -- of the key; the key itself is kept nowhere
    scope       TEXT COLLATE "C" NOT NULL,        -- payee: a party's statements; label: and lines that it pays or receives; all
    party       TEXT COLLATE "C",                 -- that party; null for all
    made_at     TEXT COLLATE "C" NOT NULL,        -- UTC
    made_by     TEXT COLLATE "C" NOT NULL,        -- who made it
    revoked_at  TEXT COLLATE "C",                 -- UTC; null while it opens
    revoked_by  TEXT COLLATE "C",                 -- who revoked it
    CONSTRAINT api_key_scope CHECK (scope IN ('payee', 'label', 'all')),
    CONSTRAINT api_key_party CHECK ((scope = 'all') = (party IS NULL)),
    CONSTRAINT api_key_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);

CREATE FUNCTION keep_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'keys are kept: revoke one instead' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
       OR (NEW.id, NEW.name, NEW.sha256, NEW.scope, NEW.party, NEW.made_at, NEW.made_by)
       IS DISTINCT FROM (OLD.id, OLD.name, OLD.sha256, OLD.scope, OLD.party, OLD.made_at, OLD.made_by) THEN
        RAISE EXCEPTION 'a key changes once, when it is revoked' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER api_key_is_kept BEFORE UPDATE OR DELETE ON api_key
    FOR EACH ROW EXECUTE FUNCTION keep_keys();
CREATE TRIGGER api_key_never_emptied BEFORE TRUNCATE ON api_key
    FOR EACH STATEMENT EXECUTE FUNCTION keep_keys();
ALTER TABLE api_key ENABLE ALWAYS TRIGGER api_key_is_kept;
ALTER TABLE api_key ENABLE ALWAYS TRIGGER api_key_never_emptied;

-- A month's statements in one currency, page by page.
CREATE INDEX statement_currency ON statement (currency, period, payee);
