from itertools import pairwise

import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transcription.chapters import (
    LONGEST_SEC,
    SHORTEST_SEC,
    Section,
    propose_chapters,
    title,
    to_webvtt_chapters,
)
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord

TOPICS = [
    "Let us begin with rivers and valleys and the water that flows through mountains towards distant oceans.",
    "Now we turn to planets: orbits around bright stars, comets, gravity and telescopes that watch the heavens.",
    "At last some cooking, for recipes want butter, flour, onions and ovens that were heated well before.",
]


def transcript(*segments: tuple[str, float, float], duration: float, language: str = "en") -> Transcript:
    made = []
    for number, (text, start, end) in enumerate(segments):
        step = (end - start) / len(text.split())
        words = tuple(
            TranscriptWord(
                word=word, start=round(start + n * step, 3), end=round(start + (n + 1) * step, 3), confidence=1
            )
            for n, word in enumerate(text.split())
        )
        made.append(
            TranscriptSegment(id=number, start=start, end=max(end, words[-1].end), text=text, confidence=1, words=words)
        )
    return Transcript(
        session_id="s",
        job_id="j",
        language=language,
        duration_sec=duration,
        engine=TranscriptEngine(name="e", version="1", model="m"),
        segments=tuple(made),
        speech_sec=duration,
        warnings=(),
    )


def lecture(pause_sec: float) -> Transcript:
    """Three topics of four minutes each, said over and over, with a pause between two."""
    segments, at = [], 0.0
    for topic in TOPICS:
        for _ in range(30):
            segments.append((topic, at, at + 7.5))
            at += 8.0
        at += pause_sec
    return transcript(*segments, duration=at)


@pytest.mark.parametrize(("pause_sec", "changes"), [(4.0, []), (0.0, [239.0, 481.0])], ids=["pauses", "pictures"])
def test_a_chapter_begins_where_the_talk_turns_to_something_else(pause_sec: float, changes: list[float]) -> None:
    chapters = propose_chapters(lecture(pause_sec), changes).chapters
    assert [chapter.start for chapter in chapters] == [0.0, 240.0 + pause_sec, 480.0 + 2 * pause_sec]
    assert [chapter.title.split()[0] for chapter in chapters] == ["Let", "Now", "At"]
    assert chapters[0].reasons == ("start",)
    assert all("words" in chapter.reasons for chapter in chapters[1:])
    assert all(("picture" if changes else "pause") in chapter.reasons for chapter in chapters[1:])


def test_a_short_talk_and_one_about_one_thing_are_one_chapter() -> None:
    short = propose_chapters(transcript(("Hello there.", 1.0, 2.0), ("Bye.", 50.0, 51.0), duration=60.0), [25.0])
    assert [(chapter.start, chapter.end) for chapter in short.chapters] == [(0.0, 60.0)]
    same = transcript(*((TOPICS[0], at * 8.0, at * 8.0 + 7.5) for at in range(60)), duration=480.0)
    assert len(propose_chapters(same).chapters) == 1


def test_no_chapter_lasts_an_hour() -> None:
    same = transcript(*((TOPICS[0], at * 8.0, at * 8.0 + 7.5) for at in range(450)), duration=3600.0)
    assert all(chapter.end - chapter.start <= LONGEST_SEC for chapter in propose_chapters(same).chapters)


def test_silence_has_no_chapters() -> None:
    nothing = propose_chapters(transcript(duration=100.0), [50.0])
    assert nothing.chapters == ()
    assert list(webvtt.from_string(to_webvtt_chapters(nothing))) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TOPICS), st.sampled_from([0.0, 1.0, 3.0, 30.0, 400.0])), max_size=80),
    st.lists(st.floats(0, 4000), max_size=20),
)
def test_chapters_fill_the_recording_in_order(said: list[tuple[str, float]], changes: list[float]) -> None:
    segments, at = [], 0.0
    for text, pause in said:
        segments.append((text, at + pause, at + pause + 7.5))
        at += pause + 7.5
    chapters = propose_chapters(transcript(*segments, duration=at + 1.0), sorted(changes)).chapters
    assert bool(chapters) == bool(said)
    assert all(one.end == other.start for one, other in pairwise(chapters))
    if chapters:
        assert (chapters[0].start, chapters[-1].end) == (0.0, at + 1.0)
        assert len(chapters) == 1 or all(each.end - each.start >= SHORTEST_SEC for each in chapters)
        assert all(0 < len(each.title) <= 61 for each in chapters)


def test_chapters_begin_with_slides_and_have_their_titles() -> None:
    talk = transcript(
        ("welcome to all of you", 0.5, 9.0), ("now steps", 9.5, 19.0), ("and more", 20.0, 29.0), duration=30
    )
    sections = [Section(0.0, "Gradients"), Section(9.5, "Steps"), Section(20.0, "Momentum")]
    chapters = propose_chapters(talk, (), sections).chapters
    assert [(each.start, each.title) for each in chapters] == [(0.0, "Gradients"), (9.5, "Steps"), (20.0, "Momentum")]
    assert all("slide" in each.reasons for each in chapters)


def test_one_slide_titles_the_only_chapter() -> None:
    talk = transcript(("welcome to all of you", 0.5, 9.0), duration=10)
    (chapter,) = propose_chapters(talk, (), [Section(0.0, "Gradients")]).chapters
    assert (chapter.title, chapter.end) == ("Gradients", 10.0)


def test_an_hour_of_slides_has_at_most_fifteen_chapters() -> None:
    said = [(f"part {n} of it", 60.0 * n + 1, 60.0 * n + 50) for n in range(60)]
    talk = transcript(*said, duration=3600)
    chapters = propose_chapters(talk, (), [Section(60.0 * n, f"Slide {n}") for n in range(60)]).chapters
    assert 5 <= len(chapters) <= 15
    assert all("slide" in each.reasons for each in chapters)


def test_a_title_ends_with_a_segment_that_holds_a_few_words() -> None:
    segments = transcript(
        ("so", 0.0, 1.0), ("And now for rivers", 1.0, 2.0), ("And their", 3.0, 4.0), duration=5.0
    ).segments
    assert title(segments, "en") == "So And now for rivers"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Welcome back. Today we look at rivers.", "Welcome back"),
        ("so what is a ring? It is", "So what is a ring?"),
        (
            "Well, today we will look at the rank of a matrix and at what it",
            "Well, today we will look at the rank of a matrix…",
        ),
        ("first of all, thank you", "First of all, thank you"),
        ("x" * 80, "X" + "x" * 59 + "…"),
    ],
)
def test_titles(text: str, expected: str) -> None:
    assert title(transcript((text, 0.0, 9.0), duration=10.0).segments, "en") == expected


def test_chapters_are_read_back_by_another_library() -> None:
    talk = transcript(("if a<b & b>c, then", 0.5, 3.0), duration=3725.25)
    (cue,) = webvtt.from_string(to_webvtt_chapters(propose_chapters(talk)))
    assert (cue.start, cue.end, cue.text) == ("00:00:00.000", "01:02:05.250", "If a&lt;b &amp; b&gt;c")
