"""How much a recording may want of the process that decodes it, whatever it says of itself.

FFmpeg keeps to these limits before it takes the memory: a small file can declare pictures of billions of pixels.
"""

import ctypes
import logging
from pathlib import Path

log = logging.getLogger(__name__)

MAX_STREAMS = 32
"""FFmpeg opens a decoder for each while it finds out what they are."""

MAX_PIXELS = 4096 * 4096
"""Of one picture: up to 5K. A decoder of H.264 holds up to 18 of them at once."""

MIN_SIDE, MAX_ASPECT = 8, 20
"""A picture with fewer pixels on a side, or one side so many times the other, shows nothing that could be followed."""

MAX_FRAME_BYTES = 40 * 1024**2
"""Of one decoded picture: 4K with four bytes a pixel, or `MAX_PIXELS` with two and a half."""

MAX_ALLOCATION_BYTES = 128 * 1024**2
"""At once: an index of five million samples, or twice the largest picture."""

MAX_SOUND_FRAME_SEC = 600.0
"""What one packet of sound may last; a WAV file of a few hertz has long ones."""

MAX_SOUND_SEC = (2**32 - 1 - 36) / 32_000
"""As much sound as its 16 kHz copy, a WAV file, can hold: 37 hours."""

TRIAL_SEC = 30.0
"""How long it is tried to decode the first picture and the first sound."""

DEMUXER_OPTIONS = {"max_streams": str(MAX_STREAMS + 1)}
DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS)}


def limit_allocations() -> bool:
    """Has FFmpeg refuse to take more than `MAX_ALLOCATION_BYTES` at once, in this process and for good; whether it
    could be told. PyAV has no call for it, and the options reach no decoder that FFmpeg opens for itself."""
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
    """Files of shared libraries that this process has loaded (Linux); PyAV's first: OpenCV brings an FFmpeg, too."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    found = dict.fromkeys(line.partition("/")[1] + line.partition("/")[2] for line in lines)
    paths = [path for path in found if Path(path).name.startswith((f"{name}-", f"{name}."))]
    return sorted(paths, key=lambda path: "/av.libs/" not in path)
