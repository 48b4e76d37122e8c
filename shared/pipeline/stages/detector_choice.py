"""Which detector a job gets: its options over the settings. Asked before a job is accepted, and when it runs."""

from collections.abc import Mapping
from typing import Any

from shared.settings import Settings
from shared.tracking.detectors.choose import DetectorChoice, choose_detector


def detector_for(settings: Settings, options: Mapping[str, Any]) -> DetectorChoice:
    """The detector for a job with these options; raises EngineUnavailable when there is none that can do it."""
    return choose_detector(options.get("detector") or settings.detector, settings.detector_model, settings.models_dir)
