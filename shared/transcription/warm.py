"""Load speech engines and cache the two most recently used ones of a process.

Apart from `choose`, which imports no engine.
"""

from pathlib import Path
from threading import Lock

from shared.domain.errors import EngineUnavailable
from shared.domain.options import ChosenEngine, EngineName
from shared.transcription.choose import AzureSpeech, EngineChoice, choose_engine
from shared.transcription.engine import Engine
from shared.warm_models import kept_warm

_loading = Lock()


def select_engine(
    name: EngineName | str, *, whisper_model: str = "base", language: str | None = None, cpu_threads: int = 1
) -> Engine:
    """Return the engine that `choose_engine` chooses, loaded.

    Raises EngineUnavailable as `choose_engine` does, and if its files are damaged.
    """
    return warm_engine(choose_engine(name, whisper_model=whisper_model, language=language), cpu_threads=cpu_threads)


def warm_engine(choice: EngineChoice, cpu_threads: int = 1) -> Engine:
    """Return the chosen engine, loaded; raise EngineUnavailable if its files are damaged."""
    with _loading:  # otherwise two threads could load it twice
        return _load(choice.name, choice.directory, choice.model, choice.azure, cpu_threads)


@kept_warm(2)  # an engine for English, and one for parts in other languages
def _load(
    name: ChosenEngine, directory: Path | None, model: str, azure: AzureSpeech | None, cpu_threads: int
) -> Engine:
    match name:
        case "azure-speech":
            return _load_azure(azure)
        case "moonshine":
            return _load_moonshine(directory)
        case "faster-whisper":
            return _load_whisper(directory, model, cpu_threads)
        case "pocketsphinx":
            return _load_pocketsphinx()


def _load_azure(azure: AzureSpeech | None) -> Engine:
    from shared.transcription.azure_speech_engine import AzureSpeechEngine

    if azure is None:
        raise ValueError("azure-speech needs a resource")
    return AzureSpeechEngine(azure)


def _load_moonshine(folder: Path | None) -> Engine:
    from shared.transcription.moonshine.engine import MoonshineEngine

    if folder is None:
        raise ValueError("moonshine needs the folder of its model")
    return MoonshineEngine(folder)


def _load_pocketsphinx() -> Engine:
    from shared.transcription.pocketsphinx_engine import PocketsphinxEngine

    return PocketsphinxEngine()


def _load_whisper(directory: Path | None, model: str, cpu_threads: int) -> Engine:
    from shared.transcription.whisper_engine import WhisperEngine

    if directory is None:
        raise ValueError("faster-whisper needs the directory of its model")
    try:
        return WhisperEngine(directory, model, cpu_threads=cpu_threads)
    except (RuntimeError, ValueError) as err:
        raise EngineUnavailable(f"The Whisper model '{model}' cannot be loaded: its files are damaged.") from err
