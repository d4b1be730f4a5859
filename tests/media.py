"""What is in a media file, by ffprobe and ffmpeg."""

from __future__ import annotations

import array
import json
import math
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_RATE = 16_000
_WINDOW = _RATE // 20  # 50 ms: drop-outs between do not matter
_SILENCE = 100  # of 32767
_ENOUGH = 0.3
_LONG_ENOUGH = (
    2.0  # seconds: on a busy machine a recording takes longer, and the player has stopped and started
)
_BLACK = 20  # mean brightness of 255; the darkest that video knows is 16


def codecs(media: Path) -> set[str]:
    """The names of the codecs of all streams, as {"h264", "opus"}."""
    return {stream["codec_name"] for stream in _probe(media, "stream=codec_name")["streams"]}


def duration(media: Path, stream: str = "") -> float:
    """How many seconds it plays: all of it, or one stream, as "v:0" or "a:0"."""
    if not stream:
        return float(_probe(media, "format=duration")["format"]["duration"])
    (found,) = _probe(media, "stream=duration", "-select_streams", stream)["streams"]
    return float(found["duration"])


def size(media: Path) -> tuple[int, int]:
    """Width and height of its picture."""
    (stream,) = _probe(media, "stream=width,height", "-select_streams", "v:0")["streams"]
    return stream["width"], stream["height"]


def is_black(media: Path, at: float) -> bool:
    """Whether the frame at that second is dark all over."""
    return brightness(media, at) < _BLACK


def brightness(media: Path, at: float, *, crop: str = "in_w:in_h") -> float:
    """The mean brightness of the frame at that second, of 255; crop is a part of it: width:height:x:y."""
    gray = ["-frames:v", "1", "-vf", f"crop={crop}", "-pix_fmt", "gray", "-f", "rawvideo"]
    frame = _decode(media, *gray, at=at)
    assert frame, f"{media} has no frame at {at} s"
    return sum(frame) / len(frame)


def has_tone(media: Path, hertz: float) -> bool:
    """Whether this tone, and not much else, is heard in a good part of it, or for long: a busy machine drops some."""
    part = tone(media, hertz)
    return part > _ENOUGH or part * duration(media) > _LONG_ENOUGH


def tone(media: Path, hertz: float) -> float:
    """The part of its time, between 0 and 1, in which this tone is most of what is heard."""
    samples = array.array("h", _decode(media, "-vn", "-ac", "1", "-ar", str(_RATE), "-f", "s16le"))
    assert samples, f"{media} has no audio"
    waves = [(math.cos(angle), math.sin(angle)) for angle in _angles(hertz)]
    windows = range(0, len(samples) - _WINDOW + 1, _WINDOW)
    return sum(_dominates(waves, samples[at : at + _WINDOW]) for at in windows) / len(windows)


def _angles(hertz: float) -> list[float]:
    return [2 * math.pi * hertz * at / _RATE for at in range(_WINDOW)]


def _dominates(waves: list[tuple[float, float]], window: array.array[int]) -> bool:
    power = sum(sample * sample for sample in window)
    real = sum(sample * cosine for sample, (cosine, _) in zip(window, waves, strict=True))
    imaginary = sum(sample * sine for sample, (_, sine) in zip(window, waves, strict=True))
    heard = power / _WINDOW > _SILENCE**2
    return heard and 2 * (real**2 + imaginary**2) / _WINDOW / power > 0.5


def _probe(media: Path, entries: str, *options: str) -> Any:
    command = ["ffprobe", "-v", "error", *options, "-show_entries", entries, "-of", "json", str(media)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _decode(media: Path, *options: str, at: float = 0) -> bytes:
    # Behind -i: decoded from the start, and so exact, and possible in a playlist too.
    command = ["ffmpeg", "-v", "error", "-i", str(media), "-ss", str(at), *options, "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout
