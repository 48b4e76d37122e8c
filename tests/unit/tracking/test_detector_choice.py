from itertools import pairwise
from pathlib import Path

import pytest

from shared.domain.errors import EngineUnavailable
from shared.domain.options import JobOptions
from shared.pipeline.stages.plan import detector_for
from shared.settings import Settings
from shared.tracking.detectors.choose import choose_detector
from shared.tracking.plan import windows


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "yolox_nano.onnx"
    path.write_bytes(b"model")
    return path


@pytest.mark.parametrize(
    ("asked", "kind"), [("auto", "fused"), ("plate", "plate"), ("onnx", "onnx"), ("fused", "fused")]
)
def test_with_a_model(model: Path, asked: str, kind: str) -> None:
    for named in (model, None):
        choice = choose_detector(asked, named, model.parent)
        assert (choice.kind, choice.model) == (kind, None if kind == "plate" else model)
        assert choice.is_asked == (asked != "auto")


@pytest.mark.parametrize("asked", ["auto", "plate"])
def test_without_a_model_the_plate_does_it(tmp_path: Path, asked: str) -> None:
    assert choose_detector(asked, None, tmp_path).kind == "plate"
    assert choose_detector(asked, tmp_path / "gone.onnx", tmp_path).kind == "plate"


@pytest.mark.parametrize("asked", ["onnx", "fused"])
def test_what_needs_a_model_is_refused_without(tmp_path: Path, asked: str) -> None:
    with pytest.raises(EngineUnavailable, match=f"'{asked}' needs a model.*There is none"):
        choose_detector(asked, None, tmp_path)
    with pytest.raises(EngineUnavailable, match=r"'gone\.onnx' is not there"):
        choose_detector(asked, tmp_path / "gone.onnx", tmp_path)


def test_an_unknown_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="'mog2' is no detector"):
        choose_detector("mog2", None, tmp_path)


def test_options_go_before_settings(model: Path) -> None:
    settings = Settings(detector="plate", detector_model=model)
    assert detector_for(settings, JobOptions()).kind == "plate"
    assert detector_for(settings, JobOptions(detector="auto")).kind == "fused"


@pytest.mark.parametrize(
    ("duration_sec", "count"), [(0.5, 1), (900, 1), (901, 2), (3600, 4), (3601, 5), (6 * 3600, 24)]
)
def test_windows_are_equal_and_cover_all(duration_sec: float, count: int) -> None:
    found = windows(duration_sec)
    assert len(found) == count
    assert found[0][0] == 0.0
    assert found[-1][1] == duration_sec
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert max(end - start for start, end in found) <= 900
