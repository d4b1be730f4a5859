"""`roomkeeper doctor`: what is wrong with an installation, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from roomkeeper.cli.checkups import CHECKS, Checkup, Patient, Verdict
from roomkeeper.cli.cluster import in_cluster

if TYPE_CHECKING:
    from roomkeeper.cli.cluster import Cluster

_COLOURS: Final = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "red",
    Verdict.SKIPPED: "cyan",
}


@click.command()
@click.option(
    "--service-account",
    default="roomkeeper/roomkeeper",
    show_default=True,
    metavar="NS/NAME",
    help="The operator's. It is in the operator's namespace.",
)
@click.option(
    "-n", "--namespace", "watched", multiple=True, help="A namespace that it works in. [default: all]"
)
@click.option("-o", "--output", default="text", show_default=True, type=click.Choice(["text", "json"]))
def doctor(service_account: str, watched: tuple[str, ...], output: str) -> None:
    """Look over an installation, and say what to do about what is wrong.

    It looks at the CRDs, at what the operator may do, whether one works, and at each LiveKit server: whether it answers,
    takes its key, has Egress, has been heard of by webhook, and has the right time. A webhook is signed and sent to its
    webhook.url. Then it tells of everything that is declared and not Ready, with what to do. What you may not look at is
    skipped.

    \b
    Exit codes:
      0  nothing failed
      1  something did
    """
    account, _, name = service_account.partition("/")
    if not name:
        raise click.UsageError(f"--service-account must be NAMESPACE/NAME, not {service_account!r}")

    async def look(cluster: Cluster) -> list[Checkup]:
        patient = Patient(cluster.kubernetes, (account, name), watched)
        return [checkup for check in CHECKS async for checkup in check(patient)]

    found = in_cluster("", look)
    if output == "json":
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            _tell(one)
    sys.exit(any(one.verdict is Verdict.FAILED for one in found))


def _tell(checkup: Checkup) -> None:
    verdict = click.style(f"{checkup.verdict:8}", fg=_COLOURS[checkup.verdict])
    click.echo(f"{verdict} {checkup.subject}: {checkup.found}")
    if checkup.advice:
        click.echo(f"         -> {checkup.advice}")
