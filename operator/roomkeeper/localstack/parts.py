"""The registry of programs that the local stack is made of: what each is called, pinned to and built from.

Another part is one more entry here, and a class that starts it if it is a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODULES: Final = Path(__file__).parent / "modules"
"""One folder with go.mod and go.sum for each set of pins, and our own source if there is some; go.sum makes a build
reproducible and checked."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is found on the machine, or built from pinned Go modules."""

    name: str
    """The file name, on PATH and in the cache."""
    version: str
    """The pin, as the Go module proxy spells it; a copy that is found on the machine may have another."""
    module: str
    """The folder under MODULES that holds the pins."""
    package: str
    """The Go package of the program's main function; "." is our own, in the same folder as its pins."""
    build_minutes: int
    """What a first build takes on two cores, told to the person who waits for it."""
    ldflags: str = ""
    tags: str = ""
    """Go build tags, comma-separated."""
    kubernetes: bool = False
    """Whether KUBEBUILDER_ASSETS may hold it."""

    @property
    def ours(self) -> bool:
        """Whether its source is here."""
        return self.package == "."


def _kubernetes(name: str, build_minutes: int) -> Program:
    # Without the version stamped in, kubectl cannot parse what the API server says about itself.
    stamp = "-X k8s.io/component-base/version."
    return Program(
        name=name,
        version="v1.36.3",
        module="kube",
        package=f"k8s.io/kubernetes/cmd/{name}",
        build_minutes=build_minutes,
        ldflags=f"{stamp}gitVersion=v1.36.3 {stamp}gitMajor=1 {stamp}gitMinor=36",
        kubernetes=True,
    )


_ALL = (
    _kubernetes("kube-apiserver", 9),
    _kubernetes("kube-controller-manager", 2),
    _kubernetes("kubectl", 2),
    Program(
        name="etcd",
        version="v3.6.8",
        module="kube",
        package="go.etcd.io/etcd/server/v3",
        build_minutes=2,
        kubernetes=True,
    ),
    Program(
        name="livekit-server",
        version="v1.13.5",
        module="livekit",
        package="github.com/livekit/livekit-server/cmd/server",
        build_minutes=3,
    ),
    Program(
        name="egress-standin",
        version="v1.13.5",  # of the LiveKit whose protocol it speaks
        module="egress-standin",
        package=".",
        build_minutes=1,
    ),
    Program(
        name="egress",
        version="v1.8.6",
        module="egress",
        package=".",
        build_minutes=4,
    ),
    Program(
        name="helm",
        version="v4.3.1",
        module="helm",
        package="helm.sh/helm/v4/cmd/helm",
        build_minutes=2,
    ),
    Program(
        name="helm-unittest",  # renders with Helm 3, so a chart that passes both works with both
        version="v1.1.2",
        module="helm",
        package="github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
        build_minutes=1,
    ),
    Program(
        name="promtool",
        version="v0.315.1",  # as Go modules count: Prometheus 3.15.1, the newest that builds with Go 1.26.0
        module="prometheus",
        package="github.com/prometheus/prometheus/cmd/promtool",
        build_minutes=3,
        tags="remove_all_sd",  # service discovery, with the SDK of every cloud: rules need none of it
    ),
)

PROGRAMS: Final = {program.name: program for program in _ALL}
