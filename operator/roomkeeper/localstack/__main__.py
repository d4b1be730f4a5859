"""`python -m roomkeeper.localstack build`: have every program ready before it is needed."""

from __future__ import annotations

import argparse
import sys

from .errors import LocalStackError
from .find import find, find_redis
from .parts import PROGRAMS
from .s3 import find_moto


def main() -> int:
    """Find or build everything; 1 and the reason if something cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m roomkeeper.localstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="find or build every program of the local stack")
    parser.parse_args()
    try:
        for program in PROGRAMS.values():
            print(f"{program.name}: {find(program)}", flush=True)
        print(f"redis-server: {find_redis()}", flush=True)
        print(f"moto: {find_moto()}", flush=True)
    except LocalStackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
