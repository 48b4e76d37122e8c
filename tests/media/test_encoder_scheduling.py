"""Encoders leave the process in the scheduling class in which they found it."""

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


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux tells a process's threads")
@pytest.mark.parametrize("codec", CODECS)
def test_no_thread_of_an_encoder_goes_before_other_processes(codec: str) -> None:
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        pytest.skip("these tests run in another scheduling class")
    ran = subprocess.run(
        [sys.executable, "-c", ENCODE, codec], cwd=REPO, capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout == "True\n"
