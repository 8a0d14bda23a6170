-- What a close adds by the million proves its references for all rows of a statement at once. A
-- foreign key would look up and lock each row's; but accounts and postings are never changed or
-- deleted, so there is nothing to lock. Unlike a foreign key, these triggers also bind a session
-- that plays a replica. For transfers, transfer_accounts does it since 0003.
ALTER TABLE transfer
    DROP CONSTRAINT transfer_posting_id_fkey,
    DROP CONSTRAINT transfer_debit_currency_fkey,
    DROP CONSTRAINT transfer_credit_currency_fkey;
ALTER TABLE statement DROP CONSTRAINT statement_posting_id_fkey;
ALTER TABLE balance_snapshot DROP CONSTRAINT balance_snapshot_account_id_fkey;

CREATE FUNCTION refuse_without_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM arriving LEFT JOIN posting ON posting.id = arriving.posting_id WHERE posting.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a statement needs its posting' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER statement_posting AFTER INSERT ON statement
    REFERENCING NEW TABLE AS arriving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_without_posting();
ALTER TABLE statement ENABLE ALWAYS TRIGGER statement_posting;

CREATE FUNCTION refuse_without_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM arriving LEFT JOIN account ON account.id = arriving.account_id WHERE account.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a balance needs its account' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER balance_snapshot_account AFTER INSERT ON balance_snapshot
    REFERENCING NEW TABLE AS arriving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_without_account();
ALTER TABLE balance_snapshot ENABLE ALWAYS TRIGGER balance_snapshot_account;
