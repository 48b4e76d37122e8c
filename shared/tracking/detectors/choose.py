"""Which detector looks at a recording: what was asked for, and whether there is a model; imports no media library."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.domain.errors import EngineUnavailable
from shared.tracking.plan import DetectorKind

Asked = Literal["auto", "plate", "onnx", "fused"]

_KNOWN = "**/yolox*.onnx"


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """The detector, and the model's file where it needs one; `is_asked` says that no other will do."""

    kind: DetectorKind
    model: Path | None
    is_asked: bool


def choose_detector(asked: str, model: Path | None, models: Path) -> DetectorChoice:
    """The detector for `asked`: auto, plate, onnx or fused. `model` is the file that the settings name, if any; else
    the first of this family in `models` is taken.

    auto is fused where there is a model, else the plate. Raises EngineUnavailable for an unknown name, and for onnx
    and fused without a model.
    """
    if asked not in ("auto", "plate", "onnx", "fused"):
        raise EngineUnavailable(f"'{asked}' is no detector: choose auto, plate, onnx or fused.")
    if asked == "plate":
        return DetectorChoice("plate", None, is_asked=True)
    path = model if model is not None else next(iter(sorted(models.glob(_KNOWN))), None)
    present = path is not None and path.is_file()
    if asked == "auto" and not present:
        return DetectorChoice("plate", None, is_asked=False)
    if not present:
        where = f"The file '{path.name}' is not there" if path is not None else "There is none"
        raise EngineUnavailable(
            f"The detector '{asked}' needs a model. {where}: set ROSTRUM_DETECTOR_MODEL, or ask for plate."
        )
    return DetectorChoice("onnx" if asked == "onnx" else "fused", path, is_asked=asked != "auto")
