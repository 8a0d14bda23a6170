-- What a published month shows rests on more than the ledger: on the steps of its run, which say
-- where its lines are, and on statements and balances, which a month gets while it is posted.
CREATE TRIGGER close_step_no_update BEFORE UPDATE ON close_step
WHEN NEW.rowid <> OLD.rowid OR EXISTS (
    SELECT 1 FROM close_run WHERE id IN (OLD.run_id, NEW.run_id) AND state IN ('published', 'denied')
) BEGIN
    SELECT RAISE(ABORT, 'the steps of a run that is published or denied never change');
END;
CREATE TRIGGER close_step_no_delete BEFORE DELETE ON close_step
WHEN EXISTS (SELECT 1 FROM close_run WHERE id = OLD.run_id AND state IN ('published', 'denied')) BEGIN
    SELECT RAISE(ABORT, 'the steps of a run that is published or denied never change');
END;
-- The hidden number of a step, given to a row of another run, would replace that step.
CREATE TRIGGER close_step_no_replace BEFORE INSERT ON close_step
WHEN EXISTS (SELECT 1 FROM close_run WHERE id = NEW.run_id AND state IN ('published', 'denied'))
  OR EXISTS (SELECT 1 FROM close_step WHERE rowid = NEW.rowid) BEGIN
    SELECT RAISE(ABORT, 'the steps of a run that is published or denied never change');
END;

CREATE UNIQUE INDEX posting_period ON posting (period);

CREATE TRIGGER statement_open_period BEFORE INSERT ON statement
WHEN EXISTS (SELECT 1 FROM closed_period WHERE period = NEW.period) BEGIN
    SELECT RAISE(ABORT, 'the period is closed: post into an open period');
END;
CREATE TRIGGER statement_posting BEFORE INSERT ON statement
WHEN NOT EXISTS (SELECT 1 FROM posting WHERE id = NEW.posting_id AND period = NEW.period)
  OR substr(NEW.statement, 1, 8) <> NEW.period || '/' BEGIN
    SELECT RAISE(ABORT, 'a statement needs the posting of its month');
END;
CREATE TRIGGER balance_snapshot_open_period BEFORE INSERT ON balance_snapshot
WHEN EXISTS (SELECT 1 FROM closed_period WHERE period = NEW.period) BEGIN
    SELECT RAISE(ABORT, 'the period is closed: post into an open period');
END;
CREATE TRIGGER balance_snapshot_posting BEFORE INSERT ON balance_snapshot
WHEN NOT EXISTS (SELECT 1 FROM posting WHERE period = NEW.period) BEGIN
    SELECT RAISE(ABORT, 'a balance needs its account and the posting of its month');
END;
