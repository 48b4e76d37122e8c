"""Hostile files, each in a process of its own: a result or a named refusal, in bounded time and memory, every time.

A short form of `python3 dev.py bench hostile`, with every kind of file in it; and what the limits say, one by one.
"""

import io
import os
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks._hostile_clips import clip, write
from benchmarks._hostile_corpus import (
    Case,
    flipped,
    lying_clocks,
    misnamed,
    naming_others,
    noise,
    odd_headers,
    png_film,
    silent_flac,
    sound_with_gap,
    truncated,
    wav,
)
from benchmarks._hostile_run import run
from shared.domain.errors import RecordingTooLong, RostrumError, UnsupportedRecording
from shared.media.audio.decoder import FOR_SPEECH, AudioDecoder
from shared.media.container import open_container
from shared.media.limits import MAX_STREAMS, limit_allocations
from shared.media.probe.probe import probe
from shared.media.timeline.measure import measure

SEED = 7


def some_of_each() -> Iterator[Case]:
    """A handful of every kind, chosen by the seed."""
    chance = random.Random(SEED)
    for cases in (truncated(20), flipped(SEED, 2), misnamed(), noise(SEED, 8), odd_headers(SEED), lying_clocks()):
        listed = list(cases)
        yield from chance.sample(listed, min(len(listed), 9))
    yield "png-30000.mov", png_film(30_000, 30_000)
    yield "png-16000.mov", png_film(16_000, 16_000)
    yield "streams.mkv", write("matroska", audio="pcm_s16le", seconds=0.05, rate=8000, layout="mono", copies=1000)
    yield "hours.flac", silent_flac(10 * 3600, 8000)


def test_every_file_ends_in_a_result_or_a_refusal(tmp_path: Path) -> None:
    def written() -> Iterator[tuple[str, Path]]:
        for name, data in some_of_each():
            (tmp_path / "case").write_bytes(data)
            yield name, tmp_path / "case"

    outcomes = list(run(written()))
    assert [outcome for outcome in outcomes if outcome.is_bad] == []
    assert len(outcomes) > 50
    assert {outcome.kind for outcome in outcomes} == {"result", "refused"}


def test_files_that_name_others_open_nothing(tmp_path: Path) -> None:
    visits: list[str] = []

    class Inside(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    canary = tmp_path / "canary.wav"
    canary.write_bytes(wav(16000, 1, bytes(123_456)))
    os.utime(canary, (1, 2_000_000_000))  # read once, its access time would be set to now
    server = ThreadingHTTPServer(("127.0.0.1", 0), Inside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for name, data in naming_others(f"http://127.0.0.1:{server.server_port}/inside.mp4", str(canary)):
            source = io.BytesIO(data)
            source.name = str(tmp_path / name)
            try:
                found = probe(source, len(data))
            except RostrumError:
                continue
            assert found.size_bytes == len(data)
            assert found.duration_sec < 3, name  # its own two seconds, and not the canary's four
    finally:
        server.shutdown()
        server.server_close()
    assert visits == []
    assert canary.stat().st_atime == 1


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["mp4", "mp3", "flac", "wav", "ogg", "aac"]), st.data())
def test_probing_what_was_changed_anywhere(kind: str, data: st.DataObject) -> None:
    whole = bytearray(clip(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(whole), 4000) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        whole[at : at + len(piece)] = piece
    try:
        file = io.BytesIO(bytes(whole))
        found = measure(file, probe(file, len(whole)))
    except RostrumError as error:
        assert error.detail.endswith("."), error.detail  # noqa: PT017 (no error is as good)
    else:
        assert found.duration_sec > 0


def test_the_allocation_limit_holds_here() -> None:
    assert limit_allocations()


def test_a_picture_is_refused_before_it_takes_memory() -> None:
    data = write("matroska", video="mpeg2video", seconds=0.1, size=(8000, 4000))
    with pytest.raises(UnsupportedRecording, match="pixels"):
        probe(io.BytesIO(data), len(data))


@pytest.mark.parametrize("size", [(6, 48), (48, 6), (1000, 16)])
def test_a_picture_of_a_few_lines_is_none(size: tuple[int, int]) -> None:
    data = write("avi", video="png", seconds=0.3, size=size)
    with pytest.raises(UnsupportedRecording, match="too narrow"):
        probe(io.BytesIO(data), len(data))
    with_sound = write("avi", video="png", audio="pcm_s16le", seconds=0.3, size=size)
    found = probe(io.BytesIO(with_sound), len(with_sound))
    assert found.video is None
    assert found.audio is not None
    assert "too narrow" in found.warnings[0].text


@pytest.mark.parametrize("streams", [MAX_STREAMS, MAX_STREAMS + 1, 200])
def test_streams_are_counted(streams: int) -> None:
    data = write("matroska", audio="pcm_s16le", seconds=0.05, rate=8000, layout="mono", copies=streams)
    if streams <= MAX_STREAMS:
        probe(io.BytesIO(data), len(data))
        return
    with pytest.raises(UnsupportedRecording, match="streams"), open_container(io.BytesIO(data)):
        pass


def test_hours_of_silence_pass_in_blocks() -> None:
    data = sound_with_gap(2 * 3600)
    recording = probe(io.BytesIO(data), len(data))
    decoder = AudioDecoder(io.BytesIO(data), recording, lambda fraction: None)
    largest = samples = 0
    for block in decoder:
        largest, samples = max(largest, len(block)), samples + len(block) // 2
    assert largest <= FOR_SPEECH.block_bytes
    assert samples == decoder.samples == pytest.approx(2 * 3600 * 16000, abs=16000)


def test_sound_that_goes_on_for_longer_than_declared_is_stopped() -> None:
    data = write("wav", audio="pcm_s16le", seconds=5, rate=8000, layout="mono")
    recording = probe(io.BytesIO(data), len(data))
    with pytest.raises(RecordingTooLong):
        list(AudioDecoder(io.BytesIO(data), recording, lambda fraction: None, max_sec=3.0))


@pytest.mark.parametrize(("rate", "channels"), [(16000, 64), (2**31 - 1, 1)])
def test_sound_that_cannot_be_converted_is_refused(rate: int, channels: int) -> None:
    data = wav(rate, channels, bytes(200_000))
    recording = probe(io.BytesIO(data), len(data))
    with pytest.raises(UnsupportedRecording):
        list(AudioDecoder(io.BytesIO(data), recording, lambda fraction: None))
