"""`python -m tests.bench 100 1000 10000`: what it costs to keep so many Rooms, on the local stack.

Nothing else should run on the machine meanwhile. What is printed at the end is Markdown; --write puts it into a document.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from roomkeeper.localstack import LocalStack
from tests.bench.fleet import NAMESPACE, Fleet
from tests.bench.report import Results, markdown, write_into
from tests.bench.sessions import Kube, LiveKit
from tests.bench.steps import STEPS, Bench
from tests.e2e.support import OperatorProcess

ROOT = Path(__file__).parents[2]
IDLE_SECONDS = 600.0
SHORT_IDLE_SECONDS = 60.0


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "rooms", type=int, nargs="+", help="how many Rooms; several numbers show how cost grows"
    )
    parser.add_argument(
        "--steps", default=",".join(STEPS), help="only these, separated by commas: %(default)s"
    )
    parser.add_argument(
        "--idle-seconds", type=float, default=IDLE_SECONDS, help="with the most Rooms; default: %(default)s"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="a document with marks for the results")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="leave logs and everything else here")
    arguments = parser.parse_args()
    steps = arguments.steps.split(",")
    if unknown := set(steps) - set(STEPS):
        parser.error(f"unknown steps {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    runs = []
    for rooms in arguments.rooms:
        is_largest = rooms == max(arguments.rooms)
        idle = arguments.idle_seconds if is_largest else min(arguments.idle_seconds, SHORT_IDLE_SECONDS)
        with tempfile.TemporaryDirectory(prefix="roomkeeper-bench-") as temporary:
            directory = arguments.keep / str(rooms) if arguments.keep else Path(temporary)
            runs.append(asyncio.run(run(rooms, steps, directory, idle_seconds=idle)))
    text = markdown(runs)
    print(text)
    if arguments.write:
        write_into(arguments.write, text)
    return 0


async def run(rooms: int, steps: list[str], directory: Path, *, idle_seconds: float) -> Results:
    """Take the steps with so many Rooms, on a stack of their own."""
    results = Results(rooms)
    with LocalStack(directory=directory) as stack:
        stack.apply_crds(ROOT / "crds")
        stack.kubectl("create", "namespace", NAMESPACE)
        operator = OperatorProcess(stack, directory / "operator.log")
        livekit = LiveKit(stack.livekit.http_url, stack.livekit.api_key, stack.livekit.api_secret)
        async with Kube(stack.kubeconfig) as kube, livekit:
            bench = Bench(stack, operator, Fleet(kube), livekit, results, idle_seconds)
            try:
                for name, step in STEPS.items():
                    if name in steps:
                        began = time.monotonic()
                        print(f"{rooms} Rooms: {name} …", file=sys.stderr, flush=True)
                        await step(bench)
                        print(f"{rooms} Rooms: {name} took {time.monotonic() - began:.0f} s", file=sys.stderr)
            finally:
                bench.operator.stop()
    return results


if __name__ == "__main__":
    sys.exit(main())
