"""`python -m tests.failover --rounds 200`: replicas that are killed, stopped and cut off, on the local stack."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import uuid
from pathlib import Path

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.stack import ALL_PARTS
from tests.e2e.replicas import replicas
from tests.e2e.studio import Studio
from tests.failover.rounds import play

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 3


def main() -> int:
    """Play the rounds; what must not happen ends them."""
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how many; default: %(default)s")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(2**32), help="default: another each time"
    )
    parser.add_argument("--lease-seconds", type=int, default=LEASE_SECONDS, help="default: %(default)s")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="leave logs and everything else here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roomkeeper-failover-") as temporary:
        directory = arguments.keep or Path(temporary)
        with LocalStack(
            directory=directory, parts=(*ALL_PARTS, "s3", "egress_standin"), webhook_url=""
        ) as stack:
            stack.apply_crds(ROOT / "crds")
            studio = Studio(stack, f"t-{uuid.uuid4().hex[:8]}")
            stack.kubectl("create", "namespace", studio.namespace)
            studio.furnish()
            with replicas(stack, studio, directory, arguments.lease_seconds) as made:
                asyncio.run(
                    play(
                        studio, made, rounds=arguments.rounds, seed=arguments.seed, patiently=True, tell=_tell
                    )
                )
    return 0


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
