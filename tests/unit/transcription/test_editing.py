"""Operations on a transcript: what they do, what they refuse, and that no order of them breaks a transcript."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.transcription.editing.apply import Edited, OperationRefused, apply_operations
from shared.transcription.editing.changes import changes_between
from shared.transcription.editing.operations import Operation
from shared.transcription.editing.word_ids import next_segment_id, with_word_ids
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord

OPERATIONS: TypeAdapter[list[Operation]] = TypeAdapter(list[Operation])
DURATION_SEC = 30.0
Line = tuple[str, float]


def transcript_of(*lines: Line, word_sec: float = 0.5) -> Transcript:
    """A transcript with a segment for each text, which begins at its time."""
    segments = []
    for number, (text, start) in enumerate(lines):
        words = tuple(
            TranscriptWord(
                word=word,
                start=round(start + at * word_sec, 3),
                end=round(start + (at + 1) * word_sec, 3),
                confidence=0.5,
            )
            for at, word in enumerate(text.split())
        )
        segments.append(
            TranscriptSegment(
                id=number, start=start, end=words[-1].end, text=text, confidence=0.5, words=words, language="en"
            )
        )
    return with_word_ids(
        Transcript(
            session_id="s",
            job_id="j",
            language="en",
            duration_sec=DURATION_SEC,
            engine=TranscriptEngine(name="moonshine", version="0.1.0", model="tiny-en"),
            segments=tuple(segments),
            speech_sec=10.0,
            warnings=(),
        )
    )


TALK = transcript_of(("the vorony diagram", 1.0), ("of four points", 4.0), ("is flat", 5.5))
"""Words w0 to w7: the second segment ends where the third begins."""


def edited(*operations: dict[str, Any], talk: Transcript = TALK) -> Edited:
    asked = OPERATIONS.validate_python(list(operations))
    return apply_operations(talk, asked, version=1, next_segment_id=next_segment_id(talk))


def shown(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript.segments]


def words_of(transcript: Transcript) -> dict[str, TranscriptWord]:
    return {str(word.id): word for segment in transcript.segments for word in segment.words}


@pytest.mark.parametrize(
    ("operation", "texts"),
    [
        ({"op": "replace", "wordIds": ["w1"], "text": "Voronoi"}, ["the Voronoi diagram", "of four points", "is flat"]),
        ({"op": "replace", "wordIds": ["w0", "w1"], "text": "A"}, ["A diagram", "of four points", "is flat"]),
        (
            {"op": "replace", "wordIds": ["w3"], "text": "made out of"},
            ["the vorony diagram", "made out of four points", "is flat"],
        ),
        ({"op": "insert", "after": "w2", "text": "here"}, ["the vorony diagram here", "of four points", "is flat"]),
        ({"op": "insert", "before": "w0", "text": "So, "}, ["So, the vorony diagram", "of four points", "is flat"]),
        ({"op": "delete", "wordIds": ["w6", "w1"]}, ["the diagram", "of four points", "flat"]),
        ({"op": "delete", "wordIds": ["w6", "w7"]}, ["the vorony diagram", "of four points"]),
        ({"op": "delete", "segmentIds": [1]}, ["the vorony diagram", "is flat"]),
        ({"op": "split", "wordId": "w4"}, ["the vorony diagram", "of", "four points", "is flat"]),
        ({"op": "merge", "segmentIds": [0, 1, 2]}, ["the vorony diagram of four points is flat"]),
        (
            {"op": "insert", "start": 10, "end": 11.5, "text": "Any questions?", "speaker": "Ann"},
            ["the vorony diagram", "of four points", "is flat", "Any questions?"],
        ),
    ],
)
def test_an_operation_changes_the_text(operation: dict[str, Any], texts: list[str]) -> None:
    made = edited(operation).transcript
    assert shown(made) == texts
    Transcript.model_validate_json(made.model_dump_json(by_alias=True))


def test_words_keep_their_ids_and_times() -> None:
    made = words_of(edited({"op": "replace", "wordIds": ["w1", "w2"], "text": "Voronoi diagrams"}).transcript)
    before = words_of(TALK)
    assert made.keys() == before.keys()
    assert [(word.start, word.end) for word in made.values()] == [(word.start, word.end) for word in before.values()]
    assert (made["w1"].word, made["w1"].confidence, made["w0"].confidence) == ("Voronoi", 1.0, 0.5)


def test_inserted_words_lie_between_their_neighbours() -> None:
    made = edited(
        {"op": "insert", "after": "w2", "text": "with all"},  # before a pause
        {"op": "insert", "after": "w5", "text": "which"},  # where there is none
        {"op": "insert", "before": "w3", "text": "and"},  # behind a pause
    ).transcript
    first, second, _ = made.segments
    assert [(word.start, word.end) for word in first.words[3:]] == [(2.5, 2.957), (2.957, 3.3)]
    assert (second.words[0].word, second.words[0].start, second.words[0].end) == ("and", 3.6, 4.0)
    assert (second.words[-1].word, second.words[-1].start, second.words[-1].end) == ("which", 5.5, 5.5)


def test_a_word_that_becomes_several_shares_its_time() -> None:
    made = words_of(edited({"op": "replace", "wordIds": ["w2"], "text": "dia gram"}).transcript)
    assert [(made[each].start, made[each].end) for each in ("w2", "v1.0")] == [(2.0, 2.214), (2.214, 2.5)]


def test_segments_keep_ids_that_none_had_before() -> None:
    first = edited({"op": "split", "wordId": "w1"}, {"op": "split", "wordId": "w7"})
    assert [segment.id for segment in first.transcript.segments] == [0, 3, 1, 2, 4]
    gone = OPERATIONS.validate_python([{"op": "delete", "segmentIds": [4]}, {"op": "split", "wordId": "w5"}])
    second = apply_operations(first.transcript, gone, version=2, next_segment_id=first.next_segment_id)
    assert [segment.id for segment in second.transcript.segments] == [0, 3, 1, 5, 2]


def test_a_speaker_is_set_and_taken_away() -> None:
    made = edited(
        {"op": "setSpeaker", "segmentIds": [0, 2], "speaker": " Ada  Lovelace "}, {"op": "split", "wordId": "w1"}
    )
    assert [segment.speaker for segment in made.transcript.segments] == ["Ada Lovelace"] * 2 + [None, "Ada Lovelace"]
    without = edited({"op": "setSpeaker", "segmentIds": [0], "speaker": None}, talk=made.transcript)
    assert without.transcript.segments[0].speaker is None


def test_a_segment_without_timed_words_gets_a_speaker_and_is_not_merged() -> None:
    first, second, third = TALK.segments
    untimed = TALK.model_copy(update={"segments": (first, second.model_copy(update={"words": ()}), third)})
    made = edited({"op": "setSpeaker", "segmentIds": [1], "speaker": "Ada"}, talk=untimed).transcript.segments[1]
    assert (made.speaker, made.text, made.start) == ("Ada", "of four points", 4.0)
    with pytest.raises(OperationRefused, match="no timed words"):
        edited({"op": "merge", "segmentIds": [0, 1]}, talk=untimed)


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({"op": "replace", "wordIds": ["w1", "w9"], "text": "a"}, "wordIds/1"),
        ({"op": "replace", "wordIds": ["w2", "w3"], "text": "a"}, "wordIds/1"),
        ({"op": "replace", "wordIds": ["w1", "w0"], "text": "a"}, "wordIds/1"),
        ({"op": "insert", "after": "x", "text": "a"}, "after"),
        ({"op": "insert", "start": 1.2, "end": 1.3, "text": "a"}, "start"),
        ({"op": "insert", "start": 29, "end": 31, "text": "a"}, "end"),
        ({"op": "insert", "start": 4.0001, "end": 4.0004, "text": "a"}, "end"),
        ({"op": "delete", "wordIds": ["w0", "w0"]}, "wordIds/1"),
        ({"op": "delete", "segmentIds": [0, 7]}, "segmentIds/1"),
        ({"op": "split", "wordId": "w3"}, "wordId"),
        ({"op": "merge", "segmentIds": [0, 2]}, "segmentIds/1"),
        ({"op": "merge", "segmentIds": [1, 0]}, "segmentIds/1"),
        ({"op": "setSpeaker", "segmentIds": [5], "speaker": "Ann"}, "segmentIds/0"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(operation: dict[str, Any], field: str) -> None:
    with pytest.raises(OperationRefused) as refused:
        edited({"op": "split", "wordId": "w1"}, operation)
    assert (refused.value.number, refused.value.field) == (1, field)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "insert", "text": "a"},
        {"op": "insert", "after": "w0", "before": "w1", "text": "a"},
        {"op": "insert", "start": 2.0, "end": 2.0, "text": "a"},
        {"op": "insert", "start": 2.0, "text": "a"},
        {"op": "replace", "wordIds": [], "text": "a"},
        {"op": "replace", "wordIds": ["w0"], "text": " \n"},
        {"op": "replace", "wordIds": ["w0"], "text": "a\x00b"},
        {"op": "delete"},
        {"op": "merge", "segmentIds": [1]},
        {"op": "shout", "wordIds": ["w0"]},
    ],
)
def test_an_operation_without_sense_is_no_operation(operation: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        OPERATIONS.validate_python([operation])


def test_changes_are_counted_and_named() -> None:
    after = edited(
        {"op": "replace", "wordIds": ["w1"], "text": "Voronoi"},
        {"op": "insert", "after": "w1", "text": "cell"},
        {"op": "delete", "segmentIds": [2]},
    ).transcript
    changes = changes_between(TALK, after)
    assert (changes.words, [segment.id for segment in changes.segments], changes.removed_segment_ids) == (4, [0], [2])
    assert changes_between(TALK, TALK).words == 0


class CountedId(str):
    """The id of a word, which counts its comparisons."""

    comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountedId.comparisons += 1
        return str.__eq__(self, other)


def test_a_word_of_a_long_segment_is_found_without_looking_at_all() -> None:
    talk = transcript_of((" ".join(["word"] * 4000), 0.0), word_sec=0.005)
    (segment,) = talk.segments
    words = tuple(word.model_copy(update={"id": CountedId(word.id)}) for word in segment.words)
    counted = talk.model_copy(update={"segments": (segment.model_copy(update={"words": words}),)})
    CountedId.comparisons = 0
    made = edited(
        *({"op": "replace", "wordIds": [f"w{at}"], "text": "other"} for at in range(1, 4000, 40)),
        {"op": "split", "wordId": "w2000"},
        {"op": "merge", "segmentIds": [0, 1]},
        talk=counted,
    ).transcript
    assert shown(made)[0].split().count("other") == 100
    assert 100 <= CountedId.comparisons < 2000


TEXTS = st.lists(st.sampled_from(["a", "of", "Voronoi", "diagram", "12"]), min_size=1, max_size=4).map(" ".join)


@st.composite
def an_operation(draw: st.DrawFn, talk: Transcript) -> dict[str, Any]:
    """An operation that names what the transcript has, most often."""
    words, segments = [*words_of(talk)], [segment.id for segment in talk.segments]
    at = draw(st.integers(0, max(0, len(words) - 1)))
    some = words[at : at + draw(st.integers(1, 3))] or ["none"]
    nth = draw(st.integers(0, max(0, len(segments) - 1)))
    ids = segments[nth : nth + draw(st.integers(1, 3))] or [0]
    start = draw(st.floats(0, DURATION_SEC))
    return draw(
        st.sampled_from(
            [
                {"op": "replace", "wordIds": some, "text": draw(TEXTS)},
                {"op": "insert", "after": some[0], "text": draw(TEXTS)},
                {"op": "insert", "before": some[0], "text": draw(TEXTS)},
                {"op": "insert", "start": start, "end": start + 0.7, "text": draw(TEXTS)},
                {"op": "delete", "wordIds": some},
                {"op": "delete", "segmentIds": ids},
                {"op": "split", "wordId": some[0]},
                {"op": "merge", "segmentIds": [*ids, ids[-1] + 1]},
                {"op": "setSpeaker", "segmentIds": ids, "speaker": draw(st.sampled_from(["Ann", None]))},
            ]
        )
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_order_of_operations_breaks_a_transcript(data: st.DataObject) -> None:
    made = Edited(TALK, next_segment_id(TALK))
    before = words_of(TALK)
    touched: set[str] = set()
    for version in range(1, data.draw(st.integers(2, 10))):
        operation = data.draw(an_operation(made.transcript))
        touched |= set(operation.get("wordIds", ())) if operation["op"] == "replace" else set()
        asked = OPERATIONS.validate_python([operation])
        try:
            made = apply_operations(made.transcript, asked, version=version, next_segment_id=made.next_segment_id)
        except OperationRefused:
            continue
        text = made.transcript.model_dump_json(by_alias=True)
        assert Transcript.model_validate_json(text) == made.transcript  # in order, no overlap, times inside
        ids = [word.id for segment in made.transcript.segments for word in segment.words]
        assert len(set(ids)) == len(ids)
        segment_ids = [segment.id for segment in made.transcript.segments]
        assert len(set(segment_ids)) == len(segment_ids)
        assert max(segment_ids, default=-1) < made.next_segment_id
        assert all(
            segment.text == " ".join(word.word for word in segment.words) for segment in made.transcript.segments
        )
        left = words_of(made.transcript)
        assert all(left[each] == before[each] for each in left.keys() & before.keys() - touched)
