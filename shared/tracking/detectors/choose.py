"""Choose the detector of a recording by what was asked for and whether a model is present.

Apart from the detectors, so that the API can refuse a choice without a media library.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from shared.domain.errors import EngineUnavailable
from shared.domain.options import DetectorKind, DetectorName

_MODEL_PATTERN = "**/yolox*.onnx"


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """The detector to use."""

    kind: DetectorKind
    """The kind of detector."""
    model: Path | None
    """The model's file, if the detector needs one."""
    is_asked: bool
    """Whether the client asked for this detector, so that no other will do."""


def choose_detector(asked: str, model: Path | None, models: Path) -> DetectorChoice:
    """Return the detector for `asked`: auto, plate, onnx or fused.

    `auto` means fused if there is a model, else the plate.

    Args:
        asked: the option of the job.
        model: the file that the settings name; None takes the first file of this family in `models`.
        models: the folder of models.

    Raises:
        EngineUnavailable: the name is unknown, or onnx or fused was asked for without a model.
    """
    *names, last = get_args(DetectorName)
    if asked not in (*names, last):
        raise EngineUnavailable(f"'{asked}' is no detector: choose {', '.join(names)} or {last}.")
    if asked == "plate":
        return DetectorChoice("plate", None, is_asked=True)
    path = model if model is not None else next(iter(sorted(models.glob(_MODEL_PATTERN))), None)
    present = path is not None and path.is_file()
    if asked == "auto" and not present:
        return DetectorChoice("plate", None, is_asked=False)
    if not present:
        where = f"The file '{path.name}' is not there" if path is not None else "There is none"
        raise EngineUnavailable(
            f"The detector '{asked}' needs a model. {where}: set ROSTRUM_DETECTOR_MODEL, or ask for plate."
        )
    return DetectorChoice("onnx" if asked == "onnx" else "fused", path, is_asked=asked != "auto")
