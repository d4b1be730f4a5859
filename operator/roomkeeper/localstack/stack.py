"""The local stack as one object: parts that are started in order, and stopped in the reverse of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from .audit import AuditLog
from .egress import Egress, PulseAudio
from .egress_standin import EgressStandin
from .errors import LocalStackError
from .find import find
from .kubectl import Kubectl
from .kubernetes import ApiServer, ControllerManager, Etcd
from .livekit import LiveKit
from .parts import PROGRAMS
from .ports import Ports
from .processes import Guard, Part
from .redis import Redis
from .s3 import S3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

CLUSTER_PARTS: Final = ("etcd", "apiserver", "controller_manager")
ALL_PARTS: Final = (*CLUSTER_PARTS, "redis", "livekit")
"""What a stack has unless it is told: all that Rooms need."""
RECORDING_PARTS: Final = ("s3", "egress_standin", "egress")
"""What has to be asked for: LocalStack(parts=(*ALL_PARTS, "s3", "egress"))."""

# Those of one wave come up side by side; each wave needs the ones before.
_WAVES: Final = (
    ("etcd", "redis", "s3", "pulseaudio"),
    ("apiserver", "livekit"),
    ("controller_manager", "egress_standin", "egress"),
)
_NEEDS: Final = (
    ("apiserver", "etcd"),
    ("controller_manager", "apiserver"),
    ("egress_standin", "redis"),
    ("egress_standin", "livekit"),
    ("egress", "redis"),
    ("egress", "livekit"),
)
_RBAC: Final = Path(__file__).parent / "rbac.yaml"

AnyPart = TypeVar("AnyPart", bound=Part)


class LocalStack:
    """A Kubernetes control plane and a LiveKit server on 127.0.0.1, without containers.

    `with LocalStack(directory=...) as stack:` returns when all of it answers; at the end, and also when this process
    dies, every part is stopped. With a kubeconfig the cluster is the user's: none is started, none is stopped.
    """

    def __init__(
        self,
        *,
        directory: Path,
        parts: Iterable[str] | None = None,
        kubeconfig: Path | None = None,
        webhook_url: str | None = None,
        livekit_config: Mapping[str, Any] | None = None,
    ) -> None:
        """Nothing is started yet.

        webhook_url is where LiveKit reports; None means the operator on operator_port, "" nowhere. livekit_config is
        merged over the configuration that the stack writes.
        """
        self.directory = directory
        self._names = _chosen(parts, own_cluster=kubeconfig is None)
        self._given_kubeconfig = kubeconfig
        self._webhook_url = webhook_url
        self._livekit_config = livekit_config or {}
        self._parts: dict[str, Part] = {}
        self._guard: Guard | None = None
        self._ports = Ports()
        self.operator_port = self._ports.tcp()
        self._kubectl: Kubectl | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all parts and return when they answer; if one does not, stop those that were started."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._guard = Guard()
            self._create_parts(self._guard)
            for wave in _WAVES:
                self._start_wave([self._parts[name] for name in wave if name in self._parts])
        except BaseException:  # Ctrl-C while it starts must leave nothing behind either
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all parts, later waves first (an API server without its etcd lingers for a minute)."""
        try:
            for wave in reversed(_WAVES):
                for name in wave:
                    if name in self._parts:
                        self._parts[name].stop()
        finally:
            if self._guard is not None:
                self._guard.close()
                self._guard = None
            self._ports.close()

    def _create_parts(self, guard: Guard) -> None:
        """Finding a program may take a build, so this comes before any part is started."""
        shared: dict[str, Any] = {"directory": self.directory, "guard": guard, "ports": self._ports}
        if "etcd" in self._names:
            self._parts["etcd"] = Etcd(**shared)
        if "apiserver" in self._names:
            self._parts["apiserver"] = ApiServer(**shared, etcd=self.etcd)
        if "controller_manager" in self._names:
            self._parts["controller_manager"] = ControllerManager(**shared)
        if "redis" in self._names:
            self._parts["redis"] = Redis(**shared)
        if "livekit" in self._names:
            self._parts["livekit"] = LiveKit(
                **shared,
                redis_address=self.redis.address if "redis" in self._parts else None,
                webhook_url=self._operator_url() if self._webhook_url is None else self._webhook_url,
                config=self._livekit_config,
            )
        if "s3" in self._names:
            self._parts["s3"] = S3(**shared)
        if "egress_standin" in self._names:
            self._parts["egress_standin"] = EgressStandin(
                **shared,
                redis=self.redis,
                livekit=self.livekit,
                s3=self.s3 if "s3" in self._names else None,
            )
        if "egress" in self._names:
            pulseaudio = PulseAudio(directory=self.directory, guard=guard)
            self._parts["pulseaudio"] = pulseaudio
            self._parts["egress"] = Egress(
                **shared, redis=self.redis, livekit=self.livekit, pulseaudio=pulseaudio
            )
        if self._given_kubeconfig or "apiserver" in self._names:
            self._kubectl = Kubectl(
                program=find(PROGRAMS["kubectl"]),
                kubeconfig=self.kubeconfig,
                cache=self.directory / "kubectl-cache",
            )

    def _start_wave(self, parts: list[Part]) -> None:
        for part in parts:
            part.launch()
        for part in parts:
            part.wait_ready()
            if isinstance(part, ApiServer):
                part.write_kubeconfigs()
                self.kubectl("apply", "-f", str(_RBAC))

    def _operator_url(self) -> str:
        return f"http://127.0.0.1:{self.operator_port}/livekit/webhook"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, or the one that was given."""
        return self._given_kubeconfig or self.directory / "kubeconfig"

    @property
    def operator_kubeconfig(self) -> Path:
        """The operator's: no more rights than rbac.yaml gives. In a given cluster, the one that was given."""
        return self._given_kubeconfig or self.directory / "operator.kubeconfig"

    @property
    def kubectl(self) -> Kubectl:
        """Runs kubectl as administrator: stack.kubectl("get", "rooms", "-A")."""
        if self._kubectl is None:
            raise LocalStackError("This stack has no cluster: it was made without the part apiserver.")
        return self._kubectl

    @property
    def kubectl_path(self) -> Path:
        """The program itself."""
        return self.kubectl.program

    def apply_crds(self, path: Path) -> None:
        """Apply CustomResourceDefinitions, a file or a folder, and wait until they are served.

        The controller manager is started anew: its garbage collector looks for new kinds when it starts, later only
        every 30 s (41 s were seen until the Secrets of a deleted object were gone; 0.2 s with the restart).
        """
        self.kubectl("apply", "--server-side", "-f", str(path))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(path))
        if "controller_manager" in self._parts:
            self.controller_manager.restart()

    @property
    def audit(self) -> AuditLog:
        """The API server's audit log."""
        if self._given_kubeconfig:
            raise LocalStackError(
                "The audit log of a given cluster is not ours to read; run without a kubeconfig."
            )
        return AuditLog(self.apiserver.audit_log)

    @property
    def etcd(self) -> Etcd:
        """The API server's store."""
        return self._part("etcd", Etcd)

    @property
    def apiserver(self) -> ApiServer:
        """The Kubernetes API server."""
        return self._part("apiserver", ApiServer)

    @property
    def controller_manager(self) -> ControllerManager:
        """Garbage collector, namespace and service account controllers."""
        return self._part("controller_manager", ControllerManager)

    @property
    def redis(self) -> Redis:
        """LiveKit's store."""
        return self._part("redis", Redis)

    @property
    def livekit(self) -> LiveKit:
        """The LiveKit server."""
        return self._part("livekit", LiveKit)

    @property
    def s3(self) -> S3:
        """Where recordings go."""
        return self._part("s3", S3)

    @property
    def egress_standin(self) -> EgressStandin:
        """What LiveKit starts recordings with, in tests of what can go wrong."""
        return self._part("egress_standin", EgressStandin)

    @property
    def egress(self) -> Egress:
        """What LiveKit starts recordings with: the real one."""
        return self._part("egress", Egress)

    def _part(self, name: str, kind: type[AnyPart]) -> AnyPart:
        part = self._parts.get(name)
        if not isinstance(part, kind):
            raise LocalStackError(
                f"This stack has no {name}: it was made with the parts {', '.join(self._names) or 'none'}, "
                "or is not started.",
            )
        return part


def _chosen(parts: Iterable[str] | None, *, own_cluster: bool) -> tuple[str, ...]:
    names = tuple(ALL_PARTS if parts is None else parts)
    possible = (*ALL_PARTS, *RECORDING_PARTS)
    unknown = sorted(set(names) - set(possible))
    if unknown:
        raise ValueError(f"unknown parts {', '.join(unknown)}; there are {', '.join(possible)}")
    if not own_cluster:
        return tuple(name for name in names if name not in CLUSTER_PARTS)
    if {"egress", "egress_standin"} <= set(names):
        raise ValueError("a stack has one of egress and egress_standin: LiveKit would give work to either")
    for needs, needed in _NEEDS:
        if needs in names and needed not in names:
            raise ValueError(f"the part {needs} needs the part {needed}")
    return names
