"""The sound to listen to: its loudness, its times, its chapters; and the peaks of the waveform."""

import io
from collections.abc import Iterator
from typing import Any

import av
import av.error
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.media.audio.listening import (
    Chapter,
    add_chapters,
    encode_listening,
    sound_index_bytes,
)
from shared.media.audio.loudness import MAX_GAIN_DB, TARGET_LUFS, level_gain_db
from shared.media.audio.peaks import PeakFinder
from shared.media.audio.rates import player_rate_hz

RATE_HZ = 48_000
SECONDS = 12
CHAPTERS = [Chapter(0.0, 5.0, "Rivers"), Chapter(5.0, 12.0, "Größe & Meer")]


def talk(level: float, seconds: float = SECONDS) -> NDArray[np.int16]:
    """Return noise that rises and falls as syllables do, with a click in the middle, and a beep at 1 s."""
    random = np.random.default_rng(1)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    noise = np.convolve(random.normal(0, 2 * level, len(time)), np.ones(12) / 12, "same")
    sound = noise * (0.2 + np.abs(np.sin(2 * np.pi * 3 * time)))
    sound[: RATE_HZ * 2] = 0
    sound[RATE_HZ : RATE_HZ + RATE_HZ // 10] = np.sin(2 * np.pi * 440 * time[: RATE_HZ // 10]) * level * 2
    sound[len(sound) // 2] = 1.0
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)


def seconds_of(sound: NDArray[np.int16]) -> Iterator[bytes]:
    """Yield the sound in blocks of a second."""
    for at in range(0, len(sound), RATE_HZ):
        yield sound[at : at + RATE_HZ].tobytes()


def encoded(sound: NDArray[np.int16]) -> bytes:
    gain_db = level_gain_db([seconds_of(sound), seconds_of(sound)], RATE_HZ)
    target = io.BytesIO()
    encode_listening(seconds_of(sound), RATE_HZ, gain_db, target)
    return target.getvalue()


def with_chapters(data: bytes) -> bytes:
    source, target = io.BytesIO(data), io.BytesIO()
    reports: list[float] = []
    add_chapters(source, target, CHAPTERS, "A talk", sound_index_bytes(source, CHAPTERS), reports.append)
    assert reports == sorted(reports)
    return target.getvalue()


def r128(data: bytes) -> tuple[float, float]:
    """Return the integrated loudness (LUFS) and the true peak (dBTP), by FFmpeg's meter."""
    with av.open(io.BytesIO(data)) as container:
        graph, stream = av.filter.Graph(), container.streams.audio[0]
        meter = graph.add("ebur128", metadata="1", peak="true", framelog="quiet")
        graph.link_nodes(graph.add_abuffer(template=stream), meter, graph.add("abuffersink")).configure()
        told: dict[str, str] = {}
        for frame in container.decode(stream):
            graph.push(frame)
            while True:
                try:
                    told.update(graph.pull().metadata)
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
    return float(told["lavfi.r128.I"]), 20 * np.log10(float(told["lavfi.r128.true_peak"]))


@pytest.mark.parametrize("level", [0.01, 0.08, 0.5], ids=["soft", "ordinary", "loud"])
def test_every_recording_has_the_loudness_of_podcasts(level: float) -> None:
    loudness, peak = r128(encoded(talk(level)))
    assert loudness == pytest.approx(TARGET_LUFS, abs=1.0)
    assert peak <= -1.0


def test_silence_and_an_empty_room_are_not_raised_without_limit() -> None:
    silence = np.zeros(RATE_HZ * 2, np.int16)
    assert level_gain_db([seconds_of(silence), seconds_of(silence)], RATE_HZ) == 0
    hiss = talk(0.00005)
    assert level_gain_db([seconds_of(hiss), seconds_of(hiss)], RATE_HZ) <= MAX_GAIN_DB


def test_the_sound_keeps_its_times_and_its_length() -> None:
    with av.open(io.BytesIO(with_chapters(encoded(talk(0.08))))) as container:
        assert container.duration / av.time_base == pytest.approx(SECONDS, abs=0.03)
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    first_sec = float(frames[0].pts * frames[0].time_base)
    assert first_sec + np.flatnonzero(np.abs(samples) > 0.03)[0] / RATE_HZ == pytest.approx(1.0, abs=0.01)
    assert len(samples) / RATE_HZ == pytest.approx(SECONDS, abs=0.05)


def test_chapters_and_the_index_are_inside_and_stay_when_they_are_written_again() -> None:
    once = with_chapters(encoded(talk(0.08)))
    assert once.index(b"moov") < once.index(b"mdat")
    with av.open(io.BytesIO(once)) as container:
        told = [(each["start"] * each["time_base"], each["metadata"]["title"]) for each in container.chapters()]
        assert told == [(each.start, each.title) for each in CHAPTERS]
        assert container.metadata["title"] == "A talk"
        assert container.streams.audio[0].codec_context.name == "aac"
    assert with_chapters(once) == once


@pytest.mark.parametrize(("rate", "used"), [(8_000, 16_000), (44_100, 44_100), (11_025, 16_000), (96_000, 48_000)])
def test_the_rate_is_one_that_every_player_takes(rate: int, used: int) -> None:
    assert player_rate_hz(rate) == used


def test_peaks_are_those_of_each_tenth_of_a_second(make_beeps: Any) -> None:
    sound = np.round(make_beeps(1.05, 16_000, at=[0.3]) * 32767).astype("<i2")
    whole, split = PeakFinder(), PeakFinder()
    whole.hear(sound.tobytes())
    for at in range(0, len(sound), 700):
        split.hear(sound[at : at + 700].tobytes())
    peaks = whole.found()
    assert peaks == split.found()
    assert peaks.length == len(peaks.data) // 2 == 11
    assert peaks.data[:6] == (0, 0) * 3
    assert peaks.data[6:10] == (-64, 64) * 2
    assert peaks.data[10:] == (0, 0) * 6
