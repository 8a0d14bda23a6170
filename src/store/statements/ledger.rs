//! Accounts, postings, transfers, balances and statements.

use crate::store::Table;

/// Accounts.
pub const ACCOUNT: Table = Table { name: "account", columns: &["id", "code", "currency"] };
/// Transfers.
pub const TRANSFER: Table = Table {
    name: "transfer",
    columns: &[
        "id",
        "posting_id",
        "period",
        "debit",
        "credit",
        "currency",
        "amount",
        "kind",
        "lines",
        "effective_on",
        "recorded_at",
    ],
};
/// Balances at a close.
pub const SNAPSHOT: Table =
    Table { name: "balance_snapshot", columns: &["period", "account_id", "balance"] };
/// Statements.
pub const STATEMENT: Table = Table {
    name: "statement",
    columns: &[
        "statement",
        "posting_id",
        "period",
        "payee",
        "payee_name",
        "currency",
        "opening",
        "total",
        "line_count",
        "first_row",
    ],
};

statements! {
    /// All accounts.
    ACCOUNTS = "SELECT id, code, currency FROM account ORDER BY id";
    /// The latest posting.
    POSTING_LAST = "SELECT id, hash FROM posting ORDER BY id DESC LIMIT 1";
    /// A new posting.
    POSTING_ADD = "INSERT INTO posting (id, period, run_id, version, previous, hash, result, transfers, posted_by, recorded_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /// All postings, oldest first.
    POSTINGS = "SELECT id, period, run_id, version, previous, hash, result, transfers, posted_by, recorded_at FROM posting ORDER BY id";
    /// The highest number of a transfer.
    TRANSFER_LAST = "SELECT COALESCE(MAX(id), 0) FROM transfer";
    /// The transfers of a posting: `$1` posting.
    TRANSFERS = "SELECT id, period, debit, credit, currency, amount, kind, lines, effective_on, recorded_at \
        FROM transfer WHERE posting_id = $1 ORDER BY id";
    /// Transfers that belong to no posting or whose sides are in another currency.
    TRANSFERS_STRAY = "SELECT transfer.id FROM transfer LEFT JOIN posting ON posting.id = posting_id \
        LEFT JOIN account AS debit ON debit.id = transfer.debit AND debit.currency = transfer.currency \
        LEFT JOIN account AS credit ON credit.id = transfer.credit AND credit.currency = transfer.currency \
        WHERE posting.id IS NULL OR debit.id IS NULL OR credit.id IS NULL ORDER BY transfer.id LIMIT 1";
    /// Closes a month: `$1` period, `$2` posting.
    PERIOD_CLOSE = "INSERT INTO closed_period (period, posting_id) VALUES ($1, $2)";
    /// Closed months.
    PERIODS_CLOSED = "SELECT period, posting_id FROM closed_period ORDER BY period";
    /// The balance of each account after the last closed month, by its number.
    BALANCES = "SELECT balance_snapshot.account_id, balance FROM balance_snapshot JOIN \
        (SELECT account_id, MAX(period) AS period FROM balance_snapshot \
        WHERE period IN (SELECT period FROM closed_period) GROUP BY account_id) AS latest \
        ON latest.account_id = balance_snapshot.account_id AND latest.period = balance_snapshot.period";
    /// The balance of one account after the last closed month: `$1` code, `$2` currency.
    BALANCE = "SELECT balance FROM balance_snapshot JOIN account ON account.id = account_id \
        JOIN closed_period ON closed_period.period = balance_snapshot.period \
        WHERE account.code = $1 AND account.currency = $2 ORDER BY balance_snapshot.period DESC LIMIT 1";
    /// What went from other accounts into `suspense:undistributed`, and, as less than 0, from there into others:
    /// the other account's code, the currency, the amount.
    UNDISTRIBUTED = "SELECT other.code, transfer.currency, transfer.amount FROM account AS held \
        JOIN transfer ON transfer.credit = held.id JOIN account AS other ON other.id = transfer.debit \
        WHERE held.code = 'suspense:undistributed' \
        UNION ALL SELECT other.code, transfer.currency, -transfer.amount FROM account AS held \
        JOIN transfer ON transfer.debit = held.id JOIN account AS other ON other.id = transfer.credit \
        WHERE held.code = 'suspense:undistributed' ORDER BY 1, 2, 3";
    /// The balances at a close: `$1` period.
    SNAPSHOTS = "SELECT account_id, balance FROM balance_snapshot WHERE period = $1";
    /// A month that has balances and no posting.
    SNAPSHOTS_STRAY = "SELECT period FROM balance_snapshot WHERE period NOT IN (SELECT period FROM posting) LIMIT 1";
    /// A statement of a month that was not posted, or of another posting.
    STATEMENTS_STRAY = "SELECT statement FROM statement LEFT JOIN posting ON posting.id = posting_id \
        AND posting.period = statement.period WHERE posting.id IS NULL ORDER BY statement LIMIT 1";
    /// The published statements of a month: `$1` period.
    STATEMENTS = "SELECT statement, payee, payee_name, currency, opening, total, line_count, first_row FROM statement \
        WHERE period = $1 ORDER BY payee, currency";
    /// The published statements of one payee in a month: `$1` period, `$2` payee.
    STATEMENTS_OF_PAYEE = "SELECT statement, payee, payee_name, currency, opening, total, line_count, first_row FROM statement \
        WHERE payee = $2 AND period = $1 ORDER BY currency";
}
