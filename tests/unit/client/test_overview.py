"""The overview picture: what is computed for it, and that it is drawn for every kind of recording."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.image import imread

from rostrum_client import overview_rows
from rostrum_client.files import Segment, Slide, TrackPoint, Transcript, Word
from rostrum_client.overview import draw_overview
from rostrum_client.results import read_results

BODY = (194 / 255, 87 / 255, 26 / 255)
SLIDE = (239 / 255, 227 / 255, 200 / 255)
SPEECH = (47 / 255, 127 / 255, 121 / 255)


def share(path: Path, colour: tuple[float, float, float]) -> float:
    """How much of the picture is in a colour."""
    picture = imread(path)[::2, ::2, :3]
    return float((abs(picture - colour).max(axis=2) < 0.02).mean())


@pytest.mark.parametrize(
    ("duration_sec", "sound", "picture"),
    [
        pytest.param(8.0, True, True, id="seconds"),
        pytest.param(60.0, True, False, id="sound only"),
        pytest.param(60.0, False, True, id="picture only"),
        pytest.param(10800.0, True, True, id="three hours"),
    ],
)
def test_what_the_recording_has_is_drawn(
    duration_sec: float, sound: bool, picture: bool, make_results: Callable[..., Path]
) -> None:
    directory = make_results(duration_sec, sound=sound, picture=picture)
    path = draw_overview(read_results(directory), "a $talk$ of 5$ — 講義", directory / "overview.png")

    assert (share(path, BODY) > 0.0005) == picture
    assert (share(path, SPEECH) > 0.002) == sound


def test_slides_are_drawn_with_their_titles(make_results: Callable[..., Path]) -> None:
    directory = make_results(60.0, sound=True, picture=False)
    results = read_results(directory)
    slides = tuple(Slide(id=n, title="How rain falls", visits=((30.0 * n, 30.0 * n + 30.0),)) for n in range(2))
    without = draw_overview(results, "a talk", directory / "without.png")
    path = draw_overview(replace(results, slides=slides), "a talk", directory / "overview.png")

    assert share(without, SLIDE) == 0
    assert share(path, SLIDE) > 0.01


def test_nothing_at_all_is_still_a_picture(tmp_path: Path) -> None:
    path = draw_overview(read_results(tmp_path), "nothing", tmp_path / "deeper" / "overview.png")

    assert imread(path).shape[1] == 1760


def test_thumbnails_do_not_overlap_and_stay_inside() -> None:
    lefts = overview_rows.settle([0.0, 5.0, 5.5, 9.5], [2.0, 2.0, 2.0, 2.0], 10.0, 0.1)

    assert lefts[0] == 0.0
    assert all(after - before >= 2.1 - 1e-9 for before, after in pairwise(lefts))
    assert lefts[-1] + 2.0 <= 10.0


def test_many_thumbnails_are_thinned_evenly(make_results: Callable[..., Path]) -> None:
    results = read_results(make_results(60.0))
    scenes = [replace(results.scenes[i % 4], start=float(i), end=float(i)) for i in range(60)]
    assert results.sidecar is not None
    many = replace(results, sidecar=replace(results.sidecar, scenes=tuple(scenes)))

    shown = overview_rows.pictures(many)
    assert len(shown) == overview_rows.MOST_THUMBNAILS
    assert (shown[0].at_sec, shown[-1].at_sec) == (0.0, 59.0)


def test_letters_are_spread_over_their_words_time_and_none_is_lost() -> None:
    words = (Word(word="absolute", start=1.0, end=3.0),)
    transcript = Transcript(segments=(Segment(start=1.0, end=3.0, text="absolute", words=words),))

    assert overview_rows.word_density(transcript, 4.0, 4) == [0.0, 4.0, 4.0, 0.0]


def test_no_line_is_drawn_across_an_absence() -> None:
    points = [TrackPoint(t=t, x=0.5, y=0.5, box=(0.4, 0.2, 0.2, 0.6)) for t in (0.0, 0.5, 1.0, 4.0, 4.5)]

    assert [[point.t for point in run] for run in overview_rows.split_runs(points, 0.8)] == [
        [0.0, 0.5, 1.0],
        [4.0, 4.5],
    ]


@pytest.mark.parametrize(
    ("presence", "outside"),
    [
        ([], [(0.0, 10.0)]),
        ([(0.0, 10.0)], []),
        ([(2.0, 4.0), (6.0, 10.0)], [(0.0, 2.0), (4.0, 6.0)]),
    ],
    ids=["never there", "always there", "comes and goes"],
)
def test_absences_are_what_presence_leaves(
    presence: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    assert overview_rows.absences(presence, 10.0) == outside


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two", ["one two"]),
        ("one two three four", ["one two", "three", "four"]),
        ("one two three four five six", ["one two", "three", "four …"]),
        ("incomprehensible", ["incompr…"]),
        ("", []),
    ],
)
def test_words_are_fitted_into_the_room_there_is(text: str, lines: list[str]) -> None:
    assert overview_rows.fit(text, 8, 3) == lines
