"""Corrected files: their words are read and aligned with the known ones."""

import random
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transcription.captions import to_srt, to_text, to_webvtt
from shared.transcription.editing.align import align
from shared.transcription.editing.apply import apply_operations
from shared.transcription.editing.import_text import TextDoesNotFit, import_operations
from shared.transcription.editing.subtitles import TextFormat, WrittenWord, read_words, recognised
from shared.transcription.editing.word_ids import next_segment_id
from shared.transcription.payload import Transcript
from tests.unit.transcription.test_editing import shown, transcript_of, words_of

TALK = transcript_of(
    ("so we look at vorony diagrams", 1.0), ("of for points in the plain", 6.0), ("any questions here", 12.0)
)


def imported(content: str, form: TextFormat = TextFormat.TXT, talk: Transcript = TALK) -> Transcript:
    operations = import_operations(talk, read_words(content, form))
    return apply_operations(talk, operations, version=1, next_segment_id=next_segment_id(talk)).transcript


def test_a_text_corrects_words_and_keeps_their_times() -> None:
    made = imported("So, we look at Voronoi diagrams of four points in the plane. Any questions?\n")
    assert shown(made) == ["So, we look at Voronoi diagrams", "of four points in the plane.", "Any questions?"]
    before = words_of(TALK)
    assert all(
        (word.start, word.end) == (before[each].start, before[each].end) for each, word in words_of(made).items()
    )


def test_words_are_added_and_removed_where_they_belong() -> None:
    made = imported("well so we look at the diagrams of four given points in the plane any questions")
    assert shown(made) == ["well so we look at the diagrams", "of four given points in the plane", "any questions"]


def test_a_webvtt_file_is_read_with_its_speakers() -> None:
    content = """WEBVTT - corrected

NOTE by hand --> really

STYLE
::cue { color: red }

intro
00:01.000 --> 00:04.000 line:0
<v Ann Lee>So we look &amp; see</v>
<i>Voronoi</i> diagrams

00:00:06.000 --> 00:00:09.000
<v.loud Bob>of four points in the plane
"""
    assert read_words(content, TextFormat.VTT)[:6] == [
        WrittenWord(text, "Ann Lee") for text in ("So", "we", "look", "&", "see", "Voronoi")
    ]
    made = imported(content, TextFormat.VTT)
    assert [segment.speaker for segment in made.segments] == ["Ann Lee", "Bob"]


def test_a_subrip_file_is_read() -> None:
    cues = ["1", "00:00:01,000 --> 00:00:04,000", "{\\an8}<i>So we</i> look", "at <3", ""]
    cues += ["2", "00:00:06,000 --> 00:00:07,000", "of", ""]
    content = "\ufeff" + "\r\n".join(cues)
    assert [word.text for word in read_words(content, TextFormat.SRT)] == ["So", "we", "look", "at", "<3", "of"]


@pytest.mark.parametrize(
    ("write", "form"), [(to_webvtt, TextFormat.VTT), (to_srt, TextFormat.SRT), (to_text, TextFormat.TXT)]
)
def test_what_was_exported_changes_nothing(write: object, form: TextFormat) -> None:
    assert callable(write)
    content = write(TALK)
    assert recognised(content) is form
    assert import_operations(TALK, read_words(content, form)) == []


@pytest.mark.parametrize("content", ["a recipe for bread with flour and water", "..."])
def test_the_text_of_another_recording_is_refused(content: str) -> None:
    with pytest.raises(TextDoesNotFit):
        imported(content)


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=12),
    st.lists(st.sampled_from(["a", "b", "c", "d", "x"]), max_size=12),
)
@settings(max_examples=50, deadline=None)
def test_blocks_cover_both_texts_in_order(known: list[str], corrected: list[str]) -> None:
    at, to = 0, 0
    for block in align(known, corrected):
        assert (block.first, block.begin) == (at, to)
        assert block.end > block.first or block.stop > block.begin
        if block.is_same:
            assert known[block.first : block.end] == corrected[block.begin : block.stop]
        at, to = block.end, block.stop
    assert (at, to) == (len(known), len(corrected))


def test_a_long_text_is_aligned_word_for_word() -> None:
    chance, numbers = random.Random(16), count()
    known = [f"w{int(chance.paretovariate(0.7)) % 2000}" for _ in range(8000)]
    corrected = [f"new{next(numbers)}" if chance.random() < 0.1 else word for word in known]
    same = sum(block.end - block.first for block in align(known, corrected) if block.is_same)
    assert same >= 0.99 * sum(one == other for one, other in zip(known, corrected, strict=True))


MANY = 200_000


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<" * MANY, TextFormat.VTT),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<v" + " " * MANY, TextFormat.VTT),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<v." * (MANY // 3), TextFormat.VTT),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<v " * (MANY // 3), TextFormat.VTT),
        ("1\n00:00:01,000 --> 00:00:02,000\n" + "<font " * (MANY // 6), TextFormat.SRT),
        ("1\n00:00:01,000 --> 00:00:02,000\n" + "{\\" * (MANY // 2), TextFormat.SRT),
        ("\n" * MANY, TextFormat.TXT),
    ],
    ids=["tags", "blanks", "classes", "voices", "fonts", "braces", "lines"],
)
def test_a_hostile_file_takes_linear_time(content: str, form: TextFormat) -> None:
    """A pattern that takes quadratic time would hold the whole process for minutes."""
    assert recognised(content) is form
    assert len(read_words(content, form)) <= len(content)


def test_joiners_and_direction_marks_survive_and_overrides_do_not() -> None:
    content = "\u200f می\u200cخواهم\u200f! \u202eabc\u202c 👩\u200d🔬 \u200c"
    assert [word.text for word in read_words(content, TextFormat.TXT)] == ["می\u200cخواهم\u200f!", "abc", "👩\u200d🔬"]
