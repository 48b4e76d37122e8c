"""What pauses may say about sentences, and what they may not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.search.tokens import tokenise
from shared.transcription.captions import to_text
from shared.transcription.cues import make_cues
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from shared.transcription.phrasing import phrase

WORD_SEC = 0.25


def utterances(script: str, start: float = 0.0) -> list[TranscriptSegment]:
    """`one two [0.8] three`: words of a quarter of a second, and between utterances a pause in seconds."""
    made: list[TranscriptSegment] = []
    at, words = start, list[TranscriptWord]()

    def end_utterance() -> None:
        if words:
            text = " ".join(word.word for word in words)
            made.append(
                TranscriptSegment(
                    id=len(made), start=words[0].start, end=words[-1].end, text=text, confidence=0.5, words=tuple(words)
                )
            )
            words.clear()

    for piece in script.split():
        if piece.startswith("["):
            end_utterance()
            at = round(at + float(piece[1:-1]), 3)
        else:
            words.append(TranscriptWord(word=piece, start=at, end=round(at + WORD_SEC, 3), confidence=0.5))
            at = round(at + WORD_SEC, 3)
    end_utterance()
    return made


def shaped(script: str) -> list[str]:
    return [segment.text for segment in phrase(utterances(script))]


@pytest.mark.parametrize(
    ("script", "texts"),
    [
        ("we begin [0.9] then we go on", ["We begin.", "Then we go on."]),
        ("we begin [0.3] and go on", ["We begin and go on."]),
        ("we begin [0.65] then we go on", ["We begin", "then we go on."]),
        ("this is the [1.0] house", ["This is the", "house."]),
        ("this is the [2.5] house", ["This is the.", "House."]),
        ("i said i'm late and i'll go if i'd like", ["I said I'm late and I'll go if I'd like."]),
        ("ibis and in", ["Ibis and in."]),
        ("he met u.s. [1.0] so", ["He met u.s.", "So."]),
    ],
    ids=[
        "a long pause",
        "a breath",
        "neither",
        "looking for a word",
        "gone quiet",
        "first person",
        "no first person",
        "an abbreviation",
    ],
)
def test_pauses_make_sentences(script: str, texts: list[str]) -> None:
    assert shaped(script) == texts


def test_a_segment_that_is_only_long_does_not_end_a_sentence() -> None:
    long = " [0.3] ".join(["one two three four five six seven"] * 10)
    texts = shaped(long)
    assert len(texts) == 2
    assert texts[0].endswith(" seven")
    assert texts[1].startswith("one ")
    assert texts[1].endswith(" seven.")


SCRIPTS = st.lists(
    st.one_of(
        st.sampled_from(["i", "i'm", "the", "of", "rank", "o'clock", "a"]),
        st.floats(0.2, 3.0).map(lambda pause: f"[{pause:.3f}]"),
    ),
    max_size=60,
).map(" ".join)


@given(SCRIPTS)
def test_words_keep_their_letters_order_times_and_what_search_makes_of_them(script: str) -> None:
    before = [word for utterance in utterances(script) for word in utterance.words]
    segments = phrase(utterances(script))
    after = [word for segment in segments for word in segment.words]
    assert [(w.start, w.end, w.confidence) for w in after] == [(w.start, w.end, w.confidence) for w in before]
    assert [w.word.lower().rstrip(".") for w in after] == [w.word for w in before]
    tokens = [[token for word in words for token in tokenise(word.word)] for words in (before, after)]
    assert tokens[0] == tokens[1]
    for one, other in pairwise(segments):
        assert other.text[0].isupper() == (one.text.endswith(".") or other.text.startswith("I"))
    if segments:
        assert segments[0].text[0].isupper()
        assert segments[-1].text.endswith(".")


def test_captions_and_text_profit() -> None:
    script = "well let us begin with what we know of the weather [0.8] today we will look at rivers [2.2] and at lakes"
    segments = phrase(utterances(script))
    talk = Transcript(
        session_id="s",
        job_id="j",
        language="en",
        duration_sec=20.0,
        engine=TranscriptEngine(name="e", version="1", model="m"),
        segments=segments,
        speech_sec=8.0,
        warnings=(),
    )
    assert [" ".join(cue.lines) for cue in make_cues(talk)] == [
        "Well let us begin with what we know of the weather.",
        "Today we will look at rivers.",
        "And at lakes.",
    ]
    assert to_text(talk) == (
        "Well let us begin with what we know of the weather. Today we will look at rivers.\n\nAnd at lakes.\n"
    )
