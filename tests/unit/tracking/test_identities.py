from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from shared.tracking.detection import Clothes, Detection, FrameDetections
from shared.tracking.track.association import associate
from shared.tracking.track.identities import clothes_of, learn_people, speaks_against

RED: Clothes = (110, 180, 160, 60, 128, 128)
BLUE: Clothes = (110, 130, 80, 60, 128, 128)
MIXED: Clothes = (110, 155, 120, 60, 128, 128)


def person(x: float, clothes: Clothes | None = None, width: float = 0.1) -> Detection:
    return Detection((round(x - width / 2, 4), 0.3, width, 0.5), 0.8, "plate", clothes)


def frames(*seen: tuple[Detection, ...]) -> list[FrameDetections]:
    return [FrameDetections(k, k / 2, detections) for k, detections in enumerate(seen)]


def meeting(
    instructor: Sequence[float], other: Sequence[float], clothes: tuple[Clothes | None, Clothes | None]
) -> list[FrameDetections]:
    """Return the samples of two people; who is nearer than a width to the other is one blob with them."""
    row: list[tuple[Detection, ...]] = [(person(instructor[0], clothes[0]),)] * 10
    for one, two in zip(instructor, other, strict=True):
        merged = None if clothes[0] is None else MIXED
        pair = (person(one, clothes[0]), person(two, clothes[1]))
        row.append(pair if abs(one - two) > 0.1 else (person((one + two) / 2, merged, 0.1 + abs(one - two)),))
    return frames(*row, *[(person(instructor[-1], clothes[0]),)] * 10)


PASS = [0.2 + 0.06 * k for k in range(11)], [0.8 - 0.06 * k for k in range(11)]
TURN = [0.5 - 0.06 * abs(5 - k) for k in range(11)], [0.5 + 0.06 * abs(5 - k) for k in range(11)]
TALK = (
    [0.2, 0.26, 0.32, 0.38, 0.44, *[0.48] * 12, 0.54, 0.6, 0.66, 0.72],
    [0.8, 0.74, 0.68, 0.62, 0.56, *[0.52] * 12, 0.46, 0.4, 0.34, 0.28],
)


@pytest.mark.parametrize(("one", "two"), [PASS, TURN, TALK], ids=["pass", "turn back", "talk, then pass"])
@pytest.mark.parametrize("clothes", [(RED, BLUE), (BLUE, RED)], ids=["red", "blue"])
def test_the_instructor_is_followed_through_a_crossing_by_their_clothes(
    one: list[float], two: list[float], clothes: tuple[Clothes, Clothes]
) -> None:
    track = {point.time_sec: point.x for point in associate(meeting(one, two, clothes), 2.0)}
    apart = [k for k, (a, b) in enumerate(zip(one, two, strict=True)) if abs(a - b) > 0.1]
    assert [track[(10 + k) / 2] for k in apart] == pytest.approx([one[k] for k in apart])


def test_the_same_clothes_change_nothing() -> None:
    dressed = meeting(*TALK, (RED, RED))
    plain = [replace(f, detections=tuple(replace(d, clothes=None) for d in f.detections)) for f in dressed]
    assert [point.box for point in associate(dressed, 2.0)] == [point.box for point in associate(plain, 2.0)]


def test_a_person_who_is_alone_is_followed_in_any_clothes() -> None:
    seen = [person(0.4 + 0.01 * (k % 5), (RED, BLUE, MIXED)[k // 7 % 3]) for k in range(60)]
    assert len(associate(frames(*((each,) for each in seen)), 2.0)) == 60


def test_a_passer_by_in_other_clothes_does_not_cost_the_instructor_a_sample() -> None:
    passing = {k: person(0.05 + 0.09 * (k - 15), BLUE) for k in range(15, 26)}
    seen = [(person(0.4, RED), passing[k]) if k in passing else (person(0.4, RED),) for k in range(60)]
    assert [point.x for point in associate(frames(*seen), 2.0)] == pytest.approx([0.4] * 60)


def _learned(row: Sequence[FrameDetections]) -> list[list[int]]:
    detections = [each for frame in row for each in frame.detections]
    frame_of = np.array([n for n, frame in enumerate(row) for _ in frame.detections])
    return sorted(learn_people(clothes_of(detections), frame_of).astype(int).tolist())


def test_people_are_learned_from_being_seen_together() -> None:
    assert _learned(meeting(*PASS, (RED, BLUE))) == sorted([list(RED), list(BLUE)])


def test_one_person_in_changing_clothes_is_not_two_people() -> None:
    assert _learned(frames(*((person(0.5, RED if k < 30 else BLUE),) for k in range(60)))) == []


def test_without_clothes_there_is_nobody_to_learn() -> None:
    assert _learned(meeting(*PASS, (None, None))) == []
    assert _learned([]) == []


def test_clothes_speak_most_against_a_candidate_beside_a_more_alike_one() -> None:
    people = clothes_of([person(0.5, RED), person(0.5, BLUE)])
    seen = clothes_of([person(0.5, RED), person(0.5, BLUE), person(0.5, BLUE), person(0.5)])
    against = speaks_against(seen, people, np.array([0, 0, 1, 2]))
    assert against[:2].tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert 0.0 < against[2, 0] < 0.5
    assert against[2, 1] == 0.0
    assert against[3].tolist() == [0.0, 0.0]
