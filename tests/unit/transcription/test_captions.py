"""Captions, read back by libraries that did not write them."""

import html
import re
from datetime import timedelta
from itertools import pairwise

import pytest
import srt
import webvtt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.transcription.caption_rules import CaptionRules
from shared.transcription.captions import to_srt, to_text, to_webvtt
from shared.transcription.cues import Cue, make_cues
from shared.transcription.line_breaks import break_lines
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord

EPSILON = 1e-6
TALK = (
    "Printing, in the only sense with which we are at present concerned, differs from most if not from all the arts "
    "and crafts represented in the Exhibition in being comparatively modern. For although the Chinese took "
    "impressions from wood blocks engraved in relief for centuries before the woodcutters of the Netherlands, "
    "by a similar process produced the block books, which were the immediate predecessors of the true printed book."
)


def transcript(*segments: list[tuple[str, float, float]], duration: float = 600.0, language: str = "en") -> Transcript:
    return Transcript(
        session_id="s",
        job_id="j",
        language=language,
        duration_sec=duration,
        engine=TranscriptEngine(name="e", version="1", model="m"),
        segments=tuple(
            TranscriptSegment(
                id=number,
                start=words[0][1],
                end=words[-1][2],
                text=" ".join(text for text, _, _ in words),
                confidence=1,
                words=tuple(TranscriptWord(word=t, start=a, end=b, confidence=1) for t, a, b in words),
            )
            for number, words in enumerate(segments)
        ),
        speech_sec=0,
        warnings=(),
    )


def spoken(text: str, start: float = 0.0, chars_per_sec: float = 14.0) -> list[tuple[str, float, float]]:
    """Words one after another at a lecturer's pace."""
    words = []
    for word in text.split():
        end = start + (len(word) + 1) / chars_per_sec
        words.append((word, round(start, 3), round(end, 3)))
        start = end
    return words


WORDS = st.one_of(
    st.builds(lambda length, end: "x" * (length - 1) + end, st.integers(1, 60), st.sampled_from("x.,")),
    st.builds(lambda length: "x" * length, st.integers(60, 200)),
    st.text("今天气很好。", min_size=1, max_size=60),
    st.text("abc 今\\n-<>&{}→", min_size=1, max_size=20).filter(str.strip),
)
PACES = st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.07, 0.09, 0.3])  # seconds a character: from impossible to slow
PAUSES = st.sampled_from([0, 0, 0, 0, 0.2, 0.5, 1.0, 1.6, 9.0])


@st.composite
def talks(draw: st.DrawFn) -> Transcript:
    words: list[tuple[str, float, float]] = []
    at = draw(st.floats(0, 3))
    for word, pace, pause in draw(st.lists(st.tuples(WORDS, PACES, PAUSES), max_size=60)):
        end = at + len(word) * pace
        words.append((word, round(at, 3), round(end, 3)))
        at = end + pause
    duration = round(at + 0.001 + draw(st.sampled_from([0.0, 0.0, 2.0, 60.0])), 3)
    language = draw(st.sampled_from(["en", "zh"]))
    return transcript(*([words] if words else []), duration=duration, language=language)


A_LONG_WORD_BEFORE_THE_END = transcript([("x", 0.0, 0.1), ("x" * 41, 0.1, 2.663), ("x", 2.663, 2.763)], duration=2.763)
A_BABBLE_AT_THE_END = transcript([(f"{number}babble", 29.9, 29.9) for number in range(200)], duration=30.0)


def in_milliseconds(seconds: float) -> int:
    """As it will be written; `make_cues` leaves nothing to round."""
    assert abs(seconds * 1000 - round(seconds * 1000)) < EPSILON
    return round(seconds * 1000)


