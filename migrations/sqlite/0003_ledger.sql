-- The ledger. One transfer is one debit and one credit of one amount in one currency, so it
-- balances by its shape. Rows are only ever added: the database itself refuses the rest.

CREATE TABLE account (
    id          INTEGER PRIMARY KEY,
    code        TEXT NOT NULL,        -- payable:PARTY, pool:KEY, suspense:REASON, …
    currency    TEXT NOT NULL CHECK (length(currency) = 3),
    UNIQUE (code, currency),
    UNIQUE (id, currency)            -- what transfers refer to
) STRICT;

-- All transfers that were posted together, chained to the posting before.
CREATE TABLE posting (
    id          INTEGER PRIMARY KEY,   -- 1, 2, 3, … without a gap
    period      TEXT NOT NULL,
    run_id      INTEGER NOT NULL UNIQUE REFERENCES close_run (id),
    version     INTEGER NOT NULL,      -- of the form that is hashed
    previous    BLOB NOT NULL,        -- the hash of the posting before; 32 zero bytes for the first
    hash        BLOB NOT NULL,        -- SHA-256 over this posting and its transfers
    result      TEXT NOT NULL,        -- the result hash that was approved
    transfers   INTEGER NOT NULL,
    posted_by   TEXT NOT NULL,
    recorded_at TEXT NOT NULL         -- UTC
) STRICT;

CREATE TABLE transfer (
    id           INTEGER PRIMARY KEY,
    posting_id   INTEGER NOT NULL REFERENCES posting (id),
    period       TEXT NOT NULL,
    debit        INTEGER NOT NULL,
    credit       INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    amount       INTEGER NOT NULL,     -- micros
    kind         TEXT NOT NULL,
    lines        BLOB NOT NULL,       -- SHA-256 of the statement lines that it sums
    effective_on TEXT NOT NULL,
    recorded_at  TEXT NOT NULL,
    CONSTRAINT transfer_amount CHECK (amount > 0),
    CONSTRAINT transfer_sides CHECK (debit <> credit),
    CONSTRAINT transfer_period CHECK (period = substr(effective_on, 1, 7)),
    FOREIGN KEY (debit, currency) REFERENCES account (id, currency),
    FOREIGN KEY (credit, currency) REFERENCES account (id, currency)
) STRICT;
CREATE INDEX transfer_debit ON transfer (debit);
CREATE INDEX transfer_credit ON transfer (credit);
CREATE INDEX transfer_posting ON transfer (posting_id);

-- A month in which nothing may be posted any more.
CREATE TABLE closed_period (
    period      TEXT PRIMARY KEY,
    posting_id  INTEGER NOT NULL REFERENCES posting (id)
) STRICT;

-- What stood in each account that moved, when the month was closed: a check on the fold over
-- its transfers, never its replacement.
CREATE TABLE balance_snapshot (
    period      TEXT NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES account (id),
    balance     INTEGER NOT NULL,      -- micros, credits less debits
    PRIMARY KEY (account_id, period)
) STRICT;

-- A published statement's face; its lines are in the run's files.
CREATE TABLE statement (
    statement   TEXT PRIMARY KEY,     -- PERIOD/PAYEE/CURRENCY
    posting_id  INTEGER NOT NULL REFERENCES posting (id),
    period      TEXT NOT NULL,
    payee       TEXT NOT NULL,
    payee_name  TEXT NOT NULL,
    currency    TEXT NOT NULL,
    opening     INTEGER NOT NULL,      -- micros
    total       INTEGER NOT NULL,
    line_count  INTEGER NOT NULL,
    first_row   INTEGER NOT NULL       -- where its lines begin in the statements file
) STRICT;
CREATE INDEX statement_payee ON statement (payee, period);
CREATE INDEX statement_period ON statement (period, payee);

CREATE TRIGGER account_no_update BEFORE UPDATE ON account BEGIN
    SELECT RAISE(ABORT, 'rows of account are only ever added: post a correction instead');
END;
CREATE TRIGGER account_no_delete BEFORE DELETE ON account BEGIN
    SELECT RAISE(ABORT, 'rows of account are only ever added: post a correction instead');
END;

CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting BEGIN
    SELECT RAISE(ABORT, 'rows of posting are only ever added: post a correction instead');
END;
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting BEGIN
    SELECT RAISE(ABORT, 'rows of posting are only ever added: post a correction instead');
END;

CREATE TRIGGER transfer_no_update BEFORE UPDATE ON transfer BEGIN
    SELECT RAISE(ABORT, 'rows of transfer are only ever added: post a correction instead');
END;
CREATE TRIGGER transfer_no_delete BEFORE DELETE ON transfer BEGIN
    SELECT RAISE(ABORT, 'rows of transfer are only ever added: post a correction instead');
END;

CREATE TRIGGER closed_period_no_update BEFORE UPDATE ON closed_period BEGIN
    SELECT RAISE(ABORT, 'rows of closed_period are only ever added: post a correction instead');
END;
CREATE TRIGGER closed_period_no_delete BEFORE DELETE ON closed_period BEGIN
    SELECT RAISE(ABORT, 'rows of closed_period are only ever added: post a correction instead');
END;

CREATE TRIGGER balance_snapshot_no_update BEFORE UPDATE ON balance_snapshot BEGIN
    SELECT RAISE(ABORT, 'rows of balance_snapshot are only ever added: post a correction instead');
