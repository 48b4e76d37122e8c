"""Which of several tracks is used: the one with speech, the one with a person, or the one that a job names."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.errors import TrackNotFound
from shared.domain.options import JobOptions
from shared.domain.recording import Recording
from shared.domain.tracks import PICTURE_CHOSEN, SOUND_CHOSEN, WantedTracks, slides_picture, use_tracks
from shared.job_status import JobStatus
from shared.media.payload import MediaPayload, SidecarPayload
from shared.media.probe.choose_tracks import BY_BEGINNING
from shared.media.probe.decoder import UNMEASURED, InProcessDecoder
from shared.media.probe.probe import probe
from shared.media.probe.sandbox import SandboxedDecoder
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_session, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, WORK
from shared.wiring import build_services
from tests.media.test_whole_job import run_to_the_end

RATE = 16_000
SECONDS = 12
Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Seconds of the example lecture's voice."""
    with av.open(str(Path(__file__).parents[2] / "examples/lecture.mp4")) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        pieces: list[Any] = []
        for frame in container.decode(audio=0):
            pieces += [each.to_ndarray()[0] for each in resampler.resample(frame)]
            if sum(map(len, pieces)) > SECONDS * RATE:
                break
    return np.concatenate(pieces)[: SECONDS * RATE]


def hiss(level: float, seconds: float = SECONDS) -> Samples:
    noise = np.random.default_rng(1).normal(0, level * 32767, round(seconds * RATE))
    return noise.astype(np.int16)


def camera(t: float) -> NDArray[np.uint8]:
    """A person who walks before a wall."""
    picture = np.full((90, 160, 3), 160, np.uint8)
    left = round(60 + 40 * np.sin(t))
    picture[25:85, left : left + 14] = (60, 40, 30)
    return picture


def slides(t: float) -> NDArray[np.uint8]:
    """A page of lines, and another one from 7 s on."""
    picture = np.full((180, 320, 3), 250, np.uint8)
    for line in range(6):
        picture[20 + 24 * line : 28 + 24 * line, 20 : 120 + 30 * (line if t < 7 else 5 - line)] = 20
    return picture


