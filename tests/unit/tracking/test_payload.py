import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.warning import About, RecordingWarning
from shared.tracking.detection import Detection, FrameDetections
from shared.tracking.payload import InstructorTracking, PartFrame, TrackingPart

CONTRACT: dict[str, Any] = {
    "version": "v1",
    "sessionId": "s1",
    "jobId": "j1",
    "source": {"width": 1920, "height": 1080, "fps": 30.0, "durationSec": 61.2, "sampleFps": 2.0},
    "detector": {"name": "plate", "version": "1", "model": None},
    "frameDetections": [{"t": 0.5, "detections": [{"box": [0.41, 0.2, 0.1, 0.6], "score": 0.8, "source": "plate"}]}],
    "trackPoints": [
        {"t": 0.5, "x": 0.46, "y": 0.5, "box": [0.41, 0.2, 0.1, 0.6], "confidence": 0.8, "state": "observed"}
    ],
    "presence": [[0.5, 60.0]],
    "gaps": [],
    "derivedMetrics": {
        "coveragePercent": 97.5,
        "gapsCount": 0,
        "longestGapSec": 0.0,
        "totalDistance": 3.2,
        "jitter": 0.004,
    },
    "warnings": [],
}


def with_change(**changes: Any) -> dict[str, Any]:
    return json.loads(json.dumps(CONTRACT)) | changes


def point(t: float, **changes: Any) -> dict[str, Any]:
    return CONTRACT["trackPoints"][0] | {"t": t} | changes


def test_the_contracts_example_is_read_and_written_as_it_stands() -> None:
    assert json.loads(InstructorTracking.model_validate(CONTRACT).model_dump_json(by_alias=True)) == CONTRACT


def test_numbers_are_rounded() -> None:
    box = [0.123456, 0.2, 0.1, 0.6]
    track = InstructorTracking.model_validate(
        with_change(trackPoints=[point(0.50004, x=0.173456, box=box, confidence=0.77777)])
    )
    assert track.track_points[0].model_dump(exclude={"state"}) == {
        "t": 0.5,
        "x": 0.17346,
        "y": 0.5,
        "box": (0.1235, 0.2, 0.1, 0.6),
        "confidence": 0.7778,
    }


def test_a_box_at_the_edge_stays_inside_when_it_is_rounded() -> None:
    track = InstructorTracking.model_validate(with_change(trackPoints=[point(0.5, box=[0.33335, 0, 0.66665, 1])]))
    x, y, width, height = track.track_points[0].box
    assert round(x + width, 4) <= 1.0
    assert (y, height) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"trackPoints": [point(1.0), point(0.5)]}, "does not come after", id="points-out-of-order"),
        pytest.param({"trackPoints": [point(1.0), point(1.0)]}, "does not come after", id="a-point-twice"),
        pytest.param({"trackPoints": [point(61.3)]}, "passes the recording's end", id="point-after-the-end"),
        pytest.param({"trackPoints": [point(1.0, x=1.1)]}, "less than or equal to 1", id="point-outside-the-frame"),
        pytest.param({"trackPoints": [point(1.0, state="guessed")]}, "observed", id="unknown-state"),
        pytest.param({"trackPoints": [point(1.0, box=[0.5, 0, 0.6, 1])]}, "frame's edge", id="box-past-the-edge"),
        pytest.param({"trackPoints": [point(1.0, box=[0.5, 0, 0.6])]}, "Field required", id="box-of-three"),
        pytest.param({"trackPoints": [point(1.0, y=float("nan"))]}, "finite", id="not-a-number"),
        pytest.param({"frameDetections": [{"t": 62, "detections": []}]}, "passes the recording's end", id="late-frame"),
        pytest.param({"presence": [[3, 1]]}, "not in order", id="presence-backwards"),
        pytest.param({"presence": [[1, 4], [3, 5]]}, "not in order", id="presences-overlap"),
        pytest.param({"presence": [[1, 62]]}, "passes the recording's end", id="presence-after-the-end"),
        pytest.param({"presence": [[0, 4], [8, 9]]}, "between the presences", id="gap-not-listed"),
        pytest.param({"gaps": [[61, 61.2]]}, "between the presences", id="absence-is-no-gap"),
        pytest.param({"presence": [[0, 4], [8, 9]], "gaps": [[4, 8]]}, "1 are listed", id="gaps-miscounted"),
    ],
)
def test_a_track_that_breaks_the_contract_cannot_be_made(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        InstructorTracking.model_validate(with_change(**changes))


FRAMES = [
    FrameDetections(4, 2.0, (Detection((0.1, 0.2, 0.3, 0.4), 0.9, "plate"),)),
    FrameDetections(5, 2.5, ()),
]


def test_a_parts_file_gives_back_what_was_found() -> None:
    part = TrackingPart.of(
        1, FRAMES, [(2.0, 0.5), (2.5, 0.123456)], warnings=[RecordingWarning("dark", About.PICTURE, "It is dark.")]
    )
    again = TrackingPart.model_validate_json(part.model_dump_json(by_alias=True))
    assert again == part
    assert again.to_frames() == FRAMES
    assert (again.start_index, again.end_index) == (4, 6)
    assert again.scene_scores == ((2.0, 0.5), (2.5, 0.1235))


def test_a_part_may_own_samples_without_frames() -> None:
    part = TrackingPart.of(1, [], samples=range(4, 8))
    assert (part.start_index, part.end_index, part.to_frames()) == (4, 8, [])


@pytest.mark.parametrize("samples", [range(5, 6), range(4, 5)], ids=["before", "after"])
def test_a_part_holds_no_frame_of_another(samples: range) -> None:
    with pytest.raises(ValidationError, match="part 1"):
        TrackingPart.of(1, FRAMES, samples=samples)


def test_a_frame_holds_its_place_on_the_grid() -> None:
    assert PartFrame.of(FRAMES[0]).to_frame_detections() == FRAMES[0]
