-- What SQLite refuses since this number: a run that takes another's number or month.
CREATE FUNCTION refuse_other_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a run keeps its number and its month' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER close_run_same BEFORE UPDATE ON close_run
    FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.period <> OLD.period) EXECUTE FUNCTION refuse_other_run();
ALTER TABLE close_run ENABLE ALWAYS TRIGGER close_run_same;
CREATE TRIGGER close_run_never_emptied BEFORE TRUNCATE ON close_run
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE close_run ENABLE ALWAYS TRIGGER close_run_never_emptied;
