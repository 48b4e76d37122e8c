"""With models of a few nodes, made here: the code that loads and reads them is the one that runs in production."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.agreement import CLIP, MODEL
from shared.domain.errors import EngineUnavailable
from shared.media.probe.probe import probe
from shared.media.video.frames import SampledFrame, sample_frames
from shared.tracking.detectors.onnx import OnnxDetector, load_model
from shared.tracking.detectors.onnx_shape import resize_input
from shared.tracking.detectors.yolox import decode_people, letterbox, row_count

SIDE = 64
Rows = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Writes a model that answers every picture with `rows`, unless nothing of the picture is brighter than grey."""

    def make(rows: Rows, *, shape: tuple[int | str, ...] = (1, 3, SIDE, SIDE), name: str = "tiny.onnx") -> Path:
        nodes = [
            helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "grey"], ["is_lit"]),
            helper.make_node("Cast", ["is_lit"], ["lit"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["rows", "lit"], ["output"]),
        ]
        constants = [
            numpy_helper.from_array(np.float32(200), "grey"),
            numpy_helper.from_array(rows.astype(np.float32), "rows"),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, rows.shape)],
            constants,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made)
        path = tmp_path / name
        path.write_bytes(made.SerializeToString())
        return path

    return make


@pytest.fixture
def bright_cells(tmp_path: Path) -> Path:
    """A network that takes pictures of any size, declared for squares: a person in every cell that is white."""
    nodes, grids = [], []
    for stride in (8, 16, 32):
        cells, light, as_column = f"cells{stride}", f"light{stride}", f"column{stride}"
        nodes += [
            helper.make_node("AveragePool", ["images"], [cells], kernel_shape=[stride, stride], strides=[stride] * 2),
            helper.make_node("Conv", [cells, "values", "below"], [light]),
            helper.make_node("Clip", [light, "none", "all"], [f"likely{stride}"]),
            helper.make_node("Reshape", [f"likely{stride}", "rows of six"], [as_column]),
        ]
        grids.append(as_column)
    nodes += [
        helper.make_node("Concat", grids, ["columns"], axis=2),
        helper.make_node("Transpose", ["columns"], ["output"], perm=[0, 2, 1]),
    ]
    values = np.zeros((6, 3, 1, 1), np.float32)
    values[4:] = 2 / 3 / 255  # grey is nobody
    constants = [
        numpy_helper.from_array(values, "values"),
        numpy_helper.from_array(np.array([0, 0, 0, 0, -1, -1], np.float32), "below"),
        numpy_helper.from_array(np.float32(0), "none"),
        numpy_helper.from_array(np.float32(1), "all"),
        numpy_helper.from_array(np.array([1, 6, -1]), "rows of six"),
    ]
    shapes = {"images": (1, 3, SIDE, SIDE), "output": (1, row_count((SIDE, SIDE)), 6), "cells8": (1, 3, 8, 8)}
    told = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = helper.make_graph(
        nodes, "cells", [told["images"]], [told["output"]], constants, value_info=[told["cells8"]]
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    path = tmp_path / "cells.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def rows_with(*people_at: tuple[int, list[float]], classes: int = 2) -> Rows:
    rows = np.zeros((1, row_count((SIDE, SIDE)), 5 + classes), np.float32)
    for row, values in people_at:
        rows[0, row, : len(values)] = values
    return rows


def frame(width: int = 128, height: int = 64, light: int = 255) -> SampledFrame:
    return SampledFrame(0, 0.0, np.full((height, width, 3), light, np.uint8))


# The grid of 8 pixels has 8 x 8 cells: row 10 is cell (2, 1).
STANDING = (10, [0.5, 0.5, np.log(1.5), np.log(2.0), 0.9, 0.8])


def test_a_person_is_where_the_grid_says(make_model: MakeModel) -> None:
    detector = OnnxDetector(make_model(rows_with(STANDING)))
    (person,) = detector.detect(frame())
    # Centre (20, 12), 12 x 16 pixels of the square, of which the picture fills 64 x 32.
    assert person.box == pytest.approx((14 / 64, 4 / 32, 12 / 64, 16 / 32), abs=1e-3)
    assert person.score == pytest.approx(0.72**0.6, abs=1e-3)
    assert person.source == "onnx"


def test_a_wide_picture_is_not_filled_up_to_a_square(bright_cells: Path) -> None:
    """Check that the network gets 64 x 32 pixels and finds the same as in the square."""
    shown = frame(light=0)
    shown.bgr[16:32, 80:96] = 255
    detector, square = OnnxDetector(bright_cells), OnnxDetector(bright_cells)
    square._sized[(32, SIDE)] = square._square
    assert list(detector._sized) == [(SIDE, SIDE)]
    found = detector.detect(shown)
    assert found == square.detect(shown)
    assert found[0].box == pytest.approx((36 / 64, 4 / 32, 8 / 64, 8 / 32), abs=1e-3)
    assert detector._sized[(32, SIDE)].size == (32, SIDE)


def test_a_network_for_squares_only_gets_them(make_model: MakeModel) -> None:
    detector = OnnxDetector(make_model(rows_with(STANDING)))
    detector.detect(frame())
    assert detector._sized[(32, SIDE)].size == (SIDE, SIDE)


def test_a_model_keeps_few_sizes(bright_cells: Path) -> None:
    detector = OnnxDetector(bright_cells)
    for height in (20, 60, 90, 128, 200, 300):
        detector.detect(frame(128, height))
        assert len(detector._sized) <= 3


def test_what_is_no_model_has_no_size_to_change(bright_cells: Path) -> None:
    data = bright_cells.read_bytes()
    changed = onnx.load_from_string(resize_input(data, "images", 32, SIDE))
    assert [dim.dim_value for dim in changed.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 32, SIDE]
    assert not changed.graph.value_info
    assert changed.graph.node == onnx.load_from_string(data).graph.node
    assert resize_input(data, "another", 32, SIDE) != data  # other shapes go, the input stays
    for broken in (data[:-3], b"\x0f" * 20, b"\xff" * 20):
        with pytest.raises(ValueError, match="protocol buffer"):
            resize_input(broken, "images", 32, SIDE)


def test_no_person_is_found_in_the_dark(make_model: MakeModel) -> None:
    assert OnnxDetector(make_model(rows_with(STANDING))).detect(frame(light=50)) == ()


def test_of_boxes_over_each_other_the_likeliest_stays(make_model: MakeModel) -> None:
    weaker = (11, [-0.4, 0.5, np.log(1.5), np.log(2.0), 0.8, 0.8])
    elsewhere = (14, [0.5, 0.5, np.log(1.0), np.log(2.0), 0.5, 0.9])
    other_class = (33, [0.5, 0.5, 0.0, 0.0, 0.9, 0.0, 0.9])
    detector = OnnxDetector(make_model(rows_with(STANDING, weaker, elsewhere, other_class)))
    assert [each.score for each in detector.detect(frame())] == pytest.approx([0.72**0.6, 0.45**0.6], abs=1e-3)


def test_boxes_end_at_the_pictures_edge(make_model: MakeModel) -> None:
    detector = OnnxDetector(make_model(rows_with((0, [0.0, 0.0, np.log(4.0), np.log(40.0), 1.0, 1.0]))))
    (person,) = detector.detect(frame())
    assert person.box == pytest.approx((0.0, 0.0, 0.25, 1.0), abs=1e-3)


@pytest.mark.parametrize(
    ("rows", "shape", "complaint"),
    [
        (np.zeros((1, 84, 5)), (1, 3, SIDE, SIDE), "it gives an output of"),
        (np.zeros((1, 7, 8400)), (1, 3, SIDE, SIDE), "it gives an output of"),
        (np.zeros((1, 84, 7)), (1, 1, SIDE, SIDE), "it takes an input of"),
        (np.zeros((1, 84, 7)), (1, 3, SIDE, 2 * SIDE), "it takes an input of"),
        (np.zeros((1, 84, 7)), (1, 3, "height", "width"), "it takes an input of"),
    ],
    ids=["too few columns", "transposed", "grey pictures", "not square", "any size"],
)
def test_another_model_is_refused(
    make_model: MakeModel, rows: Rows, shape: tuple[int | str, ...], complaint: str
) -> None:
    with pytest.raises(EngineUnavailable, match=complaint):
        OnnxDetector(make_model(rows, shape=shape))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([0.0, 0.0, 0.0, 0.0, 4.2, 3.0], "likelihoods"),
        ([300.0, 250.0, 0.0, 0.0, 0.9, 0.9], "relative to the grid"),
        ([0.0, 0.0, 0.0, 0.0, np.nan, 0.5], "no numbers"),
    ],
    ids=["no sigmoid", "decoded already", "not a number"],
)
def test_values_of_another_export_are_refused(tmp_path: Path, values: list[float], complaint: str) -> None:
    rows = rows_with((10, values))
    node = helper.make_node("Identity", ["rows"], ["output"])
    graph = helper.make_graph(
        [node],
        "constant",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, rows.shape)],
        [numpy_helper.from_array(rows, "rows")],
    )
    path = tmp_path / "other.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    with pytest.raises(EngineUnavailable, match=complaint):
        OnnxDetector(path)