@settings(max_examples=50, deadline=None)
@given(talks())
@example(A_LONG_WORD_BEFORE_THE_END)
@example(A_BABBLE_AT_THE_END)
def test_every_cue_keeps_the_rules(talk: Transcript) -> None:
    cues = make_cues(talk)
    said = "".join("".join(word.word.split()) for segment in talk.segments for word in segment.words)
    assert "".join("".join(cue.lines).replace(" ", "") for cue in cues) == said
    times = [(in_milliseconds(cue.start), in_milliseconds(cue.end)) for cue in cues]
    all_ms = in_milliseconds(talk.duration_sec)
    has_room = len(cues) * 1085 <= all_ms + 85
    for cue, (start, end) in zip(cues, times, strict=True):
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(line) <= 42 for line in cue.lines)
        assert 0 <= start <= end <= all_ms
        assert end - start <= 7000
        assert end - start >= 1000 or not has_room
    assert all(a[1] <= b[0] for a, b in pairwise(times))
    assert all(a[1] + 85 <= b[0] for a, b in pairwise(times)) or not has_room
    for number, (cue, (start, end)) in enumerate(zip(cues, times, strict=True)):
        too_fast = sum(map(len, cue.lines)) * 50 > end - start
        until = times[number + 1][0] - 85 if number + 1 < len(cues) else all_ms
        reserved = all_ms - (len(cues) - 1 - number) * 1085
        assert not too_fast or end >= min(until, reserved) or end - start == 7000 or not has_room


@settings(max_examples=50, deadline=None)
@given(talks())
def test_what_was_written_is_read_back_by_other_libraries(talk: Transcript) -> None:
    meant = [(round(cue.start * 1000), round(cue.end * 1000), written(cue)) for cue in make_cues(talk)]
    vtt = [
        (vtt_ms(cue.start), vtt_ms(cue.end), html.unescape(cue.text).strip())
        for cue in webvtt.from_string(to_webvtt(talk))
    ]
    subtitles = [
        (s.start // timedelta(milliseconds=1), s.end // timedelta(milliseconds=1), s.content.strip())
        for s in srt.parse(to_srt(talk))
    ]
    assert vtt == meant
    assert subtitles == [(start, end, text.replace("-->", "→")) for start, end, text in meant]


def written(cue: Cue) -> str:
    """Its text in a file: a backslash begins a command there, and looks the same with another code."""
    return "\n".join(cue.lines).replace("\\", "∖").strip()


def vtt_ms(time: str) -> int:
    hours, minutes, seconds = time.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def test_several_words_that_came_as_one_are_not_cut_within() -> None:
    (cue,) = make_cues(transcript([("a phrase without times for each of its words", 1.0, 5.0)]))
    assert cue.lines == ("a phrase without times", "for each of its words")


def test_no_word_is_left_alone_where_another_may_keep_it_company() -> None:
    text = "We have seen that the rank of a matrix is the number of its pivots and no more than that, clearly so today."
    for length in range(60, len(text)):
        cues = make_cues(transcript(spoken(text[:length])))
        assert all(" " in " ".join(cue.lines) for cue in cues), cues


def test_speech_at_a_lecturers_pace_can_be_read_in_time() -> None:
    cues = make_cues(transcript(spoken(TALK)))
    assert len(cues) > 4
    assert all(sum(map(len, cue.lines)) / (cue.end - cue.start) <= 20 for cue in cues)
    assert all(abs(cue.start - word_start(cue)) < EPSILON for cue in cues)


def word_start(cue: Cue) -> float:
    """When the cue's first words are said."""
    words = spoken(TALK)
    texts = [text for text, _, _ in words]
    shown = " ".join(cue.lines).split()
    return next(words[at][1] for at in range(len(words)) if texts[at : at + len(shown)] == shown)


def test_cues_end_with_sentences_and_before_long_pauses() -> None:
    first = spoken("Let us begin with what we already know of the weather.")
    second = spoken("Today we will look at rivers and", start=first[-1][2] + 0.1)
    third = spoken("at lakes.", start=second[-1][2] + 2.0)
    lines = [" ".join(cue.lines) for cue in make_cues(transcript(first, second, third))]
    assert lines == [
        "Let us begin with what we already know of the weather.",
        "Today we will look at rivers and",
        "at lakes.",
    ]


def test_words_at_one_instant_are_shown_one_cue_after_another() -> None:
    """What an engine does when it lost the thread: it must not make cues that flash by."""
    cues = make_cues(transcript([("nonsense", 5.0, 5.0)] * 40, duration=60.0))
    assert len(cues) >= 4
    assert all(cue.end - cue.start >= 1.0 - EPSILON for cue in cues)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("A short line", ("A short line",)),
        ("When the recording ends, we all go home and sleep", ("When the recording ends,", "we all go home and sleep")),
        ("He went up to the top of the hill and saw a house", ("He went up to the top", "of the hill and saw a house")),
    ],
)
def test_lines_break_where_it_disturbs_least(text: str, lines: tuple[str, ...]) -> None:
    assert break_lines(text.split()) == lines


