"""Measure how loud sound is (EBU R 128), and bring it to a loudness that listeners are used to.

FFmpeg's filters do both. Apart from `listening.py`, which writes the file.
https://tech.ebu.ch/publications/r128
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
import numpy as np
from av.filter import Graph

TARGET_LUFS = -16.0
"""Loudness of podcasts and of speech on mobile devices."""

PEAK_DBFS = -3.0
"""Greatest sample: encoding adds up to 2 dB, and the true peak is to stay below -1 dBTP."""

MAX_GAIN_DB = 30.0
"""More would raise an empty room's noise to the loudness of speech."""

SILENCE_LUFS = -70.0
"""The gate of R 128: what is softer has no loudness."""

_LIMITER = {"level": "0", "attack": "5", "release": "50", "latency": "1"}
"""Look 5 ms ahead, keep the time of the sound, and do not raise it."""


def level_gain_db(blocks: Iterable[Iterable[bytes]], rate_hz: int) -> float:
    """Return the gain that brings mono sound (s16le) to `TARGET_LUFS`, with what the limiter takes away made up for.

    Args:
        blocks: the sound, twice: the second time it is measured as it is limited.
        rate_hz: samples a second.

    Returns:
        The gain in dB, within `MAX_GAIN_DB`; 0 for silence.
    """
    passes = iter(blocks)
    loudness = loudness_lufs(next(passes), rate_hz)
    if loudness <= SILENCE_LUFS:
        return 0.0
    gain_db = _bounded(TARGET_LUFS - loudness)
    limited = loudness_lufs(next(passes), rate_hz, gain_db)
    return _bounded(gain_db + TARGET_LUFS - limited)


def loudness_lufs(blocks: Iterable[bytes], rate_hz: int, gain_db: float | None = None) -> float:
    """Return the integrated loudness of mono sound (s16le), as it is or with the gain and limited.

    `SILENCE_LUFS` stands for sound that is softer or shorter than the measurement needs.
    """
    filters = [("ebur128", {"metadata": "1", "framelog": "quiet"})]
    graph = _graph(rate_hz, [*([] if gain_db is None else _levelling(gain_db)), *filters])
    found = SILENCE_LUFS
    for frame in _filtered(graph, blocks, rate_hz):
        told = float(frame.metadata.get("lavfi.r128.I", "nan"))  # the last, shorter frame has none
        found = told if math.isfinite(told) else found
    return found


def levelled(blocks: Iterable[bytes], rate_hz: int, gain_db: float) -> Iterator[av.AudioFrame]:
    """Yield mono sound (s16le) with the gain, and no sample above `PEAK_DBFS`."""
    yield from _filtered(_graph(rate_hz, _levelling(gain_db)), blocks, rate_hz)


def _bounded(gain_db: float) -> float:
    return min(MAX_GAIN_DB, max(-MAX_GAIN_DB, gain_db))


def _levelling(gain_db: float) -> list[tuple[str, dict[str, str]]]:
    limit = {"limit": f"{10 ** (PEAK_DBFS / 20):.6f}"}
    return [("volume", {"volume": f"{gain_db:.4f}dB", "precision": "float"}), ("alimiter", limit | _LIMITER)]


def _graph(rate_hz: int, filters: list[tuple[str, dict[str, str]]]) -> Graph:
    graph = Graph()
    nodes = [graph.add_abuffer(format="s16", sample_rate=rate_hz, layout="mono", time_base=Fraction(1, rate_hz))]
    nodes += [graph.add(name, **options) for name, options in filters]
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def _filtered(graph: Graph, blocks: Iterable[bytes], rate_hz: int) -> Iterator[av.AudioFrame]:
    samples = 0
    for block in blocks:
        sound = np.frombuffer(block, "<i2")
        if not len(sound):
            continue
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, samples, Fraction(1, rate_hz)
        samples += len(sound)
        graph.push(frame)
        yield from _ready(graph)
    graph.push(None)
    yield from _ready(graph)


def _ready(graph: Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame
