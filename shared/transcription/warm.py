"""Loads speech engines and keeps them warm: one model a process, the one that was asked for last."""

from functools import lru_cache
from pathlib import Path
from threading import Lock

from shared.domain.errors import EngineUnavailable
from shared.transcription.choose import AzureSpeech, EngineChoice, EngineName, choose_engine
from shared.transcription.engine import Engine

_loading = Lock()


def select_engine(
    name: EngineName | str, *, whisper_model: str = "base", language: str | None = None, cpu_threads: int = 1
) -> Engine:
    """The engine that `choose_engine` chooses, loaded; raises EngineUnavailable as that does, and for damaged files."""
    return warm_engine(choose_engine(name, whisper_model=whisper_model, language=language), cpu_threads=cpu_threads)


def warm_engine(choice: EngineChoice, *, cpu_threads: int = 1) -> Engine:
    """The chosen engine, loaded; raises EngineUnavailable when its files are damaged."""
    with _loading:  # or two threads would load it twice
        return _load(choice.directory, choice.model, choice.azure, cpu_threads if choice.directory else 1)


@lru_cache(maxsize=1)
def _load(directory: Path | None, model: str, azure: AzureSpeech | None, cpu_threads: int) -> Engine:
    if azure is not None:
        from shared.transcription.azure_speech_engine import AzureSpeechEngine

        return AzureSpeechEngine(azure)
    if directory is None:
        from shared.transcription.pocketsphinx_engine import PocketsphinxEngine

        return PocketsphinxEngine()
    from shared.transcription.whisper_engine import WhisperEngine

    try:
        return WhisperEngine(directory, model, cpu_threads=cpu_threads)
    except (RuntimeError, ValueError) as err:
        raise EngineUnavailable(f"The Whisper model '{model}' cannot be loaded: its files are damaged.") from err