def test_a_language_without_spaces_gets_none() -> None:
    cues = make_cues(
        transcript([(char, i * 0.2, i * 0.2 + 0.2) for i, char in enumerate("今天天气很好")], language="zh")
    )
    assert cues[0].lines == ("今天天气很好",)


ODD = "if a<b && b>c then {print} C:\\new 5 <i>x</i> it's “done”"


@pytest.mark.parametrize("text", [TALK, ODD], ids=["plain", "with characters that mean something"])
def test_webvtt_and_srt_are_read_back_as_they_were_meant(text: str) -> None:
    talk = transcript(spoken(text, start=3590.0), duration=4000.0)
    expected = [
        (round(cue.start, 3), round(cue.end, 3), "\n".join(cue.lines).replace("\\", "∖")) for cue in make_cues(talk)
    ]
    vtt = [(vtt_ms(cue.start), vtt_ms(cue.end), cue.text) for cue in webvtt.from_string(to_webvtt(talk))]
    vtt_text = [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for _, _, text in vtt]
    subtitles = [(s.start.total_seconds(), s.end.total_seconds(), s.content) for s in srt.parse(to_srt(talk))]
    assert [text for _, _, text in expected] == vtt_text == [text for _, _, text in subtitles]
    for number, (start, end, _) in enumerate(expected):
        assert subtitles[number][:2] == pytest.approx((start, end), abs=EPSILON)
        assert vtt[number][:2] == (round(start * 1000), round(end * 1000))


def test_nothing_said_makes_empty_but_valid_files() -> None:
    empty = transcript()
    assert list(webvtt.from_string(to_webvtt(empty))) == []
    assert list(srt.parse(to_srt(empty))) == []
    assert to_text(empty) == ""


def test_text_has_a_paragraph_for_every_long_pause() -> None:
    talk = transcript(spoken("One two.", 0.0), spoken("Three.", 2.0), spoken("Four.", 30.0))
    assert to_text(talk) == "One two. Three.\n\nFour.\n"


def test_a_long_paragraph_ends_with_the_next_sentence() -> None:
    at = 0.0
    segments = []
    for _ in range(12):
        segments.append(spoken("x" * 99 + ".", start=at))
        at = segments[-1][-1][2]
    assert [len(paragraph) for paragraph in to_text(transcript(*segments)).strip().split("\n\n")] == [605, 605]


def test_the_webvtt_header_stands_first() -> None:
    assert to_webvtt(transcript(spoken(TALK))).startswith("WEBVTT\n\n")


CLUSTERS = st.sampled_from(["a", "b", ".", "，", "今", "気", "กำ", "ที่", "नि", "👩‍👩‍👧", "é", "한", "🇨🇭", "Ａ"])
RULES = st.builds(
    CaptionRules,
    line_chars=st.integers(16, 80),
    lines=st.integers(1, 3),
    chars_per_sec=st.floats(5, 40),
    min_sec=st.floats(0.5, 3).map(lambda sec: round(sec, 2)),
    max_sec=st.floats(4, 15).map(lambda sec: round(sec, 2)),
)


@st.composite
def clusters_said(draw: st.DrawFn) -> tuple[list[list[str]], Transcript]:
    """Words as lists of clusters, and a transcript of them in which there is room for every cue."""
    words = draw(st.lists(st.lists(CLUSTERS, min_size=1, max_size=50), min_size=1, max_size=20))
    timed, at = [], 0.0
    for clusters in words:
        end = at + len(clusters) * draw(st.sampled_from([0.02, 0.08, 0.2]))
        timed.append(("".join(clusters), round(at, 3), round(end, 3)))
        at = end + draw(PAUSES)
    return words, transcript(timed, duration=round(at, 3) + 900.0, language=draw(st.sampled_from(["en", "th"])))


