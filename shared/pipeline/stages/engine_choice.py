"""Which speech engine a job gets: its options over the settings. Asked before a job is accepted, and when it runs."""

from collections.abc import Mapping
from typing import Any

from shared.settings import Settings
from shared.transcription.choose import AzureSpeech, EngineChoice, choose_engine


def engine_for(settings: Settings, options: Mapping[str, Any]) -> EngineChoice:
    """The engine for a job with these options; raises EngineUnavailable when there is none that can do it.

    Costs a look at a directory, so that a request can be refused with what the stage would end with.
    """
    return choose_engine(
        options.get("engine") or settings.engine,
        whisper_model=settings.whisper_model,
        language=options.get("language"),
        models=settings.models_dir,
        azure=_azure(settings),
    )


def _azure(settings: Settings) -> AzureSpeech | None:
    endpoint, region = settings.azure_speech_endpoint, settings.azure_speech_region
    if settings.azure_speech_key is None or not (endpoint or region):
        return None
    locales = tuple(filter(None, (each.strip() for each in settings.azure_speech_locales.split(","))))
    return AzureSpeech(
        (endpoint or f"https://{region}.api.cognitive.microsoft.com").rstrip("/"), settings.azure_speech_key, locales
    )
