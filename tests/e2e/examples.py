"""A copy of the examples with the addresses of a stack, to be applied there and taken away again."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.studio import S3_SECRET
from tests.e2e.support import Cluster, assert_tells_no_secret, eventually
from tests.e2e.transcripts import sections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.transcripts import Step

EXAMPLES = Path(__file__).parents[2] / "examples"
BUCKET = "recordings"
OURS = "recordingschedules,recordings,rooms,recordingstorages,livekitservers"
# What people put in before they apply: the address of their LiveKit, and their bucket.
ADDRESS = "url: wss://livekit.example.com"
REGION = "    region: eu-central-1\n"


class Examples:
    """A copy of the examples with the stack's addresses, and their commands."""

    def __init__(self, stack: LocalStack, root: Path) -> None:
        self.stack = stack
        self.root = root
        shutil.copytree(EXAMPLES, root / "examples", ignore=shutil.ignore_patterns("web-client"))
        for path in sorted((root / "examples").rglob("*.yaml")):
            path.write_text(self._here(path.read_text()))

    def _here(self, text: str) -> str:
        s3 = f"    endpoint: {self.stack.s3.endpoint}\n    forcePathStyle: true\n"
        return text.replace(ADDRESS, f"url: {self.stack.livekit.url}").replace(REGION, REGION + s3)

    @contextmanager
    def of(self, folder: str) -> Iterator[Callable[..., None]]:
        """Yield what runs the commands of a section; at the end all sections that have some have been run."""
        left = {title: some for title, some in sections(text_of(folder)).items() if some}

        def follow(title: str) -> None:
            for step in left.pop(title):
                self.run(step)

        yield follow
        assert not left, f"nobody has run {list(left)} of {folder}"

    def run(self, step: Step) -> None:
        """Run a command where the examples are, as somebody who has kubectl and roomkeeper."""
        step.run(self.root, self._environment())

    def tokens(self, namespace: str, secret: str) -> dict[str, dict[str, str]]:
        """Return what each identity of a role joins with."""
        found = Cluster(self.stack, namespace).secret(secret)
        assert found
        each = json.loads(found["tokens.json"])
        return {who: {**found, "LIVEKIT_TOKEN": token} for who, token in each.items()}

    def _environment(self) -> dict[str, str]:
        livekit, programs = self.stack.livekit, (self.stack.kubectl_path.parent, Path(sys.executable).parent)
        return {
            "PATH": ":".join([*map(str, programs), "/usr/bin", "/bin"]),
            "KUBECONFIG": str(self.stack.kubeconfig),
            "KUBECACHEDIR": str(self.root / "kubectl-cache"),
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
            "AWS_ACCESS_KEY_ID": "KEYOFTHEEXAMPLES",
            "AWS_SECRET_ACCESS_KEY": S3_SECRET,
        }


@contextmanager
def opened(stack: LocalStack, root: Path) -> Iterator[Examples]:
    """Yield the examples; at the end, what was applied of them is deleted, and its namespaces with it."""
    eventually(
        "no namespace is on its way out",
        lambda: "Terminating" not in stack.kubectl("get", "namespaces"),
        within=30,
    )
    before = namespaces(stack)
    stack.s3.create_bucket(BUCKET)
    yield Examples(stack, root)
    clear(stack, sorted(namespaces(stack) - before))


def namespaces(stack: LocalStack) -> set[str]:
    """Return the names of all namespaces."""
    return set(stack.kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}").split())


def clear(stack: LocalStack, made: list[str]) -> None:
    """Delete what the examples made, as their people would; the operator has to clean up behind it."""
    for namespace in made:
        told = stack.kubectl("get", f"{OURS},events", "-n", namespace, "-o", "json")
        assert_tells_no_secret(stack, "an Event or a status", told, S3_SECRET)
        stack.kubectl("delete", OURS, "--all", "-n", namespace, "--wait=false")

    def is_gone() -> bool:
        left = stack.kubectl("get", OURS, "-A", "--no-headers").splitlines()
        of_ours = [line for line in left if line.split()[0] in made]
        assert not of_ours, of_ours
        return True

    eventually("the examples are gone", is_gone, within=10)
    stack.kubectl("delete", "namespace", *made, "--wait=false")


def text_of(folder: str) -> str:
    """Return the text of an example."""
    return (EXAMPLES / folder / "README.md").read_text()
