"""The verdict on tables of facts: each reason is named where it holds and nowhere else."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.quality import picture, sound, talk
from shared.domain.quality.facts import Facts, HeardText
from shared.domain.quality.payload import Quality
from shared.domain.quality.records import Look, SoundLevels
from shared.domain.quality.verdict import assess

MINUTE = 60
TEXT = HeardText(transcribed_share=0.95, words=120, last_word_end=57.0, languages=("en",))


def levels(seconds: int = MINUTE, **changes: Any) -> SoundLevels:
    """Return the levels of speech near a microphone; a change is a value for all seconds, or (first, last, value)."""
    made: dict[str, list[int]] = {
        "level": [-24] * seconds,
        "loudest": [-16] * seconds,
        "quietest": [-50] * seconds,
        "fall": [20] * seconds,
        "clipped": [0] * seconds,
    }
    tail = changes.pop("tail", (-60,) * 20)
    for name, change in changes.items():
        first, last, value = change if isinstance(change, tuple) else (0, seconds, change)
        made.setdefault(name, [-24] * seconds)[first:last] = [value] * (last - first)
    return SoundLevels(duration_sec=seconds, tail=tail, **{name: tuple(each) for name, each in made.items()})


def silent(first: int, last: int, seconds: int = MINUTE) -> SoundLevels:
    """Return speech that is muted for a time."""
    names = ("level", "loudest", "quietest")
    return levels(seconds, **dict.fromkeys(names, (first, last, -100)))


def looks(seconds: int = MINUTE, **changes: tuple[int, int, int]) -> tuple[Look, ...]:
    """Return two looks a second at a room in which a person moves; a change is (from second, to second, value)."""
    made = []
    for at in range(2 * seconds):
        look = {"brightness": 110, "spread": 180, "edges": 150, "change": 900}
        look |= {name: value for name, (first, last, value) in changes.items() if first <= at / 2 < last}
        made.append(Look(t=at / 2, **look))
    return tuple(made)


def gated() -> SoundLevels:
    """Return speech with a pause of 3 s in each ten that a gate makes silent, and a longer one of 12 s."""
    quiet = [second % 10 >= 7 or 33 <= second < 45 for second in range(MINUTE)]
    loudest = tuple(-100 if each else -16 for each in quiet)
    return levels().model_copy(update={"loudest": loudest, "quietest": tuple(each - 30 for each in loudest)})


HEALTHY = Facts(
    duration_sec=60.0,
    has_sound=True,
    has_picture=True,
    levels=levels(),
    speech=((1.0, 20.0), (21.0, 40.0), (42.5, 57.0)),
    text=TEXT,
    looks=looks(),
    coverage_percent=90.0,
    presence=((0.0, 60.0),),
)
HISS = {"level": -45, "loudest": -44, "quietest": -46, "fall": 1}
ALL = (0, MINUTE)


def verdict(**changes: Any) -> Quality:
    return assess(replace(HEALTHY, **changes), session_id="s", job_id="j")


def found(quality: Quality) -> list[tuple[str, float, float]]:
    return [(each.code, each.start, each.end) for each in quality.reasons]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        pytest.param(
            {"has_sound": False, "levels": None, "speech": (), "text": None}, [(sound.NO_SOUND, *ALL)], id="no stream"
        ),
        pytest.param({"levels": silent(0, 60), "speech": ()}, [(sound.NO_SOUND, *ALL)], id="silent stream"),
        pytest.param({"levels": silent(20, 31)}, [(sound.SOUND_MUTED, 20, 31)], id="muted for a time"),
        pytest.param({"levels": silent(50, 60)}, [(sound.SOUND_MUTED, 50, 60)], id="muted to the end"),
        pytest.param({"levels": levels(45)}, [(sound.SOUND_MUTED, 45, 60)], id="sound ends early"),
        pytest.param({"levels": levels(**HISS), "speech": ()}, [(sound.NOISE_ONLY, *ALL)], id="hiss alone"),
        pytest.param({"speech": ((3.0, 3.4),)}, [(sound.NO_SPEECH, *ALL)], id="no speech"),
        pytest.param({"levels": levels(clipped=(10, 30, 40))}, [(sound.CLIPPED, 10, 30)], id="clipped"),
        pytest.param({"levels": levels(left=-90, right=-20)}, [(sound.CHANNEL_DEAD, *ALL)], id="left channel dead"),
        pytest.param(
            {"levels": levels(left=-20, right=(30, 45, -70))},
            [(sound.CHANNEL_DEAD, 30, 45)],
            id="right channel dead for a time",
        ),
        pytest.param({"levels": levels(level=-50, loudest=-48)}, [(sound.QUIET, *ALL)], id="too quiet"),
        pytest.param({"levels": levels(fall=7)}, [(sound.FAR, 1, 57)], id="far from the microphone"),
        pytest.param({"coverage_percent": 0.0, "presence": ()}, [(picture.NO_PERSON, *ALL)], id="no person"),
        pytest.param(
            {"coverage_percent": 0.0, "presence": (), "slides_fill_picture": True, "looks": looks(rest=(*ALL, 12))},
            [(picture.NO_PERSON, *ALL)],
            id="no person in a room with a slide",
        ),
        pytest.param(
            {"looks": looks(brightness=(*ALL, 2), spread=(*ALL, 1)), "coverage_percent": 0.0},
            [(picture.BLACK, *ALL)],
            id="black",
        ),
        pytest.param(
            {"looks": looks(brightness=(40, 60, 2), spread=(40, 60, 1))},
            [(picture.BLACK, 40, 60)],
            id="black at the end",
        ),
        pytest.param({"looks": looks(spread=(*ALL, 5), edges=(*ALL, 6))}, [(picture.COVERED, *ALL)], id="covered"),
        pytest.param({"looks": looks(edges=(*ALL, 20))}, [(picture.UNFOCUSED, *ALL)], id="out of focus"),
        pytest.param({"looks": looks(change=(30, 60, 3))}, [(picture.FROZEN, 30, 60)], id="frozen"),
        pytest.param(
            {"slides_fill_picture": True, "looks": looks(change=(*ALL, 3), rest=(*ALL, 0), flat=(0, 1, 45))},
            [(picture.FROZEN, *ALL)],
            id="a room with a slide, frozen from the start",
        ),
        pytest.param(
            {"levels": levels(tail=(-25,) * 20), "speech": ((1.0, 60.0),)},
            [(talk.STOPPED, 1, 60)],
            id="stopped while speaking",
        ),
        pytest.param(
            {"levels": levels(tail=(-25,) * 20), "speech": ((1.0, 60.0),), "text": replace(TEXT, words=0)},
            [],
            id="a tone to the end",
        ),
        pytest.param(
            {"text": replace(TEXT, ends_sentence=False, last_word_end=59.2), "speech": ((1.0, 59.2),)},
            [(talk.STOPPED, 1, 60)],
            id="sentence without its end",
        ),
        pytest.param({"speech": ((31.0, 57.0),)}, [(talk.BEGUN_EARLY, 0, 30)], id="begun long before"),
        pytest.param({"speech": ((1.0, 29.0),)}, [(talk.ENDED_LATE, 30, 60)], id="ended long after"),
        pytest.param(
            {"text": replace(TEXT, warnings=frozenset({"not_english"}))},
            [(talk.LANGUAGE_UNSURE, 1, 57)],
            id="language unsure",
        ),
        pytest.param({"text": replace(TEXT, transcribed_share=0.3)}, [(talk.TRANSCRIPT_THIN, 1, 57)], id="few words"),
    ],
)
def test_a_reason_is_named_with_its_time(changes: dict[str, Any], reasons: list[tuple[str, float, float]]) -> None:
    assert found(verdict(**changes)) == reasons


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="a lecture"),
        pytest.param({"levels": silent(20, 27)}, id="a pause without any sound"),
        pytest.param({"levels": gated()}, id="pauses that a gate makes silent"),
        pytest.param({"has_picture": False, "looks": (), "coverage_percent": None}, id="sound alone"),
        pytest.param(
            {"looks": looks(change=(*ALL, 0), flat=(0, 1, 93)), "slides_fill_picture": True, "coverage_percent": 0.0},
            id="a screencast of one slide",
        ),
        pytest.param(
            {"looks": looks(rest=(*ALL, 0)), "has_slides": True, "coverage_percent": 0.0, "presence": ()},
            id="a screencast whose slides are a part of the picture",
        ),
        pytest.param({"looks": looks(change=(10, 20, 0))}, id="a person who stands still for a moment"),
        pytest.param(
            {"looks": looks(change=(35, 60, 0)), "presence": ((0.0, 34.0),), "speech": ((1.0, 45.0),)},
            id="an empty room at the end",
        ),
        pytest.param({"looks": looks(brightness=(0, 6, 0), spread=(0, 6, 0))}, id="a black title"),
        pytest.param({"levels": levels(left=-24, right=-30)}, id="channels of different levels"),
        pytest.param({"levels": levels(clipped=(10, 13, 20))}, id="a cough that is clipped"),
        pytest.param({"levels": None, "looks": ()}, id="a job of an earlier release"),
    ],
)
def test_a_healthy_recording_is_ok(changes: dict[str, Any]) -> None:
    assert found(verdict(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ok"),
        ({"levels": silent(20, 31)}, "check"),
        ({"levels": silent(0, 60), "speech": ()}, "unusable"),
        ({"levels": levels(**HISS), "speech": ()}, "unusable"),
        ({"speech": ()}, "check"),
        ({"speech": (), "coverage_percent": 0.0, "presence": ()}, "unusable"),
        ({"speech": (), "has_picture": False, "looks": (), "coverage_percent": None}, "unusable"),
        ({"looks": looks(brightness=(*ALL, 0), spread=(*ALL, 0))}, "check"),
    ],
)
def test_the_reasons_amount_to_a_verdict(changes: dict[str, Any], expected: str) -> None:
    assert verdict(**changes).verdict == expected


def test_silences_and_the_suggested_cut_follow_the_speech() -> None:
    quality = verdict(speech=((3.0, 20.0), (21.0, 40.0), (42.5, 55.0)))
    assert quality.silences == ((0.0, 3.0), (40.0, 42.5), (55.0, 60.0))
    assert (quality.suggested_in, quality.suggested_out, quality.speech_sec) == (2.0, 56.0, 48.5)


def test_a_test_of_the_microphone_is_not_part_of_the_talk() -> None:
    quality = verdict(duration_sec=400.0, levels=levels(400), speech=((2.0, 4.0), (200.0, 380.0)), looks=looks(400))
    assert (quality.suggested_in, quality.suggested_out) == (199.0, 381.0)
    assert found(quality) == [(talk.BEGUN_EARLY, 0.0, 199.0)]


def test_a_recording_without_sound_or_picture_says_so_by_null() -> None:
    assert verdict(has_sound=False, levels=None, speech=(), text=None).transcript is None
    assert verdict(has_picture=False, looks=(), coverage_percent=None).track is None
    both = verdict()
    assert both.transcript is not None
    assert both.track is not None
    assert (both.transcript.transcribed_share, both.track.coverage_percent) == (0.95, 90.0)


def test_the_early_reasons_are_those_that_the_sound_alone_shows() -> None:
    assert [each.code for each in sound.early_reasons(None, 60.0)] == [sound.NO_SOUND]
    assert [each.code for each in sound.early_reasons(silent(0, 60), 60.0)] == [sound.NO_SOUND]
    assert [each.code for each in sound.early_reasons(levels(**HISS), 60.0)] == [sound.NOISE_ONLY]
    assert [each.code for each in sound.early_reasons(silent(20, 31), 60.0)] == [sound.SOUND_MUTED]
    assert sound.early_reasons(levels(), 60.0) == []


@pytest.mark.parametrize(("left", "right"), [(3, 3), (60, 59), (61, 61)])
def test_levels_of_channels_that_do_not_cover_the_sound_are_refused(left: int, right: int) -> None:
    both = {"left": (-24,) * left, "right": (-24,) * right}
    with pytest.raises(ValueError, match="the channels do not cover the same seconds"):
        SoundLevels.model_validate(levels().model_dump() | both)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rest": (*ALL, 0), "flat": (0, 1, 93)}, True),
        ({"rest": (*ALL, 0), "flat": (0, 1, 60)}, False),
        ({"rest": (*ALL, 20), "flat": (0, 1, 93)}, False),
        ({"rest": (*ALL, 0)}, True),
        ({}, False),
    ],
    ids=["screen", "camera that removes its noise", "camera", "record without flat areas", "record without rest"],
)
def test_a_picture_is_of_a_screen_if_it_rests_and_is_flat(changes: dict[str, Any], expected: bool) -> None:
    assert picture.is_of_a_screen(looks(**changes)) is expected
