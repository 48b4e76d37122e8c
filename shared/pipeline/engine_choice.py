"""Which speech engine a job gets: its options over the settings. Asked before a job is accepted, and when it runs."""

from collections.abc import Mapping
from typing import Any

from shared.settings import Settings
from shared.transcription.choose import EngineChoice, choose_engine


def engine_for(settings: Settings, options: Mapping[str, Any]) -> EngineChoice:
    """The engine for a job with these options; raises EngineUnavailable when there is none that can do it.

    Costs a look at a directory, so that a request can be refused with what the stage would end with.
    """
    return choose_engine(
        options.get("engine") or settings.engine,
        whisper_model=settings.whisper_model,
        language=options.get("language"),
    )
