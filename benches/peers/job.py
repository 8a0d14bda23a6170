"""What a peer's job is told on its command line, and what it says when it is done."""

import argparse
import json
import time


def run(jobs, program):
    """Does the job that was asked for and prints its own time, without Python's start and imports."""
    words = argparse.ArgumentParser()
    words.add_argument("job", choices=jobs)
    words.add_argument("--usage", required=True, help="what is read")
    words.add_argument("--out", required=True, help="what is made")
    words.add_argument("--threads", type=int, required=True)
    words.add_argument("--amount", type=int, help="the pool, in micros")
    words.add_argument("--recordings", help="CSV: recording, artist, content")
    words.add_argument("--cap", type=int, help="a listener's plays count for so many at most")
    words = words.parse_args()
    began = time.perf_counter()
    jobs[words.job](words)
    print(json.dumps({"seconds": time.perf_counter() - began, "program": program}))
