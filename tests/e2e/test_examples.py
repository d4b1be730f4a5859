"""Every example, applied as its text says, on real parts; the commands in the texts print what the texts say."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.looks import dispatches, somebody, tracks
from tests.e2e.studio import S3_SECRET
from tests.e2e.support import Cluster, assert_tells_no_secret, eventually
from tests.e2e.transcripts import sections, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import OperatorProcess
    from tests.e2e.transcripts import Step

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(
    path.parent.name for path in EXAMPLES.glob("*/README.md") if path.parent.name != "web-client"
)
BUCKET = "recordings"
OURS = "recordingschedules,recordings,rooms,recordingstorages,livekitservers"
# What people put in before they apply: the address of their LiveKit, and their bucket.
ADDRESS = "url: wss://livekit.example.com"
REGION = "    region: eu-central-1\n"


class Examples:
    """A copy of the examples with the stack's addresses, and their commands."""

    def __init__(self, stack: LocalStack, root: Path) -> None:
        self.stack = stack
        self._root = root
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
        step.run(self._root, self._environment())

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
            "KUBECACHEDIR": str(self._root / "kubectl-cache"),
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
            "AWS_ACCESS_KEY_ID": "KEYOFTHEEXAMPLES",
            "AWS_SECRET_ACCESS_KEY": S3_SECRET,
        }


@pytest.fixture(scope="module")
def examples(
    stack: LocalStack, operator: OperatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    before = namespaces(stack)
    stack.s3.create_bucket(BUCKET)
    yield Examples(stack, tmp_path_factory.mktemp("examples"))
    clear(stack, sorted(namespaces(stack) - before))


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


def namespaces(stack: LocalStack) -> set[str]:
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


def test_every_folder_with_a_text_has_a_test() -> None:
    assert {f"test_{folder}" for folder in FOLDERS} <= set(globals())


def test_gitops(examples: Examples, livekit: LiveKitView) -> None:
    with examples.of("gitops") as follow:
        follow("Try it")
        follow("How to check it")
    assert livekit.room("team-blue_standup")
    assert json.loads(livekit.room("team-red_standup").metadata) == {"topic": "standup"}
    assert sorted(examples.tokens("team-red", "standup.host")) == ["ravi", "rick", "rosa"]


def test_tenants(examples: Examples, livekit: LiveKitView) -> None:
    with examples.of("tenants") as follow:
        follow("Try it")
        follow("How to check it")
    assert len(examples.tokens("team-b", "workshop-seats")) == 25
    assert livekit.room("team-b_stadium") is None


def test_webinar(examples: Examples, livekit: LiveKitView, crowd: Crowd) -> None:
    name = "webinar_launch"
    with examples.of("webinar") as follow:
        follow("Try it")
        follow("How to check it")
        assert crowd.join("viewer", examples.tokens("webinar", "launch.audience")["audience-7"])
        viewer = eventually("the viewer is in", lambda: somebody(livekit, name, "audience-7"), within=2)
        assert (viewer.permission.can_subscribe, viewer.permission.can_publish) == (True, False)
        assert crowd.join("speaker", examples.tokens("webinar", "launch.speaker")["sven"])
        assert crowd.publish("speaker")
        follow("While it runs")
    eventually("the viewer is out", lambda: somebody(livekit, name, "audience-7") is None, within=2)
    eventually("the speaker is mute", lambda: tracks(livekit, name, "sven") == [], within=2)
    assert json.loads(livekit.room(name).metadata)["onAir"] is True
    assert len(examples.tokens("webinar", "launch.audience")) == 99


def test_support(examples: Examples, livekit: LiveKitView, crowd: Crowd) -> None:
    with examples.of("support") as follow:
        follow("Try it")
        follow("How to check it")
        assert livekit.room("support_desk") is None
        assert crowd.join("caller", examples.tokens("support", "desk.customer")["customer"])
        assert livekit.room("support_desk").max_participants == 3
        assert crowd.join("another", examples.tokens("support", "ticket-4711.customer")["customer"])
        livekit.delete("support_ticket-4711")  # as `lk room delete` does
        follow("When the call is over")
    assert livekit.room("support_ticket-4711") is None


def test_lectures(examples: Examples, crowd: Crowd) -> None:
    with examples.of("lectures") as follow:
        follow("Try it")
        follow("How to check it")
        assert crowd.join("lecturer", examples.tokens("lectures", "algebra.lecturer")["emmy"])
        assert crowd.publish("lecturer")
        follow("While somebody speaks")
    assert len(media(examples.stack, "lectures/", ".mp4")) == 1


def test_hls(examples: Examples, livekit: LiveKitView, crowd: Crowd) -> None:
    with examples.of("hls") as follow:
        follow("Try it")
        follow("How to check it")
        assert crowd.join("olga", examples.tokens("town-hall", "all-hands.stage")["olga"])
        assert crowd.publish("olga")
        here = Cluster(examples.stack, "town-hall")
        eventually("the session has its Recording", lambda: here.list("recordings"), within=2)
        follow("While somebody speaks")
        livekit.delete("town-hall_all-hands")  # as LiveKit does a while after the last one has left
        follow("When all have left")
    assert len(media(examples.stack, "town-hall/all-hands/", "index.m3u8")) == 1


def test_agent(examples: Examples, crowd: Crowd) -> None:
    name, stack = "tutoring_french", examples.stack
    with examples.of("agent") as follow:
        follow("Try it")
        follow("How to check it")
    assert dispatches(stack, name) == []
    assert crowd.join("luc", examples.tokens("tutoring", "french.learner")["luc"])
    eventually(
        "the tutor is sent", lambda: [one for one, _ in dispatches(stack, name)] == ["tutor"], within=2
    )


def test_recordings(examples: Examples) -> None:
    with examples.of("recordings") as follow:
        follow("Try it")
        follow("How to check it")
    for step in steps(text_of(".")):
        examples.run(step)
    examples.stack.kubectl("apply", "-f", str(EXAMPLES))
    ready = ("wait", "--for=condition=Ready", "rooms", "--all", "-n", "team-a", "--timeout=60s")
    examples.stack.kubectl(*ready)


def text_of(folder: str) -> str:
    return (EXAMPLES / folder / "README.md").read_text()


def media(stack: LocalStack, prefix: str, ending: str) -> list[str]:
    return [key for key in stack.s3.keys(BUCKET, prefix) if key.endswith(ending)]