@settings(max_examples=50, deadline=None)
@given(clusters_said(), RULES)
def test_every_script_keeps_the_rules_of_the_job(said: tuple[list[list[str]], Transcript], rules: CaptionRules) -> None:
    words, talk = said
    cues = make_cues(talk, rules)
    lines = [line for cue in cues for line in cue.lines]
    assert all(len(cue.lines) <= rules.lines for cue in cues)
    assert all(columns(line) <= rules.line_chars for line in lines)
    shown = [cluster for line in lines for cluster in whole_clusters(line) if cluster != " "]
    assert shown == [cluster for word in words for cluster in word]
    for cue, after in zip(cues, [*cues[1:], None], strict=True):
        time = cue.end - cue.start
        assert min(1.0, rules.min_sec) - EPSILON <= time <= rules.max_sec + EPSILON
        early = after is not None and after.start - cue.end < 0.085 + EPSILON
        assert time >= rules.min_sec - EPSILON or early


def columns(line: str) -> int:
    return sum(
        2 if cluster in {"กำ", "，", "今", "気", "👩‍👩‍👧", "한", "🇨🇭", "Ａ"} else 1 for cluster in whole_clusters(line)
    )


def whole_clusters(line: str) -> list[str]:
    """Return the clusters that were put in, found by their own spelling."""
    return re.findall("|".join(map(re.escape, ["👩‍👩‍👧", "🇨🇭", "กำ", "ที่", "नि", *"ab.，今気é한Ａ "])), line)


def test_a_full_width_character_takes_two_columns() -> None:
    (cue,) = make_cues(transcript([("気" * 42, 0.0, 6.0)], language="ja"))
    assert cue.lines == ("気" * 21, "気" * 21)


def test_thai_is_not_cut_inside_a_cluster() -> None:
    (cue,) = make_cues(transcript([("x" + "ที่" * 50, 0.0, 6.0)], language="th"))
    assert cue.lines == ("x" + "ที่" * 41, "ที่" * 9)


def test_what_universities_ask_for_is_kept_at_a_lecturers_pace() -> None:
    rules = CaptionRules(line_chars=32, min_sec=3.0, max_sec=7.0)
    cues = make_cues(transcript(spoken(TALK)), rules)
    assert all(len(line) <= 32 for cue in cues for line in cue.lines)
    assert all(3.0 - EPSILON <= cue.end - cue.start <= 7.0 for cue in cues)
    assert all(cue.start - word_start(cue) <= 1.0 + EPSILON for cue in cues)


def test_a_shortest_time_that_speech_leaves_no_room_for_delays_no_cue_by_more_than_a_second() -> None:
    rules = CaptionRules(line_chars=32, lines=1, min_sec=5.0, max_sec=7.0)
    cues = make_cues(transcript(spoken(TALK)), rules)
    assert all(cue.start - word_start(cue) <= 1.0 + EPSILON for cue in cues)


def test_three_lines_are_used_where_they_are_allowed() -> None:
    (cue,) = make_cues(
        transcript(spoken("one two three four five six seven eight")), CaptionRules(line_chars=16, lines=3)
    )
    assert cue.lines == ("one two three", "four five six", "seven eight")


def test_a_cue_has_the_voice_of_its_speaker_and_no_other() -> None:
    talk = transcript(spoken("Who is there?"), spoken("It is me.", 1.0), spoken("Come in.", 2.0), duration=60.0)
    voices = ["Ada & <b>", "Grace\nHopper", None]
    segments = [
        segment.model_copy(update={"speaker": speaker}) for segment, speaker in zip(talk.segments, voices, strict=True)
    ]
    talk = talk.model_copy(update={"segments": tuple(segments)})
    texts = [cue.raw_text for cue in webvtt.from_string(to_webvtt(talk))]
    assert texts == [
        "<v Ada &amp; &lt;b&gt;>Who is there?",
        "<v Grace Hopper>It is me.",
        "Come in.",
    ]
    assert [cue.content for cue in srt.parse(to_srt(talk))] == ["Who is there?", "It is me.", "Come in."]