def test_a_file_that_is_none_and_one_that_is_missing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"<html>Not found</html>")
    with pytest.raises(EngineUnavailable, match=r"'broken\.onnx' cannot be used: it is damaged"):
        OnnxDetector(broken)
    with pytest.raises(EngineUnavailable, match=r"'missing\.onnx' is not on this machine"):
        load_model(tmp_path / "missing.onnx")


def test_a_model_is_loaded_once(make_model: MakeModel) -> None:
    path = make_model(rows_with(STANDING))
    assert load_model(path) is load_model(path)
    assert load_model(path).model == f"tiny sha256:{load_model(path).sha256}"


def test_pictures_are_put_into_the_top_left() -> None:
    square, scale = letterbox(np.full((90, 160, 3), 7, np.uint8), (SIDE, SIDE))
    assert (square.shape, scale) == ((1, 3, SIDE, SIDE), SIDE / 160)
    assert (square[0, :, :36, :] == 7).all()
    assert (square[0, :, 36:, :] == 114).all()


def test_no_candidate_is_likely_enough() -> None:
    assert decode_people(rows_with((3, [0, 0, 0, 0, 0.2, 0.2]))[0], (SIDE, SIDE), 0.1) == []


@pytest.mark.skipif(not (MODEL.exists() and CLIP.exists()), reason="the model or the recording is not here")
def test_a_real_model_finds_a_real_person_and_none_in_an_empty_room() -> None:
    detector = OnnxDetector(MODEL)
    with CLIP.open("rb") as source:
        recording = probe(source, CLIP.stat().st_size)
        (there,) = sample_frames(source, recording, sample_fps=2, start_sec=10, end_sec=10.5)
        (empty,) = sample_frames(source, recording, sample_fps=2, start_sec=22.5, end_sec=23)
    (person,) = detector.detect(there)
    assert person.score > 0.6
    assert person.box == pytest.approx((0.5, 0.035, 0.175, 0.9), abs=0.03)
    assert detector.detect(empty) == ()
