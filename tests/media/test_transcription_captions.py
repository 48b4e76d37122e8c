"""Captions of what the embedded engine really writes, on every clip of speech that is at hand."""

import html
import io
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import pysubs2
import pytest
import srt
import webvtt

from shared.media.audio.decoder import wav_header
from shared.transcription.audio import SAMPLE_RATE, WavAudio
from shared.transcription.captions import to_srt, to_text, to_webvtt
from shared.transcription.cues import make_cues
from shared.transcription.payload import Transcript
from shared.transcription.transcribe import merge_parts, transcribe_part
from shared.transcription.warm import select_engine

SPEECH = Path(__file__).parents[3] / "shared" / "data" / "speech"
SECONDS = 2.5  # of each clip
Shown = tuple[int, int, str]


@pytest.fixture(scope="module")
def talk() -> Transcript:
    clips = sorted(SPEECH.glob("*.flac"))
    if not clips:
        pytest.skip("no speech is here")
    samples = b"".join(beginning(clip) + bytes(2 * SAMPLE_RATE) for clip in clips)
    audio = WavAudio(io.BytesIO(wav_header(len(samples) // 2) + samples))
    engine = select_engine("pocketsphinx")
    made = (
        transcribe_part(
            audio,
            engine,
            part=part,
            parts=2,
            duration_sec=audio.duration_sec,
            language="en",
            report=lambda fraction: None,
        )
        for part in range(2)
    )
    return merge_parts(made, session_id="s", job_id="j", duration_sec=audio.duration_sec)


def beginning(clip: Path) -> bytes:
    with av.open(str(clip)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)[: round(SECONDS * SAMPLE_RATE) * 2]


def test_no_hard_limit_is_broken_and_no_word_lost(talk: Transcript) -> None:
    cues = make_cues(talk)
    assert len(cues) >= 6
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(line) <= 42 for line in cue.lines)
        assert cue.start >= 0.0
        assert 1.0 <= round(cue.end - cue.start, 3) <= 7.0
        assert cue.end <= talk.duration_sec
    assert all(round(after.start - before.end, 3) >= 0.083 for before, after in pairwise(cues))  # two frames of film
    said = [word.word for segment in talk.segments for word in segment.words]
    assert " ".join(" ".join(cue.lines) for cue in cues).split() == said
    assert to_text(talk).split() == said


def test_other_libraries_read_the_same_text_and_times(talk: Transcript) -> None:
    meant = [(round(cue.start * 1000), round(cue.end * 1000), "\n".join(cue.lines)) for cue in make_cues(talk)]
    vtt, subrip = to_webvtt(talk), to_srt(talk)
    assert [by_webvtt(cue) for cue in webvtt.from_string(vtt)] == meant
    assert [by_srt(subtitle) for subtitle in srt.parse(subrip)] == meant
    for text in (vtt, subrip):
        assert [(e.start, e.end, html.unescape(e.plaintext)) for e in pysubs2.SSAFile.from_string(text)] == meant


def by_webvtt(cue: webvtt.Caption) -> Shown:
    return milliseconds(cue.start), milliseconds(cue.end), html.unescape(cue.text)


def milliseconds(time: str) -> int:
    hours, minutes, seconds = time.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def by_srt(subtitle: srt.Subtitle) -> Shown:
    tick = timedelta(milliseconds=1)
    return subtitle.start // tick, subtitle.end // tick, subtitle.content
