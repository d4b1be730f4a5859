"""`roomkeeper validate` says of every manifest what a real API server says: the same fields in the same words."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from roomkeeper.api.generate import KINDS
from roomkeeper.validation.check import errors, schema_of
from roomkeeper.validation.field_errors import ErrorType
from roomkeeper.validation.manifests import parse
from tests.e2e.manifests.base import JSON, text
from tests.e2e.manifests.odd import ODD
from tests.e2e.test_bad_manifests import SUITES

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack

PLURALS = {kind.kind: kind.plural for kind in KINDS}
UNKNOWN = re.compile(r'unknown field "(?:[^"\\]|\\.)*"')
MANIFESTS: dict[str, JSON] = {
    f"{suite.kind.kind}-{row.id}": suite.manifest(row.patch)
    for suite in SUITES
    for row in (*suite.bad, *suite.good)
} | {f"odd-{name}": manifest for name, manifest in ODD.items()}


@dataclass(frozen=True)
class ApiServer:
    """Where it is, and who we are there."""

    address: str
    token: str
    trust: ssl.SSLContext

    def answer(self, manifest: JSON, *, validation: str) -> JSON:
        """Have an object created, but not kept; return the Status, or the object."""
        path = f"/apis/{manifest['apiVersion']}/namespaces/default/{PLURALS[manifest['kind']]}"
        request = urllib.request.Request(
            f"{self.address}{path}?dryRun=All&fieldValidation={validation}",
            text(manifest).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=30) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                answer = json.load(refusal)
        assert isinstance(answer, dict)
        return answer


@pytest.fixture(scope="module")
def api(stack: LocalStack) -> ApiServer:
    config = yaml.safe_load(stack.kubeconfig.read_text())
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    address, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    return ApiServer(address, token, trust)


def causes(status: JSON) -> list[tuple[str, str]]:
    """Return field and words of everything that the API server complains of."""
    if status["kind"] != "Status":
        return []
    assert status["details"].get("causes"), status
    return sorted((cause["field"], cause["message"]) for cause in status["details"]["causes"])


@pytest.mark.parametrize("name", MANIFESTS)
def test_it_says_what_the_api_server_says(api: ApiServer, name: str) -> None:
    manifest = MANIFESTS[name]
    [read] = parse(text(manifest))
    schema = schema_of(read)
    assert schema
    ours = errors(read.value, schema)

    strict = api.answer(manifest, validation="Strict")
    unknown = sorted(str(error) for error in ours if error.type is ErrorType.UNKNOWN)
    assert unknown == sorted(UNKNOWN.findall(strict.get("message", "")))

    rest = sorted(
        (error.path or "<nil>", error.body) for error in ours if error.type is not ErrorType.UNKNOWN
    )
    assert rest == causes(api.answer(manifest, validation="Ignore"))


def test_there_are_enough_of_them() -> None:
    bad = sum(len(suite.bad) for suite in SUITES)
    assert len(MANIFESTS) > 300
    assert bad > 200
