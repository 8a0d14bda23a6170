"""What all programs that measure share: running a process, saying what it took, the page.

`scripts/measure` and `benches/peers/run` use it.
"""

# Nothing large is kept in the process that measures: a child's peak memory counts from its parent's.

import contextlib
import dataclasses
import datetime
import os
import pathlib
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "PERFORMANCE.md"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tantieme"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
TANTIEME = TARGET / "tantieme"
NAME = os.path.relpath(os.path.realpath(sys.argv[0]), ROOT)
GB = 1_000_000_000
UNIT = 1 if sys.platform == "darwin" else 1024  # of the memory that the system counts

MONTH = "2026-10"
AMOUNT = "1000000.00"
POOL_FLAGS = ["--period", MONTH, "--service", "cloud", "--offer", "svip", "--territory", "CN"]


class Missing(Exception):
    """Something that a measurement needs is not there."""


class Failed(Exception):
    """Something that was measured did not do what it should."""


@dataclasses.dataclass
class Ran:
    """One process: what it took and what it said."""

    seconds: float
    memory: int
    said: str


def say(text):
    print(f"{NAME}: {text}", file=sys.stderr, flush=True)


def run(command, out=None, env=None):
    """Runs a process to its end; its output goes to the file `out` or comes back as text."""
    command = [str(word) for word in command]
    with contextlib.ExitStack() as files:
        stdout = files.enter_context(open(out, "wb") if out else tempfile.TemporaryFile())
        stderr = files.enter_context(tempfile.TemporaryFile())
        began = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            env={**os.environ, **(env or {})}, cwd=ROOT,
        )
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            stderr.seek(0)
            reason = stderr.read()[-2000:].decode(errors="replace").strip()
            raise Failed(f"{' '.join(command)}: exit {child.returncode}: {reason}")
        if out is None:
            stdout.seek(0)
        said = "" if out else stdout.read().decode(errors="replace")
        return Ran(seconds, usage.ru_maxrss * UNIT, said)


def median(runs):
    return statistics.median(one.seconds for one in runs)


def most(runs):
    return max(one.memory for one in runs)


def seconds(value):
    return f"{value:.2f} s" if value < 20 else f"{value:.0f} s"


def count(number):
    return f"{number:,.0f}".replace(",", " ")


def million(number):
    return f"{number / 1e6:.2f} million"


def bare_scan():
    """The program that decodes what an allocation reads, and does nothing with it."""
    scan = TARGET / "examples" / "bare_scan"
    if not scan.exists():
        raise Missing("there is no examples/bare_scan to compare with")
    return scan


def scanned(ran):
    """The seconds of one bare scan: by our decoder, and by the Parquet library's."""
    return {decoder: float(time_) for decoder, time_ in re.findall(r"(\w+): (\d+\.\d+) s", ran.said)}


def generate(path, listeners, recordings, *more):
    """Makes a file of usage; returns its rows."""
    say(f"generating {path.name} of {count(listeners)} listeners")
    size = ["--listeners", listeners, "--recordings", recordings, "--seed", 7]
    # All cores: this is not measured.
    said = run([TANTIEME, "generate", *size, *more, path]).said
    return int(re.search(r"([\d,]+) rows", said).group(1).replace(",", ""))


def alone():
    """Nothing that is in use is measured: not a ledger, not its secret."""
    for name in [name for name in os.environ if name == "DATABASE_URL" or name.startswith("TANTIEME_")]:
        del os.environ[name]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is cleared away


def build(is_there):
    """Builds the release, unless it is said to be there."""
    if is_there:
        if not TANTIEME.exists():
            sys.exit(f"{NAME}: there is no {TANTIEME}")
        return
    say("cargo build --release")
    for what in [["--bin", "tantieme"], ["--examples"]]:
        done = subprocess.run(["cargo", "build", "--release", "--locked", *what], cwd=ROOT)
        if done.returncode != 0:
            sys.exit(f"{NAME}: the program does not build")


# ---------------------------------------------------------------------------------------------
# The page
# ---------------------------------------------------------------------------------------------


def machine(threads, sizes=""):
    """What it was measured on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    text = lambda *command: subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    commit = text("git", "rev-parse", "--short", "HEAD") + ("+" if text("git", "status", "--porcelain") else "")
    rustc = " ".join(text("rustc", "--version").split()[:2])
    today = datetime.date.today().isoformat()
    return (f"{today}, commit {commit}, {rustc}; {model}, {os.cpu_count()} cores, {memory:.0f} GiB,"
            f" {platform.system()} {platform.release()}, {threads} threads.{sizes}")


def mebibytes(memory):
    """A peak; a child's is never below this process's own."""
    if not memory:
        return ""
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    return ("under " if memory <= floor * 1.05 else "") + count(memory / 2**20) + " MiB"


def table(columns, rows):
    """A table in Markdown; a column whose name ends in a colon stands to the right."""
    rule = ["--:" if column.endswith(":") else "---" for column in columns]
    head = [" | ".join(column.rstrip(":") for column in columns), "|".join(rule)]
    lines = [f"| {head[0]} |", f"|{head[1]}|"] + ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def write(section, text):
    """Puts a section's table between its markers in the page."""
    begin, end = f"<!-- measured: {section} -->\n", f"<!-- end: {section} -->"
    page = PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise Failed(f"{PAGE} has no markers for {section}")
    PAGE.write_text(before + begin + text + end + after, encoding="utf-8")
