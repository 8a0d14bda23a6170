"""The jobs in Polars: the rules of docs/ALLOCATION.md as expressions on its streaming engine.

Int128 is exact, but wraps silently, so what could be too large is looked at first. A row of sealed
usage stands for one listener and recording, and has at least one play.
"""

import os
import sys

# Read when Polars is imported, and not after.
os.environ["POLARS_MAX_THREADS"] = sys.argv[sys.argv.index("--threads") + 1]

import job
import polars as pl
from polars import Int128, col, lit

TWO_64 = lit(2**64, dtype=Int128)
MILLION = 1_000_000


def sealed(words, *columns):
    return pl.scan_parquet(words.usage).select("listener", "recording", "plays", *columns)


def wide(column):
    return col(column).cast(Int128)


def in_all(column):
    return wide(column).sum()


def pro_rata(words):
    played = sealed(words).group_by("recording").agg(in_all("plays"), pl.len().alias("listeners"))
    played = played.with_columns(weight="plays").collect(engine="streaming")
    pay(by_weight(played, words.amount), words)


def user_centric(words):
    usage = sealed(words)
    listeners = usage.group_by("listener").agg(in_all("plays")).collect(engine="streaming")
    amount, count = lit(words.amount, dtype=Int128), lit(len(listeners), dtype=Int128)
    rate = listeners.lazy().select("listener", q=amount * TWO_64 // (count * col("plays")))
    played = usage.join(rate, on="listener").group_by("recording").agg(
        in_all("plays"), pl.len().alias("listeners"), v=(wide("plays") * col("q")).sum(),
    ).collect(engine="streaming")
    pay(played.with_columns(whole=col("v") // TWO_64, rest=col("v") % TWO_64), words)


def artist_centric(words):
    """The factors of the rule of that name: noise × 0, professional artists × 2, active plays × 2.

    No recording is excluded, so a cap looks at all of a listener's plays. What is the same for all
    plays of a recording is multiplied once, after they are added up.
    """
    usage = sealed(words, "active_plays")
    category = usage.collect_schema()["recording"]
    about = pl.scan_csv(words.recordings).with_columns(
        # As the usage has it, so that the join compares numbers.
        col("recording").cast(category), col("artist").rank("dense").alias("artist"),
    )
    followed = usage.join(about.select("recording", "artist"), on="recording")
    followed = followed.group_by("artist", "listener").agg(in_all("plays"))
    reach = followed.group_by("artist").agg(in_all("plays"), pl.len().alias("listeners"))
    professional = reach.select("artist", professional=(col("plays") >= 1000) & (col("listeners") >= 500))
    factor = about.join(professional, on="artist", how="left").select(
        "recording",
        factor=pl.when(col("content") == "noise").then(0).when(col("professional")).then(2).otherwise(1).cast(Int128),
    ).collect(engine="streaming")

    cap = lit(words.cap, dtype=Int128)
    capped = usage.group_by("listener").agg(in_all("plays")).select(
        "listener", scale=pl.min_horizontal(cap, "plays") * TWO_64 // col("plays"),
    )
    counts = wide("plays") + pl.min_horizontal("active_plays", "plays").cast(Int128)
    played = usage.join(capped, on="listener").group_by("recording").agg(
        in_all("plays"), pl.len().alias("listeners"), weight=(col("scale") * counts).sum(),
    ).collect(engine="streaming")
    played = played.join(factor, on="recording").with_columns(weight=col("weight") * col("factor"))
    pay(by_weight(played, words.amount), words)


def by_weight(played, amount):
    """⌊amount × weight / total⌋ and its remainder.

    The amount is taken in two halves, as a division on paper takes its digits: amount × weight
    itself has more than 127 bits where plays are capped.
    """
    total = sum(played["weight"].to_list())
    high, low = divmod(amount, MILLION)
    if 2 * max(high, MILLION) * total >= 2**127:
        sys.exit("the weights have too many digits for Int128")
    total, high, low = (lit(number, dtype=Int128) for number in (total, high, low))
    product = high * col("weight")
    rest = product % total * MILLION + low * col("weight")
    return played.with_columns(whole=product // total * MILLION + rest // total, rest=rest % total)


def pay(owed, words):
    """The micros left over go one each to the largest remainders, ties to the id that sorts first."""
    left_over = words.amount - sum(owed["whole"].to_list())
    ranked = owed.with_columns(col("recording").cast(pl.String)).sort("rest", "recording", descending=[True, False])
    micros = col("whole").cast(pl.Int64) + (pl.int_range(pl.len()) < left_over)
    units, rest = (micros // MILLION).cast(pl.String), (micros % MILLION).cast(pl.String).str.zfill(6)
    amount = pl.concat_str(units, lit("."), rest)
    paid = ranked.select("recording", "plays", "listeners", amount=amount).sort("recording")
    paid.write_csv(words.out)


def ingest(words):
    schema = {"listener": pl.String, "recording": pl.String, "plays": pl.UInt32}
    plays = col("plays").cast(pl.UInt64).sum().cast(pl.UInt32)  # strict: too many is an error
    added = pl.scan_csv(words.usage, schema=schema).group_by("listener", "recording").agg(plays)
    added.sort("listener", "recording").sink_parquet(words.out, compression="zstd", engine="streaming")


job.run({
    "pro_rata": pro_rata,
    "user_centric": user_centric,
    "artist_centric": artist_centric,
    "ingest": ingest,
}, f"Polars {pl.__version__}")
