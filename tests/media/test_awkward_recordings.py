"""Every awkward kind of recording: a right result, or a final error in a sentence that a person understands."""

import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.errors import (
    DamagedRecording,
    EmptyRecording,
    EncryptedRecording,
    FinalError,
    NotMedia,
    NoUsableStream,
    RostrumError,
)
from shared.domain.recording import Recording
from shared.domain.warning import texts
from shared.media.audio.decoder import AudioDecoder
from shared.media.probe.probe import probe
from shared.media.range_reader import RangeReader
from shared.media.timeline.measure import measure

ClipMaker = Callable[..., bytes]
Beeps = Callable[..., NDArray[np.float32]]


def examine(data: bytes) -> Recording:
    """Return what the header tells."""
    return probe(RangeReader(lambda at, length: data[at : at + length], len(data), 4096), len(data))


def measured(data: bytes) -> Recording:
    """Return what the packets tell."""
    file = RangeReader(lambda at, length: data[at : at + length], len(data), 4096)
    return measure(file, probe(file, len(data)))


def decode(data: bytes) -> tuple[AudioDecoder, NDArray[np.int16]]:
    decoder = AudioDecoder(io.BytesIO(data), examine(data), lambda fraction: None)
    return decoder, np.frombuffer(b"".join(decoder), np.int16)