def recording_of(
    sounds: Sequence[Samples], pictures: Sequence[Any] = (), format: str = "matroska", default: int = 0
) -> bytes:
    """A file with these sounds and pictures; the sound with number `default` is marked as default."""
    out = io.BytesIO()
    with av.open(out, "w", format=format) as container:
        packets: list[Any] = []
        for paint in pictures:
            stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "20"})
            stream.height, stream.width = paint(0.0).shape[:2]
            stream.pix_fmt = "yuv420p"
            for number in range(SECONDS * 10):
                frame = av.VideoFrame.from_ndarray(paint(number / 10), format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        for number, samples in enumerate(sounds):
            sound = container.add_stream("aac", rate=RATE, layout="mono")
            sound.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
            for at in range(0, len(samples), 1024):
                piece = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="s16", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = RATE, at, Fraction(1, RATE)
                packets += sound.encode(piece)
            packets += sound.encode(None)
        container.start_encoding()
        for packet in sorted(packets, key=lambda each: float((each.dts or 0) * each.time_base)):
            container.mux(packet)
    return out.getvalue()


def probed(clip: bytes) -> Recording:
    return probe(io.BytesIO(clip), len(clip))


def codes(recording: Recording) -> list[str]:
    return [warning.code for warning in recording.warnings]


@pytest.fixture(scope="module")
def screen_recording(speech: Samples) -> bytes:
    """The silence of a desktop, then a microphone."""
    return recording_of([np.zeros_like(speech), speech])


@pytest.fixture(scope="module")
def two_pictures(speech: Samples) -> bytes:
    return recording_of([speech], [slides, camera])


def test_the_microphone_is_used_and_not_the_silence_of_the_desktop(screen_recording: bytes) -> None:
    found = probed(screen_recording)
    assert found.audio is not None
    assert found.audio.index == 1
    assert [each.index for each in found.other_audios] == [0]
    assert "0: 0%" in (found.choice.audio_reason or "")
    assert SOUND_CHOSEN in codes(found)
    assert found.duration_sec == pytest.approx(SECONDS, abs=0.2)


def test_the_lapel_microphone_is_used_and_not_the_room(speech: Samples) -> None:
    room = np.clip(speech // 10 + hiss(0.01), -32768, 32767).astype(np.int16)
    found = probed(recording_of([room, speech]))
    assert found.audio is not None
    assert found.audio.index == 1


def test_of_equal_sounds_the_default_is_used_without_a_warning(speech: Samples) -> None:
    found = probed(recording_of([speech, speech], default=1))
    assert found.audio is not None
    assert found.audio.index == 1
    assert codes(found) == []


def test_without_speech_the_default_is_used_with_a_warning() -> None:
    found = probed(recording_of([hiss(0.01, 6), hiss(0.02, 6)]))
    assert found.audio is not None
    assert found.audio.index == 0
    assert codes(found) == [SOUND_CHOSEN]


def test_the_camera_is_followed_and_the_slides_are_named(two_pictures: bytes) -> None:
    found = probed(two_pictures)
    assert found.video is not None
    assert (found.video.index, found.video.width) == (1, 160)
    assert found.choice.slides == 0
    assert codes(found) == [PICTURE_CHOSEN]
    streams = {each.index: each for each in MediaPayload.of(found, "").streams}
    assert {index: each.role for index, each in streams.items()} == {0: "slides", 1: "picture", 2: None}
    assert "moves" in (streams[1].reason or "")


def test_a_single_track_of_each_kind_is_told_as_before(speech: Samples) -> None:
    told = MediaPayload.of(probed(recording_of([speech], [camera])), "").model_dump(mode="json", by_alias=True)
    assert [set(stream) & {"role", "reason"} for stream in told["streams"]] == [set(), set()]


def test_a_named_track_is_used(two_pictures: bytes, screen_recording: bytes) -> None:
    found = use_tracks(probed(two_pictures), WantedTracks(video=0))
    assert found.video is not None
    assert (found.video.index, found.choice.slides, codes(found)) == (0, 1, [])
    found = use_tracks(probed(two_pictures), WantedTracks(slides=1))
    assert found.video is not None
    assert (found.video.index, found.choice.slides, codes(found)) == (0, 1, [])
    assert (slides_picture(found) or found).video == probed(two_pictures).video
    found = use_tracks(probed(screen_recording), WantedTracks(audio=0))
    assert found.audio is not None
    assert (found.audio.index, found.choice.audio_reason, codes(found)) == (0, "audioTrack names it.", [])


@pytest.mark.parametrize("wanted", [WantedTracks(audio=0), WantedTracks(video=2), WantedTracks(slides=7)])
def test_an_index_of_no_such_track_is_refused(two_pictures: bytes, wanted: WantedTracks) -> None:
    with pytest.raises(TrackNotFound, match="stream index of a"):
        use_tracks(probed(two_pictures), wanted)


def test_a_track_that_starts_later_begins_the_clock(speech: Samples) -> None:
    found = probed(recording_of([speech], [camera]))
    assert found.audio is not None
    late = Recording(
        **{
            **{name: getattr(found, name) for name in Recording.__slots__},
            "other_audios": (type(found.audio)(9, "aac", RATE, 1, 2.0, 10.0),),
            "video": None,
        }
    )
    moved = use_tracks(late, WantedTracks(audio=9))
    assert moved.audio is not None
    assert (moved.audio.start_sec, moved.start_sec) == (0.0, late.start_sec + 2.0)


def test_probe_and_job_choose_the_same(screen_recording: bytes) -> None:
    clip = screen_recording
    sandbox = SandboxedDecoder(60.0)

    def read(offset: int, length: int) -> bytes:
        return clip[offset : offset + length]

    quick = sandbox.at_ranges(read, len(clip), measures=False)
    assert (quick.audio, quick.choice) == (probed(clip).audio, probed(clip).choice)
    named = sandbox.at_ranges(read, len(clip), measures=False, wanted=WantedTracks(audio=0))
    assert named.audio is not None
    assert named.audio.index == 0
    with pytest.raises(TrackNotFound):
        sandbox.at_ranges(read, len(clip), measures=False, wanted=WantedTracks(audio=4))


def test_a_beginning_is_judged_with_a_warning(screen_recording: bytes) -> None:
    head = InProcessDecoder().at_head(screen_recording[: len(screen_recording) // 2], len(screen_recording))
    assert head.audio is not None
    assert head.audio.index == 1
    assert {BY_BEGINNING, UNMEASURED} <= set(head.warnings)


def test_jobs_over_one_session_use_their_own_tracks(speech: Samples) -> None:
    screen_recording = recording_of([np.zeros(4 * RATE, np.int16), speech[: 4 * RATE]])
    settings = {"engine": "pocketsphinx"}
    storage = MemoryStorage()
    services = build_services(Settings(**settings), storage)
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "clip.mkv"), screen_recording, "video/mp4")
    named = JobRequest(org_id="local", job_id="a", options=JobOptions(audio_track=0))
    jobs = [submit_stored(services, named, "s", "clip.mkv")]
    assert run_to_the_end(storage, jobs[0], **settings).status is JobStatus.DONE
    jobs.append(submit_session(services, JobRequest(org_id="local", job_id="b"), "s"))
    assert run_to_the_end(storage, jobs[1], **settings).status is JobStatus.DONE
    copies = [storage.blobs.read(WORK, f"local/s/{job.job_id}/audio.wav")[44:] for job in jobs]
    loudest = [int(np.abs(np.frombuffer(copy, "<i2").astype(int)).max()) for copy in copies]
    assert loudest[0] < 50 < 1000 < loudest[1]
    used = []
    for job in jobs:
        sidecar = SidecarPayload.model_validate_json(storage.blobs.read(RESULTS, f"local/s/{job.job_id}/sidecar.json"))
        used.append({stream.index: stream.role for stream in sidecar.media.streams})
    assert used == [{0: "sound", 1: "unused"}, {0: "unused", 1: "sound"}]
    with pytest.raises(TrackNotFound):
        submit_session(services, JobRequest(org_id="local", options=JobOptions(video_track=0)), "s")
