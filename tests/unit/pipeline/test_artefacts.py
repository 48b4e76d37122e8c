"""The list of artefacts: names, and which step makes which file."""

import pytest

from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.domain.step_run import STEPS
from shared.pipeline.artefacts import ARTEFACTS, THUMBNAIL, find_artefact, required_results
from shared.storage.ports import RESULTS, WORK


def test_no_two_artefacts_have_the_same_name() -> None:
    assert len({(each.container, each.template) for each in ARTEFACTS}) == len(ARTEFACTS)


def test_each_artefact_is_made_by_a_step_that_its_stage_has() -> None:
    for each in ARTEFACTS:
        assert (each.stage is None) == (each.step is None)
        assert each.stage is None or each.step in STEPS[each.stage]


@pytest.mark.parametrize(
    ("container", "name", "maker"),
    [
        (WORK, "audio.wav", (Stage.DOWNLOAD, StepKind.PART)),
        (WORK, "plate-000-0.png", (Stage.TRACKING, StepKind.PREPARE)),
        (WORK, "tracking/00012.json", (Stage.TRACKING, StepKind.PART)),
        (WORK, "rendition/00003-follow.mp4", (Stage.RENDITION, StepKind.PART)),
        (RESULTS, "follow.mp4", (Stage.RENDITION, StepKind.MERGE)),
        (RESULTS, "thumbnails/scene-0150.jpg", (Stage.TRACKING, StepKind.MERGE)),
        (RESULTS, "sidecar.json", (None, None)),
    ],
)
def test_a_file_is_known_by_its_name(container: str, name: str, maker: tuple[Stage | None, StepKind | None]) -> None:
    found = find_artefact(container, name)
    assert found is not None
    assert (found.stage, found.step) == maker


@pytest.mark.parametrize(
    ("container", "name"),
    [(RESULTS, "audio.wav"), (WORK, "audio_wav"), (WORK, "tracking/x.json"), (RESULTS, "transcript.json.bak")],
)
def test_a_file_that_no_job_makes_is_unknown(container: str, name: str) -> None:
    assert find_artefact(container, name) is None


def test_every_name_of_a_series_is_found_again() -> None:
    for number in (0, 7, 99_999, 123_456):
        assert find_artefact(RESULTS, THUMBNAIL.name_of(scene=number)) is THUMBNAIL


def test_the_results_of_a_stage_are_those_that_every_recording_has() -> None:
    assert required_results() == {
        Stage.DOWNLOAD: (),
        Stage.TRANSCRIPTION: ("transcript.json", "transcript.vtt", "transcript.srt", "transcript.txt"),
        Stage.TRACKING: ("instructor-tracking.json", "track-heatmap.png", "track-x.png", "track-plot.json"),
        Stage.RENDITION: (),
    }