def tones(samples: NDArray[np.int16]) -> list[float]:
    """Return the starts of tones in seconds: loud samples after a tenth of a second without any."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 3000)
    return [float(at) / 16000 for i, at in enumerate(loud) if i == 0 or at - loud[i - 1] > 1600]


BOTH = {"video": "libx264", "audio": "aac"}
LIVE = {"live": "1"}  # no length in the header
KINDS: list[tuple[str, str, dict[str, Any], tuple[bool, bool], float]] = [
    ("mp4 with both", "mp4", BOTH, (True, True), 3.0),
    ("matroska with both", "matroska", BOTH, (True, True), 3.0),
    ("transport stream", "mpegts", BOTH, (True, True), 3.0),
    ("flash video", "flv", BOTH, (True, True), 3.0),
    ("avi", "avi", {"video": "mpeg4", "audio": "libmp3lame"}, (True, True), 3.0),
    ("webm", "webm", {"video": "libvpx-vp9", "audio": "libopus", "rate": 48000, "seconds": 1.0}, (True, True), 1.0),
    ("webm as a browser records", "webm", {"video": "libvpx", "seconds": 1.0, "options": LIVE}, (True, False), 1.0),
    ("matroska as a stream", "matroska", {**BOTH, "options": LIVE}, (True, True), 3.0),
    ("picture only", "mp4", {"video": "libx264"}, (True, False), 3.0),
    ("sound only", "mp4", {"audio": "aac"}, (False, True), 3.0),
    ("flac", "flac", {"audio": "flac"}, (False, True), 3.0),
    ("mp3", "mp3", {"audio": "libmp3lame"}, (False, True), 3.0),
    ("mp3 without a header", "mp3", {"audio": "libmp3lame", "options": {"write_xing": "0"}}, (False, True), 3.0),
    ("mp3 with cover art", "mp3", {"audio": "libmp3lame", "cover": True}, (False, True), 3.0),
    ("aac without a header", "adts", {"audio": "aac"}, (False, True), 3.0),
    ("ogg", "ogg", {"audio": "libopus", "rate": 48000}, (False, True), 3.0),
    ("96 kHz", "flac", {"audio": "flac", "rate": 96000}, (False, True), 3.0),
    ("24 bit", "wav", {"audio": "pcm_s24le", "rate": 44100}, (False, True), 3.0),
    ("8 bit", "wav", {"audio": "pcm_u8", "rate": 8000}, (False, True), 3.0),
    ("stereo", "mp4", {"audio": "aac", "layout": "stereo"}, (False, True), 3.0),
    ("8 channels", "wav", {"audio": "pcm_s16le", "layout": "7.1"}, (False, True), 3.0),
    ("8 channels without a layout", "wav", {"audio": "pcm_s16le", "layout": "8 channels"}, (False, True), 3.0),
]


@pytest.mark.parametrize(
    ("format", "options", "has", "seconds"), [pytest.param(*kind[1:], id=kind[0]) for kind in KINDS]
)
def test_kinds(
    make_clip: ClipMaker, format: str, options: dict[str, Any], has: tuple[bool, bool], seconds: float
) -> None:
    """`has` says whether there is a picture and a sound; the sound has one tone, at 1 s (0.5 s in short clips)."""
    at = 1.0 if seconds > 2 else 0.5
    data = make_clip(format, **{"seconds": seconds, **options})
    recording = measured(data)
    assert (recording.video is not None, recording.audio is not None) == has
    assert recording.size_bytes == len(data)
    assert recording.duration_sec == pytest.approx(seconds, abs=0.21)  # Flash counts the encoder's delay
    assert recording.warnings == ()
    if recording.video is not None:
        assert (recording.video.width, recording.video.height, recording.video.rotation) == (64, 48, 0)
        assert recording.video.fps == pytest.approx(10, abs=0.01)
        assert recording.video.start_sec + recording.video.duration_sec == pytest.approx(seconds, abs=0.21)
    if recording.audio is not None:
        decoder, samples = decode(data)
        assert len(samples) == decoder.samples
        assert decoder.end_sec == pytest.approx(seconds, abs=0.15)
        assert decoder.decoded_sec == pytest.approx(decoder.end_sec - decoder.silence_sec)
        assert decoder.warnings == []
        if at == 1.0:
            # Formats that say nothing of the encoder's delay keep it: 1105 samples at most.
            assert tones(samples) == [pytest.approx(1.0, abs=0.075)]
        assert decoder.measured() == recording  # the same with and without decoding


NOTHING = [
    ("nothing", b"", EmptyRecording, "0 bytes"),
    ("text", b"These are my notes on the talk.\n" * 30, NotMedia, "is text"),
    ("text in another script", "Заметки к докладу.\n".encode() * 300, NotMedia, "is text"),
    ("random bytes", np.random.default_rng(1).bytes(100_000), NotMedia, "unknown kind"),
    ("zeros", bytes(100_000), NotMedia, "unknown kind"),
    ("web page", b"<!DOCTYPE html><html><body>Log in</body></html>", NotMedia, "web page"),
    ("pdf", b"%PDF-1.7\n" + bytes(5000), NotMedia, "PDF"),
    ("archive", b"PK\x03\x04" + bytes(5000), NotMedia, "ZIP"),
    ("playlist of a local file", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n", NotMedia, "playlist"),
    ("list of local files", b"ffconcat version 1.0\nfile /etc/passwd\n", NotMedia, "is text"),
    ("half an mp4 header", b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41", DamagedRecording, "index"),
    ("matroska header", b"\x1aE\xdf\xa3" + bytes(3000), DamagedRecording, "Matroska"),
]


@pytest.mark.parametrize(("data", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in NOTHING])
def test_what_is_no_recording(data: bytes, error: type[RostrumError], words: str) -> None:
    with pytest.raises(error, match=words):
        examine(data)


def test_a_picture_is_no_recording() -> None:
    _, jpeg = cv2.imencode(".jpg", np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(NotMedia, match="picture"):
        examine(jpeg.tobytes())


def test_an_encrypted_recording(make_clip: ClipMaker) -> None:
    keys = {"encryption_key": "76a6c65c5ea762046bd749a2e632ccbb", "encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}
    with pytest.raises(EncryptedRecording, match="copy protection"):
        examine(make_clip("mp4", **BOTH, options={"encryption_scheme": "cenc-aes-ctr", **keys}))


def test_a_header_without_content(make_clip: ClipMaker) -> None:
    wav = make_clip("wav", audio="pcm_s16le")
    header = wav[: wav.index(b"data") + 4] + bytes(4)
    with pytest.raises(EmptyRecording, match="0 seconds"):
        examine(header)


def test_an_mp4_that_was_never_finished(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", **BOTH)
    with pytest.raises(DamagedRecording, match="cut off"):
        examine(data[: len(data) // 2])


def test_a_stream_that_is_all_damaged_is_left_out(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", **BOTH)
    noise = np.random.default_rng(3).bytes(len(data))
    start = data.index(b"mdat") + 4
    broken = data[:start] + noise[start : data.index(b"moov") - 4] + data[data.index(b"moov") - 4 :]
    with pytest.raises(DamagedRecording, match="could be decoded"):
        examine(broken)


# Cut to this share of the bytes; the rest of the parameters make the clip.
CUT = [
    ("mp4 with the index first", "mp4", {**BOTH, "options": {"movflags": "faststart"}, "video_options": {"bf": "0"}}),
    ("matroska", "matroska", BOTH),
    ("flac", "flac", {"audio": "flac"}),
    ("mp3", "mp3", {"audio": "libmp3lame"}),
    ("aiff", "aiff", {"audio": "pcm_s16be"}),
]


@pytest.mark.parametrize(("format", "options"), [pytest.param(*row[1:], id=row[0]) for row in CUT])
def test_a_recording_that_is_cut_off(
    make_clip: ClipMaker, make_beeps: Beeps, format: str, options: dict[str, Any]
) -> None:
    sound = make_beeps(20.0, 16000, at=list(range(20)), length=0.5)
    data = make_clip(format, seconds=20.0, sound=[(0.0, sound)], **options)
    data = data[: len(data) * 6 // 10]
    recording = examine(data)
    assert recording.duration_sec == pytest.approx(20.0, abs=0.15)
    decoder, _ = decode(data)
    recording = decoder.measured()
    assert 5.0 < decoder.end_sec < 19.0
    assert 5.0 < recording.duration_sec < 19.0
    assert recording.video is None or 5.0 < recording.video.duration_sec < 19.0
    (warning,) = (each for each in recording.warnings if each.code != "sound_damaged")
    assert warning.text.startswith("The recording is cut off: it declares 20.")


def test_a_wav_that_is_cut_off_is_told_by_its_header(make_clip: ClipMaker) -> None:
    data = make_clip("wav", audio="pcm_s16le")
    recording = examine(data[: len(data) // 2])
    assert recording.duration_sec == pytest.approx(1.5, abs=0.01)
    assert texts(recording.warnings) == (
        f"The recording is cut off: it declares {len(data)} bytes but the file has only {len(data) // 2}.",
    )


@pytest.mark.parametrize(("format", "codec"), [("flac", "flac"), ("adts", "aac"), ("mp3", "libmp3lame")])
def test_damage_in_the_middle_is_told_and_the_rest_keeps_its_place(
    make_clip: ClipMaker, make_beeps: Beeps, format: str, codec: str
) -> None:
    sound = make_beeps(20.0, 16000, at=[1.0, 18.0]) + np.random.default_rng(1).normal(0, 0.02, 320_000)
    data = bytearray(make_clip(format, audio=codec, sound=[(0.0, sound.astype(np.float32))]))
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(2).bytes(3000)
    decoder, samples = decode(bytes(data))
    if format == "flac":  # its blocks carry their place and a checksum
        assert decoder.warnings
        assert tones(samples) == [pytest.approx(1.0, abs=0.06), pytest.approx(18.0, abs=0.06)]
    assert 18.0 < decoder.end_sec < 20.2


def test_ten_hertz(make_clip: ClipMaker) -> None:
    slow = np.sin(2 * np.pi * 0.5 * np.arange(300) / 10).astype(np.float32) * 0.5
    recording = examine(data := make_clip("wav", audio="pcm_s16le", rate=10, sound=[(0.0, slow)]))
    assert recording.audio is not None
    assert (recording.audio.sample_rate, recording.duration_sec) == (10, 30.0)
    decoder, samples = decode(data)
    assert decoder.end_sec == pytest.approx(30.0, abs=0.01)
    wanted = np.sin(2 * np.pi * 0.5 * np.arange(480_000) / 16000) * 0.5 * 32767
    assert np.abs(samples[16000:-32000] - wanted[16000 : len(samples) - 32000]).max() < 1500


def test_sound_too_short_for_the_resampler_keeps_its_length(make_clip: ClipMaker) -> None:
    data = make_clip("wav", audio="pcm_s16le", rate=10, sound=[(0.0, np.full(10, 0.5, np.float32))])
    assert decode(data)[0].end_sec == pytest.approx(1.0)


@pytest.mark.parametrize(("format", "codec"), [("webm", "libvpx-vp9"), ("avi", "mpeg4"), ("matroska", "mpeg4")])
def test_odd_sizes(make_clip: ClipMaker, format: str, codec: str) -> None:
    recording = examine(make_clip(format, video=codec, size=(101, 77), seconds=1.0))
    assert recording.video is not None
    assert (recording.video.width, recording.video.height) == (101, 77)


@pytest.mark.parametrize(("rotation", "size"), [(90, (48, 64)), (180, (64, 48)), (270, (48, 64))])
def test_rotation(make_clip: ClipMaker, rotation: int, size: tuple[int, int]) -> None:
    video = examine(make_clip("mp4", video="libx264", rotation=rotation)).video
    assert video is not None
    assert (video.rotation, (video.width, video.height)) == (rotation, size)


def test_pixels_that_are_not_square(make_clip: ClipMaker) -> None:
    video = examine(make_clip("mp4", video="mpeg4", pixel_aspect=Fraction(4, 3))).video
    assert video is not None
    assert (video.width, video.height) == (85, 48)


def test_a_variable_frame_rate_gives_the_average(make_clip: ClipMaker) -> None:
    times = [0.0, 0.1, 0.2, 1.2, 1.3, 2.9]
    data = make_clip("mp4", video="libx264", frame_times=times, video_options={"bf": "0"})
    recording = examine(data)
    assert recording.video is not None
    assert recording.video.fps == pytest.approx(6 / recording.duration_sec, rel=0.05)
    assert measured(data).duration_sec == recording.duration_sec


@pytest.mark.parametrize("format", ["matroska", "mp4", "mpegts"])
def test_the_clock_begins_with_the_earliest_stream(make_clip: ClipMaker, make_beeps: Beeps, format: str) -> None:
    frame_times = [5 + i / 10 for i in range(40)]
    sound = [(7.0, make_beeps(2.0, 16000, at=[1.0]))]
    data = make_clip(format, **BOTH, frame_times=frame_times, sound=sound, video_options={"bf": "0"})
    recording = examine(data)
    assert recording.video is not None
    assert recording.audio is not None
    assert recording.video.start_sec == 0.0
    assert recording.audio.start_sec == pytest.approx(2.0, abs=0.1)
    assert recording.duration_sec == pytest.approx(4.0, abs=0.15)
    decoder, samples = decode(data)
    assert decoder.silence_sec == pytest.approx(2.0, abs=0.1)
    assert decoder.warnings == []  # to begin late is not to be damaged
    assert tones(samples) == [pytest.approx(3.0, abs=0.08)]


def test_gaps_become_silence(make_clip: ClipMaker, make_beeps: Beeps) -> None:
    sound = [(0.0, make_beeps(2.0, 16000, at=[0.5])), (5.0, make_beeps(2.0, 16000, at=[0.5]))]
    decoder, samples = decode(make_clip("matroska", audio="pcm_s16le", sound=sound))
    assert tones(samples) == [pytest.approx(0.5, abs=0.01), pytest.approx(5.5, abs=0.01)]
    assert (decoder.end_sec, decoder.silence_sec) == (pytest.approx(7.0, abs=0.01), pytest.approx(3.0, abs=0.01))
    assert texts(decoder.warnings) == ("The sound has gaps of 3.00 s in all; silence stands in their place.",)


def test_mutilated_recordings_end_in_a_result_or_a_final_error(make_clip: ClipMaker) -> None:
    """Sixty seeded mutilations: nothing but the tree's final errors may come out, and no more sound than declared."""
    chance = np.random.default_rng(42)
    whole = [make_clip(format, **BOTH) for format in ("mp4", "matroska", "mpegts", "avi")]
    outcomes = set()
    for round_number in range(60):
        data = bytearray(whole[round_number % len(whole)])
        for _ in range(chance.integers(1, 20)):
            at, length = chance.integers(0, len(data)), chance.integers(1, 40)
            data[at : at + length] = chance.bytes(min(length, len(data) - at))
        try:
            recording = examine(bytes(data))
        except FinalError as err:
            outcomes.add(type(err))
            continue
        if recording.audio is not None and recording.duration_sec < 3600:
            decoder, _ = decode(bytes(data))
            outcomes.add(Recording)
            assert decoder.end_sec < max(recording.duration_sec, 10.0) + 15.0
    assert Recording in outcomes


@pytest.mark.parametrize(("format", "codec"), [("adts", "aac"), ("mp3", "libmp3lame")])
def test_rate_and_layout_may_change_in_the_middle(
    make_clip: ClipMaker, make_beeps: Beeps, format: str, codec: str
) -> None:
    bare = {"write_xing": "0", "id3v2_version": "0"} if format == "mp3" else {}
    first = make_clip(format, audio=codec, options=bare)
    second = [(0.0, make_beeps(3.0, 44100, at=[1.0]))]
    second_part = make_clip(format, audio=codec, rate=44100, layout="stereo", sound=second, options=bare)
    decoder, samples = decode(first + second_part)
    assert decoder.end_sec == pytest.approx(6.0, abs=0.3)
    assert tones(samples) == [pytest.approx(1.0, abs=0.1), pytest.approx(4.0, abs=0.25)]


def test_a_coding_that_is_not_known(make_clip: ClipMaker) -> None:
    with pytest.raises(NoUsableStream, match="not supported"):
        examine(make_clip("mp4", video="libx264").replace(b"avc1", b"zzzz"))
    recording = examine(make_clip("mp4", **BOTH).replace(b"avc1", b"zzzz"))
    assert recording.video is None
    assert recording.audio is not None
