"""Result files as a job would leave them, made up."""

import json
import math
from collections.abc import Callable
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.image import imsave
from numpy import linspace, newaxis, ones

SAMPLE_FPS = 2.0


def write_results(directory: Path, duration_sec: float = 60.0, *, sound: bool = True, picture: bool = True) -> Path:
    """The result files of a recording with sound, a picture, or both."""
    sidecar: dict[str, Any] = {
        "version": "v1",
        "media": {"container": "mp4", "durationSec": duration_sec, "warnings": ["The sound begins late."]},
        "scenes": scenes(directory, duration_sec) if picture else [],
        "artefacts": [],
    }
    write(directory / "sidecar.json", sidecar)
    if sound:
        (directory / "transcript.json").write_text(_written(transcript, duration_sec), encoding="utf-8")
    if picture:
        (directory / "instructor-tracking.json").write_text(_written(tracking, duration_sec), encoding="utf-8")
    return directory


@cache
def _written(content: Callable[[float], dict[str, Any]], duration_sec: float) -> str:
    return json.dumps(content(duration_sec))


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def scenes(directory: Path, duration_sec: float) -> list[dict[str, Any]]:
    """Four scenes, the second and third close together, each with a picture of one tone."""
    cuts = [0.0, 0.3 * duration_sec, 0.36 * duration_sec, 0.7 * duration_sec, duration_sec]
    found = []
    for number, (start, end) in enumerate(pairwise(cuts)):
        name = f"thumbnails/scene-{number + 1:03d}.jpg"
        (directory / "thumbnails").mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(_thumbnail(number))
        found.append({"start": start, "end": end, "thumbnail": name})
    return found


@cache
def _thumbnail(number: int) -> bytes:
    file = BytesIO()
    imsave(file, linspace(0.2 + 0.15 * number, 0.9, 320)[newaxis, :, newaxis] * ones((180, 320, 3)), format="jpg")
    return file.getvalue()


def transcript(duration_sec: float) -> dict[str, Any]:
    """A phrase of eight words every six seconds, with a pause after it."""
    text = ["every", "result", "$x$", "has", "a", "small", "and", "plain", "reason"]
    segments = []
    start = 0.6
    while start + 5 < duration_sec:
        words = [
            {"word": word, "start": start + 0.5 * i, "end": start + 0.5 * i + 0.1 + 0.04 * len(word), "confidence": 0.9}
            for i, word in enumerate(text)
        ]
        segments.append(
            {
                "id": len(segments),
                "start": start,
                "end": words[-1]["end"],
                "text": " ".join(text),
                "confidence": 0.9,
                "words": words,
            }
        )
        start += 6.0
    engine = {"name": "pocketsphinx", "version": "5.1.1", "model": "en-us"}
    heard = {"language": "en", "durationSec": duration_sec, "engine": engine, "segments": segments, "speechSec": 45.0}
    return {"version": "v1", "sessionId": "s1", "jobId": "j1", **heard, "warnings": []}


def tracking(duration_sec: float) -> dict[str, Any]:
    """A person who comes in at 5%, is away from 50% to 60%, and leaves at 95%."""
    presence = [[0.05 * duration_sec, 0.5 * duration_sec], [0.6 * duration_sec, 0.95 * duration_sec]]
    points = []
    for k in range(int(duration_sec * SAMPLE_FPS)):
        t = k / SAMPLE_FPS
        if any(start <= t <= end for start, end in presence):
            x = 0.5 + 0.3 * math.sin(t / duration_sec * 20)
            state = "interpolated" if 0.20 < t / duration_sec < 0.22 else "observed"
            points.append({"t": t, "x": x, "y": 0.5, "box": [x - 0.05, 0.2, 0.1, 0.6], "state": state})
    return {
        "version": "v1",
        "source": {"width": 1280, "height": 720, "fps": 25.0, "durationSec": duration_sec, "sampleFps": SAMPLE_FPS},
        "trackPoints": points,
        "presence": presence,
        "gaps": [[0.5 * duration_sec, 0.6 * duration_sec]],
        "derivedMetrics": {"coveragePercent": 80.0, "gapsCount": 1, "longestGapSec": 0.1 * duration_sec},
        "warnings": [],
    }
