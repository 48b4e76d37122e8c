"""Encoders leave the scheduling class as it was, and AV1 is not encoded in the mode that stops."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.media.video.encode import CODECS

REPO = Path(__file__).resolve().parents[2]

ENCODE = """
import io, os, sys
from fractions import Fraction
from pathlib import Path
from shared.media.video.encode import CODECS, Colours, VideoEncoder
from shared.media.video.yuv import YuvPicture

encoder = VideoEncoder(io.BytesIO(), 160, 90, Fraction(10), Colours(1, 1), CODECS[sys.argv[1]])
for number in range(3):
    encoder.write(number, YuvPicture.empty(160, 90))
print({os.sched_getscheduler(int(each.name)) for each in Path("/proc/self/task").iterdir()} == {os.SCHED_OTHER})
encoder.close()
"""

COUNT_PACKETS = """
from fractions import Fraction
import av
from shared.media.video.encode import AV1
from shared.media.video.yuv import YuvPicture

encoder = av.CodecContext.create(AV1.encoder, "w")
encoder.options = dict(AV1.options)
encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 160, 90, "yuv420p", Fraction(10)
encoder.time_base = 1 / encoder.framerate
early = [encoder.encode(YuvPicture.empty(160, 90).to_frame(number, encoder.time_base)) for number in range(2)]
print(sum(map(len, early)), len(encoder.encode(None)))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux tells a process's threads")
@pytest.mark.parametrize("codec", CODECS)
def test_no_thread_of_an_encoder_goes_before_other_processes(codec: str) -> None:
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        pytest.skip("these tests run in another scheduling class")
    assert _run(ENCODE, codec) == "True\n"


def test_av1_is_not_encoded_with_low_delay() -> None:
    """SVT-AV1 gives out each picture at once with low delay, where it stops for ever on a busy core."""
    early, late = map(int, _run(COUNT_PACKETS).split())
    assert early < 2
    assert early + late == 2


def _run(script: str, *arguments: str) -> str:
    """Run a script in a process of its own, which alone becomes real-time where an encoder makes it so."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True, timeout=120).stdout
