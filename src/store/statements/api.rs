//! Keys of the API, and what it reads of published months.

statements! {
    /// A new key: name, SHA-256, scope, party, made at, made by. Returns its id.
    KEY_ADD = "INSERT INTO api_key (name, sha256, scope, party, made_at, made_by) \
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    /// All keys, oldest first.
    KEYS = "SELECT id, name, scope, party, made_at, made_by, revoked_at, revoked_by FROM api_key ORDER BY id";
    /// The key that opens, if it is not revoked: `$1` SHA-256.
    KEY_OF = "SELECT id, scope, party FROM api_key WHERE sha256 = $1 AND revoked_at IS NULL";
    /// Revokes a key: `$1` id, `$2` when, `$3` by whom.
    KEY_REVOKE = "UPDATE api_key SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL";
    /// A party that is known now: `$1` id.
    PARTY_KNOWN = "SELECT party FROM party WHERE fact_key = $1 AND superseded_by IS NULL";
    /// Nothing but an answer.
    ALIVE = "SELECT CAST(1 AS BIGINT)";
    /// Published months, and when: `$1` after this one, `$2` how many at most.
    MONTHS = "SELECT closed_period.period, posting.recorded_at FROM closed_period \
        JOIN posting ON posting.id = closed_period.posting_id WHERE closed_period.period > $1 \
        ORDER BY closed_period.period LIMIT $2";
    /// Whether a month is published: `$1` period.
    MONTH = "SELECT period FROM closed_period WHERE period = $1";
    /// A published month's file of statement lines, or nothing where its step is gone: `$1` period.
    MONTH_LINES = "SELECT close_step.path FROM closed_period JOIN posting ON posting.id = closed_period.posting_id \
        LEFT JOIN close_step ON close_step.run_id = posting.run_id AND close_step.step = 'draft' \
        WHERE closed_period.period = $1";
    /// The rows of a month in its file, the first and the one after the last: `$1` period. Statements
    /// stand in the file in the order of an index, so its two ends are enough: there are millions between.
    MONTH_ROWS = "SELECT (SELECT first_row FROM statement WHERE period = $1 ORDER BY payee, currency LIMIT 1), \
        (SELECT first_row + line_count FROM statement WHERE period = $1 ORDER BY payee DESC, currency DESC LIMIT 1)";
    /// The rows of one payee's statements in a month's file: `$1` period, `$2` payee.
    PAYEE_ROWS = "SELECT MIN(first_row), MAX(first_row + line_count) FROM statement WHERE period = $1 AND payee = $2";
    /// One statement: `$1` its name.
    FACE = "SELECT statement, payee, payee_name, currency, opening, total, line_count, first_row FROM statement \
        WHERE statement = $1";
    /// A page of a month's statements: `$1` period, `$2` and `$3` after this payee and currency, `$4` how many.
    FACES = "SELECT statement, payee, payee_name, currency, opening, total, line_count, first_row FROM statement \
        WHERE period = $1 AND (payee, currency) > ($2, $3) ORDER BY payee, currency LIMIT $4";
    /// The same in one currency: `$1` period, `$2` currency, `$3` after this payee, `$4` how many.
    FACES_OF_CURRENCY = "SELECT statement, payee, payee_name, currency, opening, total, line_count, first_row \
        FROM statement WHERE period = $1 AND currency = $2 AND payee > $3 ORDER BY payee LIMIT $4";
    /// The same of one payee: `$1` period, `$2` payee, `$3` after this currency, `$4` how many.
    FACES_OF_PAYEE = "SELECT statement, payee, payee_name, currency, opening, total, line_count, first_row \
        FROM statement WHERE payee = $2 AND period = $1 AND currency > $3 ORDER BY currency LIMIT $4";
}