END;
CREATE TRIGGER balance_snapshot_no_delete BEFORE DELETE ON balance_snapshot BEGIN
    SELECT RAISE(ABORT, 'rows of balance_snapshot are only ever added: post a correction instead');
END;

CREATE TRIGGER statement_no_update BEFORE UPDATE ON statement BEGIN
    SELECT RAISE(ABORT, 'rows of statement are only ever added: post a correction instead');
END;
CREATE TRIGGER statement_no_delete BEFORE DELETE ON statement BEGIN
    SELECT RAISE(ABORT, 'rows of statement are only ever added: post a correction instead');
END;

CREATE TRIGGER close_event_no_update BEFORE UPDATE ON close_event BEGIN
    SELECT RAISE(ABORT, 'rows of close_event are only ever added: post a correction instead');
END;
CREATE TRIGGER close_event_no_delete BEFORE DELETE ON close_event BEGIN
    SELECT RAISE(ABORT, 'rows of close_event are only ever added: post a correction instead');
END;

CREATE TRIGGER settled_file_no_update BEFORE UPDATE ON settled_file BEGIN
    SELECT RAISE(ABORT, 'rows of settled_file are only ever added: post a correction instead');
END;
CREATE TRIGGER settled_file_no_delete BEFORE DELETE ON settled_file BEGIN
    SELECT RAISE(ABORT, 'rows of settled_file are only ever added: post a correction instead');
END;

-- INSERT OR REPLACE deletes the row in its way without firing its DELETE trigger.
CREATE TRIGGER account_no_replace BEFORE INSERT ON account
WHEN EXISTS (SELECT 1 FROM account WHERE id = NEW.id OR (code = NEW.code AND currency = NEW.currency)) BEGIN
    SELECT RAISE(ABORT, 'rows of account are only ever added: this one exists');
END;
CREATE TRIGGER posting_no_replace BEFORE INSERT ON posting
WHEN EXISTS (SELECT 1 FROM posting WHERE id = NEW.id OR run_id = NEW.run_id) BEGIN
    SELECT RAISE(ABORT, 'rows of posting are only ever added: this one exists');
END;
CREATE TRIGGER transfer_no_replace BEFORE INSERT ON transfer
WHEN EXISTS (SELECT 1 FROM transfer WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'rows of transfer are only ever added: this one exists');
END;
CREATE TRIGGER closed_period_no_replace BEFORE INSERT ON closed_period
WHEN EXISTS (SELECT 1 FROM closed_period WHERE period = NEW.period) BEGIN
    SELECT RAISE(ABORT, 'rows of closed_period are only ever added: this one exists');
END;
CREATE TRIGGER balance_snapshot_no_replace BEFORE INSERT ON balance_snapshot
WHEN EXISTS (SELECT 1 FROM balance_snapshot WHERE account_id = NEW.account_id AND period = NEW.period) BEGIN
    SELECT RAISE(ABORT, 'rows of balance_snapshot are only ever added: this one exists');
END;
CREATE TRIGGER statement_no_replace BEFORE INSERT ON statement
WHEN EXISTS (SELECT 1 FROM statement WHERE statement = NEW.statement) BEGIN
    SELECT RAISE(ABORT, 'rows of statement are only ever added: this one exists');
END;
CREATE TRIGGER close_event_no_replace BEFORE INSERT ON close_event
WHEN EXISTS (SELECT 1 FROM close_event WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'rows of close_event are only ever added: this one exists');
END;
CREATE TRIGGER settled_file_no_replace BEFORE INSERT ON settled_file
WHEN EXISTS (SELECT 1 FROM settled_file WHERE sealed_file_id = NEW.sealed_file_id) BEGIN
    SELECT RAISE(ABORT, 'rows of settled_file are only ever added: this one exists');
END;

CREATE TRIGGER transfer_open_period BEFORE INSERT ON transfer
WHEN EXISTS (SELECT 1 FROM closed_period WHERE period IN (NEW.period, substr(NEW.effective_on, 1, 7))) BEGIN
    SELECT RAISE(ABORT, 'the period is closed: post into an open period');
END;

-- A connection can switch CHECKs and foreign keys off; it cannot switch off a trigger.
CREATE TRIGGER transfer_checks BEFORE INSERT ON transfer
WHEN NEW.amount <= 0 OR NEW.debit = NEW.credit OR NEW.period <> substr(NEW.effective_on, 1, 7) BEGIN
    SELECT RAISE(ABORT, 'a transfer moves an amount over 0 between two accounts in its own period');
END;
CREATE TRIGGER transfer_accounts BEFORE INSERT ON transfer
WHEN (SELECT COUNT(*) FROM account WHERE id IN (NEW.debit, NEW.credit) AND currency = NEW.currency) <> 2
  OR NOT EXISTS (SELECT 1 FROM posting WHERE id = NEW.posting_id) BEGIN
    SELECT RAISE(ABORT, 'a transfer needs its posting and two accounts in its own currency');
END;

-- A published run is part of what was posted.
CREATE TRIGGER close_run_no_update BEFORE UPDATE ON close_run
WHEN OLD.state = 'published' OR OLD.state = 'denied' BEGIN
    SELECT RAISE(ABORT, 'a run that is published or denied never changes');
END;
CREATE TRIGGER close_run_no_delete BEFORE DELETE ON close_run BEGIN
    SELECT RAISE(ABORT, 'runs are kept, whatever became of them');
END;
