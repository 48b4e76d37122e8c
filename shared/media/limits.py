"""Limit the memory and time that a recording may take of the process that decodes it.

FFmpeg applies the limits before it allocates: a small file can declare pictures of billions of pixels.
"""

import ctypes
import logging
from pathlib import Path

log = logging.getLogger(__name__)

MAX_STREAMS = 32
"""Streams of one recording; FFmpeg opens a decoder for each while it analyses the file."""

MAX_PIXELS = 4096 * 4096
"""Pixels of one picture: up to 5K. A decoder of H.264 holds up to 18 pictures at once."""

MIN_SIDE = 8
"""Pixels of a picture's shorter side; a smaller picture shows nothing that can be tracked."""

MAX_ASPECT = 20
"""Longer side of a picture over its shorter side; a narrower picture shows nothing that can be tracked."""

MAX_FRAME_BYTES = 40 * 1024**2
"""Bytes of one decoded picture: 4K at four bytes a pixel, or `MAX_PIXELS` at two and a half."""

MAX_ALLOCATION_BYTES = 128 * 1024**2
"""Bytes of one allocation of FFmpeg: an index of five million samples, or twice the largest picture."""

MAX_SOUND_FRAME_SEC = 600.0
"""Length of one packet of sound; a WAV file of a few hertz has long ones."""

MAX_SOUND_SEC = (2**32 - 1 - 36) / 32_000
"""Length of a recording's sound: 37 hours, which is as much as its 16 kHz copy, a WAV file, can hold."""

TRIAL_SEC = 30.0
"""Time limit for decoding the first picture and the first sound on trial."""

DEMUXER_OPTIONS = {"max_streams": str(MAX_STREAMS + 1)}
"""FFmpeg's options for the demuxer; they allow one stream over the limit."""

DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
"""FFmpeg's options for every decoder."""


def limit_allocations() -> bool:
    """Make FFmpeg refuse allocations over `MAX_ALLOCATION_BYTES`; return whether the limit could be set.

    The limit holds for this process until it ends. The function calls FFmpeg's library directly, because PyAV has no
    call for it and the options reach no decoder that FFmpeg opens for itself.
    """
    for path in _loaded_libraries("libavutil"):
        try:
            limit = ctypes.CDLL(path).av_max_alloc
        except (OSError, AttributeError):
            continue
        limit.argtypes, limit.restype = [ctypes.c_size_t], None
        limit(MAX_ALLOCATION_BYTES)
        return True
    log.warning("memory of decoders is not limited", extra={"action": "limit"})
    return False


def _loaded_libraries(name: str) -> list[str]:
    """Return the paths of the shared libraries called `name` that this process has loaded (Linux; else none).

    PyAV's library is first, because OpenCV brings an FFmpeg, too.
    """
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    found = dict.fromkeys(line.partition("/")[1] + line.partition("/")[2] for line in lines)
    paths = [path for path in found if Path(path).name.startswith((f"{name}-", f"{name}."))]
    return sorted(paths, key=lambda path: "/av.libs/" not in path)
