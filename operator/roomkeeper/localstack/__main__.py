"""`python -m roomkeeper.localstack build`: have every program ready before it is needed."""

from __future__ import annotations

import argparse
import os
import sys

from .egress import missing
from .errors import LocalStackError
from .find import find, find_redis
from .parts import PROGRAMS
from .s3 import find_moto
from .web_client import find_web_client


def main() -> int:
    """Find or build everything; 1 and the reason if something cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m roomkeeper.localstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="find or build every program of the local stack")
    parser.parse_args()
    try:
        lacking = missing()
        for program in PROGRAMS.values():
            if program.name == "egress" and lacking and os.environ.get("CI") != "true":
                print(f"egress: not built. {lacking}", flush=True)
            else:
                print(f"{program.name}: {find(program)}", flush=True)
        print(f"redis-server: {find_redis()}", flush=True)
        print(f"moto: {find_moto()}", flush=True)
        print(f"web client: {find_web_client()}", flush=True)
    except LocalStackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
