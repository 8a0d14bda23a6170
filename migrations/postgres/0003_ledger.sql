-- The ledger. One transfer is one debit and one credit of one amount in one currency, so it
-- balances by its shape. Rows are only ever added: the database itself refuses the rest.

CREATE TABLE account (
    id          BIGINT PRIMARY KEY,
    code        TEXT COLLATE "C" NOT NULL,        -- payable:PARTY, pool:KEY, suspense:REASON, …
    currency    TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    UNIQUE (code, currency),
    UNIQUE (id, currency)            -- what transfers refer to
);

-- All transfers that were posted together, chained to the posting before.
CREATE TABLE posting (
    id          BIGINT PRIMARY KEY,   -- 1, 2, 3, … without a gap
    period      TEXT COLLATE "C" NOT NULL,
    run_id      BIGINT NOT NULL UNIQUE REFERENCES close_run (id),
    version     BIGINT NOT NULL,      -- of the form that is hashed
    previous    BYTEA NOT NULL,        -- the hash of the posting before; 32 zero bytes for the first
    hash        BYTEA NOT NULL,        -- SHA-256 over this posting and its transfers
    result      TEXT COLLATE "C" NOT NULL,        -- the result hash that was approved
    transfers   BIGINT NOT NULL,
    posted_by   TEXT COLLATE "C" NOT NULL,
    recorded_at TEXT COLLATE "C" NOT NULL         -- UTC
);

CREATE TABLE transfer (
    id           BIGINT PRIMARY KEY,
    posting_id   BIGINT NOT NULL REFERENCES posting (id),
    period       TEXT COLLATE "C" NOT NULL,
    debit        BIGINT NOT NULL,
    credit       BIGINT NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    amount       BIGINT NOT NULL,     -- micros
    kind         TEXT COLLATE "C" NOT NULL,
    lines        BYTEA NOT NULL,       -- SHA-256 of the statement lines that it sums
    effective_on TEXT COLLATE "C" NOT NULL,
    recorded_at  TEXT COLLATE "C" NOT NULL,
    CONSTRAINT transfer_amount CHECK (amount > 0),
    CONSTRAINT transfer_sides CHECK (debit <> credit),
    CONSTRAINT transfer_period CHECK (period = substr(effective_on, 1, 7)),
    FOREIGN KEY (debit, currency) REFERENCES account (id, currency),
    FOREIGN KEY (credit, currency) REFERENCES account (id, currency)
);
CREATE INDEX transfer_debit ON transfer (debit);
CREATE INDEX transfer_credit ON transfer (credit);
CREATE INDEX transfer_posting ON transfer (posting_id);

-- A month in which nothing may be posted any more.
CREATE TABLE closed_period (
    period      TEXT COLLATE "C" PRIMARY KEY,
    posting_id  BIGINT NOT NULL REFERENCES posting (id)
);

-- What stood in each account that moved, when the month was closed: a check on the fold over
-- its transfers, never its replacement.
CREATE TABLE balance_snapshot (
    period      TEXT COLLATE "C" NOT NULL,
    account_id  BIGINT NOT NULL REFERENCES account (id),
    balance     BIGINT NOT NULL,      -- micros, credits less debits
    PRIMARY KEY (account_id, period)
);

-- A published statement's face; its lines are in the run's files.
CREATE TABLE statement (
    statement   TEXT COLLATE "C" PRIMARY KEY,     -- PERIOD/PAYEE/CURRENCY
    posting_id  BIGINT NOT NULL REFERENCES posting (id),
    period      TEXT COLLATE "C" NOT NULL,
    payee       TEXT COLLATE "C" NOT NULL,
    payee_name  TEXT COLLATE "C" NOT NULL,
    currency    TEXT COLLATE "C" NOT NULL,
    opening     BIGINT NOT NULL,      -- micros
    total       BIGINT NOT NULL,
    line_count  BIGINT NOT NULL,
    first_row   BIGINT NOT NULL       -- where its lines begin in the statements file
);
CREATE INDEX statement_payee ON statement (payee, period);
CREATE INDEX statement_period ON statement (period, payee);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added: post a correction instead', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER account_only_grows BEFORE UPDATE OR DELETE ON account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_never_emptied BEFORE TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE account ENABLE ALWAYS TRIGGER account_only_grows;
ALTER TABLE account ENABLE ALWAYS TRIGGER account_never_emptied;

CREATE TRIGGER posting_only_grows BEFORE UPDATE OR DELETE ON posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_never_emptied BEFORE TRUNCATE ON posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE posting ENABLE ALWAYS TRIGGER posting_only_grows;
ALTER TABLE posting ENABLE ALWAYS TRIGGER posting_never_emptied;

