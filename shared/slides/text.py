"""Read the text of a slide with the models of RapidOCR (PP-OCR, Apache-2.0), which are inside its package.

Loaded once a worker, because the two models take about a quarter of a second to load and 200 MB. Apart from the
slides' structure, which works on lines of text alone.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.errors import EngineUnavailable
from shared.slides.screen import Picture
from shared.warm_models import kept_warm

if TYPE_CHECKING:
    from rapidocr import RapidOCR

LONGEST_SIDE_PX = 1280
"""Longest side of the picture in which lines are found; they are read in the full picture."""
_MIN_CONFIDENCE = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text on a slide."""

    text: str
    box: tuple[float, float, float, float]
    """x, y, width and height in fractions of the slide."""
    confidence: float


class TextReader:
    """Finds and reads the lines of a picture."""

    def __init__(self, engine: "RapidOCR") -> None:
        self._engine = engine

    def read(self, picture: Picture) -> list[TextLine]:
        """Return the lines of `picture` (height × width × 3, BGR) from top to bottom."""
        from rapidocr.utils.output import RapidOCROutput

        found = self._engine(picture)
        if not isinstance(found, RapidOCROutput) or found.boxes is None or found.txts is None or found.scores is None:
            return []
        height, width = picture.shape[:2]
        lines = []
        for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            if not text.strip():
                continue
            left, top = (max(0.0, float(value)) for value in corners.min(axis=0))
            right, bottom = (float(value) for value in corners.max(axis=0))
            right, bottom = min(float(width), right), min(float(height), bottom)
            box = (left / width, top / height, max(0.0, right - left) / width, max(0.0, bottom - top) / height)
            lines.append(TextLine(" ".join(text.split()), box, min(1.0, float(score))))
        return sorted(lines, key=lambda line: (round(line.box[1], 2), line.box[0]))


@kept_warm(1)
def load_reader(model: Path | None = None) -> TextReader:
    """Return the reader; raise EngineUnavailable where the package is not installed or the model cannot be loaded.

    `model` is a recognition model of PP-OCR in the format ONNX, for other scripts than Latin and Chinese.
    """
    try:
        from rapidocr import RapidOCR
    except ImportError as err:
        raise EngineUnavailable("The text of slides needs the package rapidocr, which is not installed here.") from err
    params = {
        "Global.use_cls": False,  # slides are upright
        "Global.text_score": _MIN_CONFIDENCE,
        "Global.log_level": "error",
        "Det.limit_type": "max",
        "Det.limit_side_len": LONGEST_SIDE_PX,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    if model is not None:
        params["Rec.model_path"] = str(model)
    try:
        return TextReader(RapidOCR(params=params))
    except Exception as err:
        log.exception("the text model cannot be loaded", extra={"action": "load_text_model"})
        raise EngineUnavailable("The model that reads the text of slides cannot be loaded.") from err
