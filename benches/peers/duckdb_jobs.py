"""The jobs in DuckDB: the rules of docs/ALLOCATION.md as SQL.

HUGEINT has 128 bits and its overflow is an error, so nothing is rounded and nothing wraps. A row
of sealed usage stands for one listener and recording, and has at least one play.
"""

import os

import duckdb
import job

TWO_64 = "18446744073709551616::HUGEINT"
MILLION = 1_000_000

PRO_RATA = """
    played AS (
        SELECT recording, sum(plays)::HUGEINT AS plays, count(*) AS listeners, sum(plays)::HUGEINT AS weight
        FROM usage GROUP BY recording
    )"""

USER_CENTRIC = """
    listener AS (
        SELECT listener, sum(plays)::HUGEINT AS plays FROM usage GROUP BY listener
    ), rate AS (
        SELECT listener, ({amount} * {TWO_64}) // ((SELECT count(*) FROM listener) * plays) AS q
        FROM listener
    ), played AS (
        SELECT recording, sum(plays)::HUGEINT AS plays, count(*) AS listeners, sum(plays * q) AS v
        FROM usage JOIN rate USING (listener) GROUP BY recording
    ), owed AS (
        SELECT *, v // {TWO_64} AS whole, v % {TWO_64} AS rest FROM played
    )"""

# The factors of the rule named artist_centric: noise × 0, professional artists × 2, active plays
# × 2. No recording is excluded, so a cap looks at all of a listener's plays. What is the same for
# all plays of a recording is multiplied once, after they are added up; artists are numbered, since
# numbers group faster than names.
ARTIST_CENTRIC = """
    about AS (
        SELECT recording, dense_rank() OVER (ORDER BY artist)::INTEGER AS artist, content = 'noise' AS noise
        FROM read_csv('{recordings}', header = true, columns =
            {{'recording': 'VARCHAR', 'artist': 'VARCHAR', 'content': 'VARCHAR'}})
    ), followed AS (
        SELECT artist, listener, sum(plays) AS plays
        FROM usage JOIN about USING (recording) GROUP BY artist, listener
    ), professional AS (
        SELECT artist FROM followed GROUP BY artist HAVING sum(plays) >= 1000 AND count(*) >= 500
    ), factor AS (
        SELECT recording, CASE WHEN noise THEN 0 WHEN professional.artist IS NULL THEN 1 ELSE 2 END AS factor
        FROM about LEFT JOIN professional USING (artist)
    ), listener AS (
        SELECT listener, sum(plays)::HUGEINT AS plays FROM usage GROUP BY listener
    ), capped AS (
        SELECT listener, (least({cap}, plays) * {TWO_64}) // plays AS scale FROM listener
    ), counted AS (
        SELECT recording, sum(plays)::HUGEINT AS plays, count(*) AS listeners,
            sum(scale * (plays + least(active_plays, plays))) AS weight
        FROM usage JOIN capped USING (listener) GROUP BY recording
    ), played AS (
        SELECT recording, plays, listeners, weight * factor AS weight
        FROM counted JOIN factor USING (recording)
    )"""

# ⌊amount × weight / total⌋ and its remainder. The amount is taken in two halves, as a division on
# paper takes its digits: amount × weight itself has more than 127 bits where plays are capped.
BY_WEIGHT = """
    , total AS (
        SELECT sum(weight) AS total FROM played
    ), high AS (
        SELECT *, {high} * weight // total AS quotient, {high} * weight % total AS carried FROM played, total
    ), owed AS (
        SELECT *, quotient * {MILLION} + (carried * {MILLION} + {low} * weight) // total AS whole,
            (carried * {MILLION} + {low} * weight) % total AS rest
        FROM high
    )"""

# The micros left over go one each to the largest remainders, ties to the id that sorts first.
PAID = """
    , ranked AS (
        SELECT *, row_number() OVER (ORDER BY rest DESC, recording) AS place FROM owed
    ), paid AS (
        SELECT recording, plays, listeners, (whole
            + CASE WHEN place <= {amount} - (SELECT sum(whole) FROM owed) THEN 1 ELSE 0 END)::BIGINT AS micros
        FROM ranked
    )
    SELECT recording, plays, listeners,
        printf('%d.%06d', micros // {MILLION}, micros % {MILLION}) AS amount
    FROM paid ORDER BY recording"""

INGEST = """
    COPY (
        SELECT listener, recording, sum(plays)::UINTEGER AS plays
        FROM read_csv('{usage}', header = true, columns =
            {{'listener': 'VARCHAR', 'recording': 'VARCHAR', 'plays': 'UINTEGER'}})
        GROUP BY listener, recording ORDER BY listener, recording
    ) TO '{out}' (FORMAT parquet, COMPRESSION zstd)"""


def database(words):
    return duckdb.connect(config={
        "threads": words.threads,
        "preserve_insertion_order": False,
        "temp_directory": os.path.dirname(words.out),
    })


def allocate(rule):
    def share(words):
        high, low = divmod(words.amount, MILLION)
        sql = ("WITH" + rule + PAID).format(
            amount=f"{words.amount}::HUGEINT", high=f"{high}::HUGEINT", low=f"{low}::HUGEINT",
            TWO_64=TWO_64, MILLION=MILLION, recordings=words.recordings, cap=f"{words.cap or 0}::HUGEINT",
        )
        with database(words) as duck:
            duck.execute(f"CREATE VIEW usage AS SELECT * FROM read_parquet('{words.usage}')")
            duck.execute(f"COPY ({sql}) TO '{words.out}' (FORMAT csv, HEADER, DELIMITER ',')")
    return share


def ingest(words):
    with database(words) as duck:
        duck.execute(INGEST.format(usage=words.usage, out=words.out))


job.run({
    "pro_rata": allocate(PRO_RATA + BY_WEIGHT),
    "user_centric": allocate(USER_CENTRIC),
    "artist_centric": allocate(ARTIST_CENTRIC + BY_WEIGHT),
    "ingest": ingest,
}, f"DuckDB {duckdb.__version__}")
