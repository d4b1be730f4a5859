"""The parts of a Kubernetes control plane, each as a part of the stack."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .errors import LocalStackError
from .find import find
from .parts import PROGRAMS
from .probe import answers_ok
from .processes import Guard, Part

if TYPE_CHECKING:
    from pathlib import Path

    from .ports import Ports

OPERATOR_USER: Final = "roomkeeper"
_ADMIN_USER: Final = "admin"

_AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata"}],
}
_CONTROLLERS: Final = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "clusterrole-aggregation-controller",
)
_NO_ROTATION: Final = 100_000
"""Megabytes after which the audit log starts anew: positions in it must stay valid."""


class Etcd(Part):
    """The API server's store. It does not sync to disk: what it stores outlives the process, not the machine."""

    def __init__(self, *, directory: Path, guard: Guard, ports: Ports) -> None:
        super().__init__(name="etcd", program=find(PROGRAMS["etcd"]), directory=directory, guard=guard)
        self._port = ports.tcp()
        self._peer_port = ports.tcp()

    @property
    def url(self) -> str:
        """What the API server connects to."""
        return f"http://127.0.0.1:{self._port}"

    def arguments(self) -> list[str]:
        """A cluster of one."""
        peer = f"http://127.0.0.1:{self._peer_port}"
        return [
            f"--data-dir={self.directory / 'etcd-data'}",
            "--name=local",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=local={peer}",
            "--unsafe-no-fsync",
        ]

    def is_ready(self) -> bool:
        """Whether it has a leader and can write."""
        return answers_ok(self._port, "/health")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whom the API server knows by a token."""

    name: str
    groups: tuple[str, ...]
    token: str


class ApiServer(Part):
    """The API server, with an audit log and two users: an administrator, and the operator with nothing but its RBAC."""

    def __init__(self, *, directory: Path, guard: Guard, ports: Ports, etcd: Etcd) -> None:
        super().__init__(
            name="apiserver", program=find(PROGRAMS["kube-apiserver"]), directory=directory, guard=guard
        )
        self._etcd = etcd
        self._port = ports.tcp()
        self._certificates = directory / "apiserver-certificates"
        self._admin = User(_ADMIN_USER, ("system:masters",), secrets.token_urlsafe(32))
        self._operator = User(OPERATOR_USER, (), secrets.token_urlsafe(32))
        self.audit_log = directory / "audit.log"

    @property
    def url(self) -> str:
        """What kubeconfigs point at."""
        return f"https://127.0.0.1:{self._port}"

    def arguments(self) -> list[str]:
        """Also writes the signing key, the users' tokens and the audit policy."""
        signing_key = self._write_signing_key()
        return [
            f"--etcd-servers={self._etcd.url}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--cert-dir={self._certificates}",
            "--endpoint-reconciler-type=none",  # loopback addresses may not be endpoints; nothing uses them here
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._write_users()}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={signing_key}",
            f"--service-account-signing-key-file={signing_key}",
            "--disable-admission-plugins=ServiceAccount",  # so that pods need no token
            # As on OpenShift: who makes an owner wait for what it owns has to be allowed to hold the owner.
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--audit-policy-file={self._write_audit_policy()}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",  # an answered call is in the log
            f"--audit-log-maxsize={_NO_ROTATION}",
            "--shutdown-watch-termination-grace-period=1s",
            "--profiling=false",
        ]

    def _write_signing_key(self) -> Path:
        path = self.directory / "service-account.key"
        if not path.exists():
            openssl = shutil.which("openssl")
            if openssl is None:
                raise LocalStackError(
                    "There is no openssl, which makes the API server's signing key: apt-get install openssl."
                )
            subprocess.run([openssl, "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
        return path

    def _write_users(self) -> Path:
        path = self.directory / "tokens.csv"
        rows = [
            f'{user.token},{user.name},{user.name},"{",".join(user.groups)}"'
            for user in (self._admin, self._operator)
        ]
        path.write_text("\n".join(rows) + "\n")
        path.chmod(0o600)
        return path

    def _write_audit_policy(self) -> Path:
        path = self.directory / "audit-policy.yaml"
        path.write_text(json.dumps(_AUDIT_POLICY))
        return path

    def is_ready(self) -> bool:
        """Whether every start-up hook is done; the certificate is made by the server at its first start."""
        certificate = self._certificates / "apiserver.crt"
        if not certificate.exists():
            return False
        return answers_ok(self._port, "/readyz", ssl.create_default_context(cafile=str(certificate)))

    def write_kubeconfigs(self) -> tuple[Path, Path]:
        """The administrator's and the operator's. The server must have started once: it makes its certificate then."""
        return self._write_kubeconfig("kubeconfig", self._admin), self._write_kubeconfig(
            "operator.kubeconfig", self._operator
        )

    def _write_kubeconfig(self, file_name: str, user: User) -> Path:
        authority = base64.b64encode((self._certificates / "apiserver.crt").read_bytes()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "localstack",
                    "cluster": {"server": self.url, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": user.name, "user": {"token": user.token}}],
            "contexts": [
                {
                    "name": "localstack",
                    "context": {"cluster": "localstack", "user": user.name, "namespace": "default"},
                }
            ],
            "current-context": "localstack",
        }
        path = self.directory / file_name
        path.write_text(json.dumps(config, indent=2))
        path.chmod(0o600)
        return path


class ControllerManager(Part):
    """The controllers that a test can see: garbage collection, ends of namespaces, service accounts, roles of people."""

    def __init__(self, *, directory: Path, guard: Guard, ports: Ports) -> None:
        super().__init__(
            name="controller_manager",
            program=find(PROGRAMS["kube-controller-manager"]),
            directory=directory,
            guard=guard,
        )
        self._port = ports.tcp()
        self._kubeconfig = directory / "kubeconfig"
        self._certificates = directory / "controller-manager-certificates"

    def arguments(self) -> list[str]:
        """Runs as administrator."""
        return [
            f"--kubeconfig={self._kubeconfig}",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--leader-elect=false",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self._certificates}",
            # The default of 20 calls a second makes a test with some hundred objects wait for their collection.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]

    def is_ready(self) -> bool:
        """Whether its controllers are healthy."""
        certificate = self._certificates / "kube-controller-manager.crt"
        if not certificate.exists():
            return False
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False  # its certificate is for localhost only
        return answers_ok(self._port, "/healthz", context)
