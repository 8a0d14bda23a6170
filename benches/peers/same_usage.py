"""Whether two Parquet files of usage say the same: `same_usage.py OURS THEIRS`.

Ours knows listeners by a hash, so they are compared by what they played: each listener is the sum
of a hash of each of its rows, and both files must have the same listeners by that measure. Prints
nothing if all is the same, else what is not.
"""

import sys

import duckdb

RECORDINGS = """
    SELECT recording, count(*) AS rows, count(DISTINCT listener) AS listeners, sum(plays) AS plays
    FROM read_parquet('{}') GROUP BY recording"""
LISTENERS = """
    SELECT rows, plays, digest, count(*) AS listeners FROM (
        SELECT count(*) AS rows, sum(plays) AS plays, sum(hash(recording::VARCHAR, plays::BIGINT)::HUGEINT) AS digest
        FROM read_parquet('{}') GROUP BY listener
    ) GROUP BY rows, plays, digest"""
ORDER = """
    SELECT count(*) FROM (
        SELECT (listener, recording) AS key, lag((listener, recording)) OVER () AS before FROM read_parquet('{}')
    ) WHERE key <= before"""


def differing(ours, theirs):
    for what, sql in [("recordings", RECORDINGS), ("listeners", LISTENERS)]:
        one, other = sql.format(ours), sql.format(theirs)
        rows = duckdb.execute(f"(({one}) EXCEPT ({other})) UNION ALL (({other}) EXCEPT ({one}))").fetchall()
        if rows:
            yield f"{len(rows)} differences by {what}, such as {rows[0]}"
    [(unsorted,)] = duckdb.execute(ORDER.format(theirs)).fetchall()
    if unsorted:
        yield f"{unsorted} rows stand before the one they should follow"


print("; ".join(differing(*sys.argv[1:])), end="")