CREATE TRIGGER transfer_only_grows BEFORE UPDATE OR DELETE ON transfer
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_never_emptied BEFORE TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_only_grows;
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_never_emptied;

CREATE TRIGGER closed_period_only_grows BEFORE UPDATE OR DELETE ON closed_period
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER closed_period_never_emptied BEFORE TRUNCATE ON closed_period
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE closed_period ENABLE ALWAYS TRIGGER closed_period_only_grows;
ALTER TABLE closed_period ENABLE ALWAYS TRIGGER closed_period_never_emptied;

CREATE TRIGGER balance_snapshot_only_grows BEFORE UPDATE OR DELETE ON balance_snapshot
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER balance_snapshot_never_emptied BEFORE TRUNCATE ON balance_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE balance_snapshot ENABLE ALWAYS TRIGGER balance_snapshot_only_grows;
ALTER TABLE balance_snapshot ENABLE ALWAYS TRIGGER balance_snapshot_never_emptied;

CREATE TRIGGER statement_only_grows BEFORE UPDATE OR DELETE ON statement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER statement_never_emptied BEFORE TRUNCATE ON statement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE statement ENABLE ALWAYS TRIGGER statement_only_grows;
ALTER TABLE statement ENABLE ALWAYS TRIGGER statement_never_emptied;

CREATE TRIGGER close_event_only_grows BEFORE UPDATE OR DELETE ON close_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER close_event_never_emptied BEFORE TRUNCATE ON close_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE close_event ENABLE ALWAYS TRIGGER close_event_only_grows;
ALTER TABLE close_event ENABLE ALWAYS TRIGGER close_event_never_emptied;

CREATE TRIGGER settled_file_only_grows BEFORE UPDATE OR DELETE ON settled_file
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settled_file_never_emptied BEFORE TRUNCATE ON settled_file
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE settled_file ENABLE ALWAYS TRIGGER settled_file_only_grows;
ALTER TABLE settled_file ENABLE ALWAYS TRIGGER settled_file_never_emptied;

-- Closing a month and posting into it exclude each other by an advisory lock on the month, so
-- that neither can slip past the other's uncommitted rows.
CREATE FUNCTION lock_period(period TEXT, alone BOOLEAN) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number CONSTANT BIGINT := hashtextextended('tantieme period ' || period, 0);
BEGIN
    IF alone THEN
        PERFORM pg_advisory_xact_lock(number);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(number);
    END IF;
END $$;

CREATE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    month TEXT;
BEGIN
    FOR month IN SELECT DISTINCT period FROM arriving LOOP
        PERFORM lock_period(month, FALSE);
        IF EXISTS (SELECT 1 FROM closed_period WHERE closed_period.period = month) THEN
            RAISE EXCEPTION 'period % is closed: post into an open period', month
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER transfer_open_period AFTER INSERT ON transfer
    REFERENCING NEW TABLE AS arriving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_open_period;

CREATE FUNCTION close_period_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_period(NEW.period, TRUE);
    RETURN NEW;
END $$;
CREATE TRIGGER closed_period_alone BEFORE INSERT ON closed_period
    FOR EACH ROW EXECUTE FUNCTION close_period_alone();
ALTER TABLE closed_period ENABLE ALWAYS TRIGGER closed_period_alone;

-- Foreign keys and CHECKs do not bind a session that plays a replica; this does.
CREATE FUNCTION refuse_malformed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM arriving
        LEFT JOIN posting ON posting.id = arriving.posting_id
        LEFT JOIN account AS debit ON debit.id = arriving.debit AND debit.currency = arriving.currency
        LEFT JOIN account AS credit ON credit.id = arriving.credit AND credit.currency = arriving.currency
        WHERE posting.id IS NULL OR debit.id IS NULL OR credit.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a transfer needs its posting and two accounts in its own currency'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transfer_accounts AFTER INSERT ON transfer
    REFERENCING NEW TABLE AS arriving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_malformed();
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_accounts;

-- A published run is part of what was posted.
CREATE FUNCTION refuse_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state IN ('published', 'denied') THEN
        RAISE EXCEPTION 'runs are kept, and one that is published or denied never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER close_run_is_kept BEFORE UPDATE OR DELETE ON close_run
    FOR EACH ROW EXECUTE FUNCTION refuse_done();
ALTER TABLE close_run ENABLE ALWAYS TRIGGER close_run_is_kept;
