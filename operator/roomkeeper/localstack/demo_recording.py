"""What `make demo` records: the Recording of the examples, into the stack's own S3."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import yaml

from .demo_story import PATIENCE_SECONDS, ROOT, say
from .egress import missing
from .errors import LocalStackError

if TYPE_CHECKING:
    from pathlib import Path

    from .demo_story import Story
    from .stack import LocalStack

_EXAMPLES: Final = ROOT / "examples" / "recordings"
_SECONDS: Final = 5
_STOP: Final = '{"spec":{"desiredState":"Stopped"}}'
# Debian's GStreamer has no AAC encoder that Egress uses; and two cores are few for a browser and 720p.
_ENCODING: Final = {
    "width": 640,
    "height": 360,
    "framerate": 15,
    "videoCodec": "H264_MAIN",
    "audioCodec": "OPUS",
}


def choose_worker() -> str:
    """The part of the stack that records: the real Egress; where it cannot run the stand-in, never under CI=true."""
    lacking = missing()
    if not lacking:
        return "egress"
    if os.environ.get("CI") == "true":
        raise LocalStackError(lacking)
    say(f"{lacking}. Until then a stand-in takes the recording, and uploads an object without media")
    return "egress_standin"


class DemoRecording:
    """A Recording, from being declared to what is in the bucket at its end."""

    def __init__(self, stack: LocalStack, story: Story, *, has_media: bool) -> None:
        """Take a stack with an S3 and a worker; the stand-in's objects are no media."""
        self._stack = stack
        self._story = story
        self._has_media = has_media
        self._storage = _read("00-storage.yaml")
        self._s3 = next(one["spec"]["s3"] for one in self._storage if one["kind"] == "RecordingStorage")
        self._bucket = self._s3["bucket"]
        (self._recording,) = _read("room-composite.yaml")
        metadata = self._recording["metadata"]
        self._name, self._namespace = metadata["name"], metadata["namespace"]

    def declare(self) -> None:
        """Apply it: it waits for somebody to come."""
        self._recording["spec"]["encoding"] = {"advanced": _ENCODING}
        self._s3 |= {"endpoint": self._stack.s3.endpoint, "forcePathStyle": True}
        self._stack.s3.create_bucket(self._bucket)
        path = self._stack.directory / "recording.yaml"
        path.write_text(yaml.safe_dump_all([*self._storage, self._recording], sort_keys=False))
        say(
            "examples/recordings/room-composite.yaml, but into this stack's S3, and as H.264 and Opus in 640x360:"
            " Debian has no AAC encoder for it"
        )
        # In a cluster that was given, an earlier demo's may be left; what is over never records again.
        old = ("recording", self._name, "-n", self._namespace)
        self._stack.kubectl("delete", *old, "--ignore-not-found", f"--timeout={PATIENCE_SECONDS:.0f}s")
        self._story.kubectl("apply", "-f", str(path))
        self._wait("jsonpath={.status.state}=Armed")

    def run(self) -> None:
        """See it record, and stop it."""
        self._wait("jsonpath={.status.state}=Active")
        self._show()
        say(f"{_SECONDS} seconds are recorded")
        time.sleep(_SECONDS)
        patch = ("patch", "recording", self._name, "-n", self._namespace, "--type=merge", "-p", _STOP)
        self._story.kubectl(*patch)
        self._wait("condition=Complete")
        self._show()

    def tell(self) -> None:
        """Tell where the media are and what they are, once that is what S3 and ffprobe say too."""
        (result,) = self._status()["results"]
        bucket, key = self._bucket, result["filename"]
        media = self._stack.s3.read(bucket, key)
        if len(media) != result["sizeBytes"]:
            raise LocalStackError(
                f"status tells of {result['sizeBytes']} bytes, the bucket has {len(media)}."
            )
        say(f"recorded: s3://{bucket}/{key}, {len(media)} bytes. The address in status is")
        print(f"{result['location']}\n")
        if self._has_media:
            copy = self._stack.directory / f"{self._name}.mp4"
            copy.write_bytes(media)
            _probe(copy)

    def _status(self) -> Any:
        found = self._stack.kubectl("get", "recording", self._name, "-n", self._namespace, "-o", "json")
        return json.loads(found)["status"]

    def _wait(self, condition: str) -> None:
        self._story.wait(f"recording/{self._name}", condition, self._namespace)

    def _show(self) -> None:
        self._story.kubectl("get", "recordings", "-n", self._namespace)


def _read(name: str) -> list[Any]:
    return list(yaml.safe_load_all((_EXAMPLES / name).read_text()))


def _probe(media: Path) -> None:
    """Print what ffprobe says about the streams; an error if it finds none."""
    entries = "stream=codec_name,width,height,duration"
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "compact=p=0", str(media)]
    print(f"$ {shlex.join(command)}")
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    if outcome.returncode != 0 or not outcome.stdout:
        raise LocalStackError(f"ffprobe finds no media in {media}:\n{outcome.stderr.strip()}")
    print(outcome.stdout, flush=True)
