-- Which quarantined rows a run leaves out by its preparer's word. Once it is published, they are
-- settled as left out and hold no later month.
CREATE TABLE accepted_row (
    quarantine_id BIGINT NOT NULL REFERENCES quarantine (id),
    run_id        BIGINT NOT NULL REFERENCES close_run (id),
    PRIMARY KEY (quarantine_id, run_id)
);
