"""A kube-apiserver and its etcd, for the contract tests alone."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ApiServer:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._programs = Path(os.environ["KUBEBUILDER_ASSETS"])
        self._port, self._etcd_port, self._peer_port = _free_port(), _free_port(), _free_port()
        self._etcd: subprocess.Popen[bytes] | None = None
        self._apiserver: subprocess.Popen[bytes] | None = None
        self.tokens = {"admin": "admin-token", "operator": "operator-token", "operator-2": "operator-token-2"}

    def __enter__(self) -> Self:
        (self._directory / "tokens.csv").write_text(
            "admin-token,admin,admin,system:masters\n"
            'operator-token,roomkeeper,roomkeeper,"system:masters"\n'
            'operator-token-2,roomkeeper,roomkeeper,"system:masters"\n'
        )
        key = self._directory / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        self._etcd = self._spawn(
            "etcd",
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{self._peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{self._peer_port}",
            "--unsafe-no-fsync",
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._etcd:
            self._etcd.kill()
            self._etcd.wait()

    def start(self) -> None:
        key = self._directory / "sa.key"
        self._apiserver = self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self._directory / 'certificates'}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._directory / 'tokens.csv'}",
            "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.0.0.0/24",
        )
        deadline = time.monotonic() + 60
        while not self._ready():
            if self._apiserver.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._directory / "kube-apiserver.log").read_text()[-3000:])
            time.sleep(0.1)

    def stop(self) -> None:
        if self._apiserver:
            self._apiserver.kill()
            self._apiserver.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def kubeconfig(self) -> Path:
        return self.write_kubeconfig("admin", {"token": "admin-token"})

    @property
    def operator_kubeconfig(self) -> Path:
        return self.write_kubeconfig("operator", {"token": "operator-token"})

    def write_kubeconfig(self, name: str, user: dict[str, object]) -> Path:
        cluster = {
            "server": f"https://127.0.0.1:{self._port}",
            "certificate-authority": str(self._directory / "certificates" / "apiserver.crt"),
        }
        path = self._directory / f"{name}.kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "c",
                    "clusters": [{"name": "c", "cluster": cluster}],
                    "users": [{"name": "c", "user": user}],
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
                }
            )
        )
        return path

    @property
    def apiserver(self) -> ApiServer:
        return self

    def apply_crds(self, path: Path) -> None:
        self.kubectl("apply", "-f", str(path))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all")
        while "rooms" not in self.kubectl("api-resources", "--api-group=roomkeeper.dev"):
            time.sleep(0.1)

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, check=True, input=input, capture_output=True, text=True).stdout

    def _ready(self) -> bool:
        context = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(f"https://127.0.0.1:{self._port}/readyz", context=context, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._directory / f"{program}.log").open("ab") as log:
            return subprocess.Popen([self._programs / program, *arguments], stdout=log, stderr=log)
