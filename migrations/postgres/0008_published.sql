-- What a published month shows rests on more than the ledger: on the steps of its run, which say
-- where its lines are, and on statements and balances, which a month gets while it is posted.
CREATE FUNCTION refuse_done_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    runs BIGINT[] := '{}';
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        runs := runs || OLD.run_id;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        runs := runs || NEW.run_id;
    END IF;
    IF TG_OP = 'TRUNCATE' OR EXISTS (
        SELECT 1 FROM close_run WHERE id = ANY (runs) AND state IN ('published', 'denied')
    ) THEN
        RAISE EXCEPTION 'the steps of a run that is published or denied never change'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER close_step_is_kept BEFORE INSERT OR UPDATE OR DELETE ON close_step
    FOR EACH ROW EXECUTE FUNCTION refuse_done_step();
CREATE TRIGGER close_step_never_emptied BEFORE TRUNCATE ON close_step
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_done_step();
ALTER TABLE close_step ENABLE ALWAYS TRIGGER close_step_is_kept;
ALTER TABLE close_step ENABLE ALWAYS TRIGGER close_step_never_emptied;

CREATE UNIQUE INDEX posting_period ON posting (period);

CREATE TRIGGER statement_open_period AFTER INSERT ON statement
    REFERENCING NEW TABLE AS arriving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();
ALTER TABLE statement ENABLE ALWAYS TRIGGER statement_open_period;
CREATE TRIGGER balance_snapshot_open_period AFTER INSERT ON balance_snapshot
    REFERENCING NEW TABLE AS arriving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();
ALTER TABLE balance_snapshot ENABLE ALWAYS TRIGGER balance_snapshot_open_period;

CREATE OR REPLACE FUNCTION refuse_without_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM arriving
        LEFT JOIN posting ON posting.id = arriving.posting_id AND posting.period = arriving.period
        WHERE posting.id IS NULL OR left(arriving.statement, 8) <> arriving.period || '/'
    ) THEN
        RAISE EXCEPTION 'a statement needs the posting of its month' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION refuse_without_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM arriving
        LEFT JOIN account ON account.id = arriving.account_id
        LEFT JOIN posting ON posting.period = arriving.period
        WHERE account.id IS NULL OR posting.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a balance needs its account and the posting of its month'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
