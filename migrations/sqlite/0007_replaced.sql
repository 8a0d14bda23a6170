-- INSERT OR REPLACE and UPDATE OR REPLACE delete the row in their way without firing its DELETE
-- trigger. A table whose key is a text has a hidden number as well, which can be in the way too.
DROP TRIGGER closed_period_no_replace;
CREATE TRIGGER closed_period_no_replace BEFORE INSERT ON closed_period
WHEN EXISTS (SELECT 1 FROM closed_period WHERE period = NEW.period OR rowid = NEW.rowid) BEGIN
    SELECT RAISE(ABORT, 'rows of closed_period are only ever added: this one exists');
END;
DROP TRIGGER balance_snapshot_no_replace;
CREATE TRIGGER balance_snapshot_no_replace BEFORE INSERT ON balance_snapshot
WHEN EXISTS (
    SELECT 1 FROM balance_snapshot
    WHERE (account_id = NEW.account_id AND period = NEW.period) OR rowid = NEW.rowid
) BEGIN
    SELECT RAISE(ABORT, 'rows of balance_snapshot are only ever added: this one exists');
END;
DROP TRIGGER statement_no_replace;
CREATE TRIGGER statement_no_replace BEFORE INSERT ON statement
WHEN EXISTS (SELECT 1 FROM statement WHERE statement = NEW.statement OR rowid = NEW.rowid) BEGIN
    SELECT RAISE(ABORT, 'rows of statement are only ever added: this one exists');
END;

-- A month has one run that is not denied.
CREATE TRIGGER close_run_no_replace BEFORE INSERT ON close_run
WHEN EXISTS (
    SELECT 1 FROM close_run
    WHERE id = NEW.id OR (period = NEW.period AND state <> 'denied' AND NEW.state <> 'denied')
) BEGIN
    SELECT RAISE(ABORT, 'runs are kept, whatever became of them: this one exists');
END;
CREATE TRIGGER close_run_same BEFORE UPDATE ON close_run
WHEN NEW.id <> OLD.id OR NEW.period <> OLD.period BEGIN
    SELECT RAISE(ABORT, 'a run keeps its number and its month');
END;
