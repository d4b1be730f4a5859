"""Where the API server is and how we prove who we are, read by the loaders of `kubernetes.aio.config`.

Tokens rotate. In a pod the library's own refresh_api_key_hook reads the ServiceAccount's token file again each
minute (kubernetes/aio/config/incluster_config.py). For a kubeconfig the library sets no hook; we install one that
does the same for token files, exec plugins and OIDC: the loader itself knows which of them has expired.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)

from roomkeeper.adapters.ports import KubernetesError

_logger = logging.getLogger(__name__)

_RELOAD_SECONDS = 60.0  # as client-go and the library's in-cluster loader do
_LOAD_TIMEOUT_SECONDS = 10.0  # an exec plugin that hangs must not hang us
# What the loaders raise for a missing file, a malformed one, a failing plugin or a slow one.
_LOAD_ERRORS = (
    ConfigException,
    OSError,  # TimeoutError and ssl.SSLError among them
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    yaml.YAMLError,
)


class Authentication:
    """The loaded configuration of one API server, and the Authorization header that is right now."""

    def __init__(self, kubeconfig: str | None) -> None:
        self._configuration = Configuration()
        self._kubeconfig = kubeconfig
        self._loader: Any = None
        self._loaded_at = 0.0
        self._lock = asyncio.Lock()
        self._ssl: ssl.SSLContext | None = None

    @classmethod
    async def load(cls, kubeconfig: str | None) -> Authentication:
        """Read the given kubeconfig, else KUBECONFIG, else ~/.kube/config, else the pod's ServiceAccount."""
        authentication = cls(_kubeconfig_path(kubeconfig))
        try:
            await authentication._load()
            authentication._ssl = _ssl_context(authentication._configuration)
        except _LOAD_ERRORS as error:
            source = authentication._kubeconfig or "the ServiceAccount of this pod"
            message = f"cannot read how to reach the API server from {source} ({type(error).__name__}): "
            raise KubernetesError(message + "set KUBECONFIG to a working kubeconfig") from error
        return authentication

    @property
    def address(self) -> str:
        """Return the base URL, without a slash at the end."""
        return str(self._configuration.host).rstrip("/")

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """Return the TLS settings; a client certificate that is renewed later is loaded into the same object."""
        if self._ssl is None:
            raise RuntimeError("Authentication is made by load()")
        return self._ssl

    @property
    def server_hostname(self) -> str | None:
        """Return the name that the server's certificate must carry where it is not the URL's."""
        name: str | None = self._configuration.tls_server_name
        return name

    @property
    def proxy(self) -> str | None:
        """Return the proxy of the kubeconfig, else the environment's unless NO_PROXY exempts the server."""
        if self._configuration.proxy:
            return str(self._configuration.proxy)
        url = urlsplit(self.address)
        if urllib.request.proxy_bypass(url.hostname or ""):
            return None
        return urllib.request.getproxies().get(url.scheme)

    async def header(self) -> str | None:
        """Return the current value of Authorization; None where a client certificate speaks for us."""
        try:
            value = await self._configuration.get_api_key_with_prefix("BearerToken")
        except _LOAD_ERRORS as error:
            # A token file that is being replaced: the last token is usually good for a while longer.
            _logger.warning("cannot refresh the credentials for the API server: %s", type(error).__name__)
            value = self._configuration.api_key.get("BearerToken")
        return str(value).strip() if value else None

    async def reload(self, refused: str | None) -> None:
        """Read everything again after the API server refused the given header; once for many requests."""
        async with self._lock:
            if self._current() != refused:
                return
            try:
                await self._load()
                _load_client_certificate(self.ssl_context, self._configuration)
            except _LOAD_ERRORS as error:
                _logger.warning("cannot reload the credentials for the API server: %s", type(error).__name__)

    def _current(self) -> str | None:
        value = self._configuration.api_key.get("BearerToken")
        return str(value).strip() if value else None

    async def _load(self) -> None:
        if self._kubeconfig is None:
            load_incluster_config(client_configuration=self._configuration)
            return
        async with asyncio.timeout(_LOAD_TIMEOUT_SECONDS):
            self._loader = await load_kube_config(
                config_file=self._kubeconfig,
                client_configuration=self._configuration,
                persist_config=False,  # the kubeconfig is the user's; we do not write it
            )
        self._loaded_at = time.monotonic()
        self._configuration.refresh_api_key_hook = self._refresh

    async def _refresh(self, configuration: Any) -> None:
        if time.monotonic() - self._loaded_at < _RELOAD_SECONDS:
            return
        async with self._lock:
            if time.monotonic() - self._loaded_at < _RELOAD_SECONDS:
                return
            self._loaded_at = time.monotonic()  # also when it fails: not at every request
            async with asyncio.timeout(_LOAD_TIMEOUT_SECONDS):
                await self._loader.load_and_set(configuration)


def _kubeconfig_path(given: str | None) -> str | None:
    """Read KUBECONFIG now; the library reads it once, when it is imported."""
    if path := given or os.environ.get("KUBECONFIG"):
        return path
    default = Path.home() / ".kube" / "config"
    return str(default) if default.exists() else None


def _ssl_context(configuration: Any) -> ssl.SSLContext:
    """Build what kubernetes/aio/client/rest.py builds."""
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    _load_client_certificate(context, configuration)
    if not configuration.verify_ssl:  # insecure-skip-tls-verify in the user's kubeconfig
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_client_certificate(context: ssl.SSLContext, configuration: Any) -> None:
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)


def current_namespace(kubeconfig: str | None = None) -> str:
    """Return the namespace of the kubeconfig's current context, as kubectl takes it; in a pod, the pod's own."""
    path = _kubeconfig_path(kubeconfig)
    if path is None:
        own = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
        return own.read_text().strip() if own.exists() else "default"
    try:
        _, current = list_kube_config_contexts(path)
    except _LOAD_ERRORS:
        return "default"  # what is wrong with it is told when it is used
    return str(current["context"].get("namespace") or "default")
