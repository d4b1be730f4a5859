"""The looks at media files that other tests rely on, at files whose content is known."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import media
from tests.integration.localstack.recorded import skip_where_egress_cannot_run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _ffmpeg() -> None:
    skip_where_egress_cannot_run()


def made(folder: Path, picture: str, sound: str) -> Path:
    """Three seconds of that picture and that sound, each as ffmpeg's filters make it."""
    path = folder / "made.mkv"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    output = ["-t", "3", "-c:v", "mjpeg", "-c:a", "pcm_s16le", str(path)]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *output], check=True)
    return path


def test_a_grey_picture_with_a_tone(tmp_path: Path) -> None:
    path = made(tmp_path, "color=gray:size=320x180:rate=10", "sine=frequency=1000:sample_rate=48000")
    assert media.codecs(path) == {"mjpeg", "pcm_s16le"}
    assert media.size(path) == (320, 180)
    assert media.duration(path) == pytest.approx(3, abs=0.2)
    assert not media.is_black(path, at=1)
    assert media.has_tone(path, 1000)
    assert not media.has_tone(path, 440)


def test_a_black_picture_with_silence(tmp_path: Path) -> None:
    path = made(tmp_path, "color=black:size=320x180:rate=10", "anullsrc=sample_rate=48000")
    assert media.is_black(path, at=1)
    assert not media.has_tone(path, 1000)


def test_noise_is_no_tone(tmp_path: Path) -> None:
    path = made(tmp_path, "color=black:size=320x180:rate=10", "anoisesrc=sample_rate=48000:seed=1")
    assert not media.has_tone(path, 1000)


def test_a_part_of_the_picture(tmp_path: Path) -> None:
    halves = "color=white:size=160x180:rate=10,pad=320:180:160:0:black"
    path = made(tmp_path, halves, "anullsrc=sample_rate=48000")
    assert media.brightness(path, at=1, crop="100:100:0:0") < 20
    assert media.brightness(path, at=1, crop="100:100:200:0") > 200


def test_a_second_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = made(tmp_path, "color=gray:size=320x180:rate=10", "anullsrc=sample_rate=48000")
    with pytest.raises(AssertionError, match="has no frame at 10 s"):
        media.is_black(path, at=10)
