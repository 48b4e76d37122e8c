"""Segments that are sentences, over the borders of utterances and parts."""

import pytest

from shared.transcription.cues import make_cues
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from shared.transcription.sentence_ends import ends_sentence
from shared.transcription.sentences import as_sentences


def utterance(start: float, text: str, language: str = "en", joined: str | None = None) -> TranscriptSegment:
    words = tuple(
        TranscriptWord(word=word, start=start + at * 0.5, end=start + at * 0.5 + 0.4, confidence=0.8)
        for at, word in enumerate(text.split())
    )
    return TranscriptSegment(
        id=0,
        start=words[0].start,
        end=words[-1].end,
        text=text if joined is None else joined,
        confidence=0.8,
        words=words,
        language=language,
    )


def test_a_segment_is_a_sentence() -> None:
    made = as_sentences([utterance(0.0, "It costs 3.5 pounds. Mr. J. Smith paid. Did he?")])
    assert [segment.text for segment in made] == ["It costs 3.5 pounds.", "Mr. J. Smith paid.", "Did he?"]
    assert [segment.id for segment in made] == [0, 1, 2]
    assert made[1].start == made[1].words[0].start == 2.0


def test_a_sentence_goes_on_over_a_border() -> None:
    made = as_sentences([utterance(0.0, "One. And then we"), utterance(2.5, "saw it. Two.")])
    assert [segment.text for segment in made] == ["One.", "And then we saw it.", "Two."]


def test_a_long_pause_and_another_language_end_a_segment() -> None:
    apart = as_sentences([utterance(0.0, "And then we"), utterance(3.5, "saw it.")])
    other = as_sentences([utterance(0.0, "And then we"), utterance(1.5, "sahen es.", "de")])
    assert [segment.text for segment in apart] == ["And then we", "saw it."]
    assert [(segment.text, segment.language) for segment in other] == [("And then we", "en"), ("sahen es.", "de")]


def test_text_without_spaces_is_left_as_it_is() -> None:
    made = as_sentences([utterance(0.0, "你好。 世界。", "zh", joined="你好。世界。"), utterance(1.5, "One. Two.")])
    assert [segment.text for segment in made] == ["你好。世界。", "One.", "Two."]


@pytest.mark.parametrize(
    ("word", "following", "ends"),
    [
        ("done.", "Then", True),
        ("done.”", "Then", True),
        ("Dr.", "Who", False),
        ("U.S.", "Army", False),
        ("well...", "you", False),
        ("3.5", "Then", False),
        ("Mr.", None, True),
    ],
)
def test_where_sentences_end(word: str, following: str | None, ends: bool) -> None:
    assert ends_sentence(word, following) is ends


def test_a_name_is_not_torn_from_its_title_in_captions() -> None:
    text = "On that long and cold day in December Mr. Pickwick met Dr. Slammer, who paid 3.5 pounds."
    segments = as_sentences([utterance(0.0, text)])
    transcript = Transcript(
        session_id="s",
        job_id="j",
        language="en",
        duration_sec=20.0,
        engine=TranscriptEngine(name="e", version="1", model="m"),
        segments=segments,
        speech_sec=9.0,
        warnings=(),
    )
    lines = [line for cue in make_cues(transcript) for line in cue.lines]
    assert " ".join(lines) == text
    assert not any(line.endswith(("Mr.", "Dr.")) for line in lines)
