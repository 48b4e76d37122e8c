"""Chooses the speech engine and keeps it warm: one model a process, the one that was asked for last."""

from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Literal

from shared.domain.errors import EngineUnavailable
from shared.transcription.engine import Engine

EngineName = Literal["auto", "pocketsphinx", "faster-whisper"]
NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")  # without its tokenizer the library would fetch one

_loading = Lock()


def select_engine(
    name: EngineName | str, *, whisper_model: str = "base", language: str | None = None, cpu_threads: int = 1
) -> Engine:
    """The engine called `name`; `auto` is faster-whisper where its model is on this machine, else pocketsphinx.

    `whisper_model` is a directory, a size ("base") or a Hugging Face repository that was fetched before. Raises
    EngineUnavailable, a final error, for an unknown name, a missing model, or a language without an engine for it.
    """
    if name not in ("auto", "pocketsphinx", "faster-whisper"):
        raise EngineUnavailable(f"'{name}' is no engine: choose auto, pocketsphinx or faster-whisper.")
    if name != "pocketsphinx" and (model := find_whisper_model(whisper_model)) is not None:
        return _warm("faster-whisper", model, whisper_model, cpu_threads)
    if name == "faster-whisper":
        raise EngineUnavailable(
            f"The Whisper model '{whisper_model}' is not on this machine. Put it there, "
            "and name its directory in ROSTRUM_WHISPER_MODEL."
        )
    if plain_language(language) not in (None, "en"):
        if name == "pocketsphinx":
            raise EngineUnavailable(
                f"The engine pocketsphinx knows English only, not '{language}': leave the choice to auto, or take "
                "faster-whisper."
            )
        raise EngineUnavailable(
            f"The language '{language}' needs a faster-whisper model, and none is on this machine; "
            "the embedded engine knows English only. Name a model's directory in ROSTRUM_WHISPER_MODEL."
        )
    return _warm("pocketsphinx", None, "", 1)


def plain_language(language: str | None) -> str | None:
    """`en-US` → `en`; nothing or `auto` → None, which leaves it to the engine."""
    code = (language or "").strip().lower().replace("_", "-").split("-")[0]
    return None if code in ("", "auto") else code


def find_whisper_model(model: str) -> Path | None:
    """The directory of a model: `model` itself, or what an earlier download left in the Hugging Face cache."""
    if not model:
        return None
    directory = Path(model)
    if not directory.is_dir():
        found = _find_in_cache(model)
        if found is None:
            return None
        directory = found
    return directory if all((directory / name).is_file() for name in NEEDED_FILES) else None


def _find_in_cache(model: str) -> Path | None:
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(download_model(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, ValueError):  # not fetched, no such name
        return None


def _warm(name: str, model: Path | None, model_name: str, cpu_threads: int) -> Engine:
    with _loading:  # or two threads would load it twice
        return _load(name, model, model_name, cpu_threads)


@lru_cache(maxsize=1)
def _load(name: str, model: Path | None, model_name: str, cpu_threads: int) -> Engine:
    if model is None:
        from shared.transcription.pocketsphinx_engine import PocketsphinxEngine

        return PocketsphinxEngine()
    from shared.transcription.whisper_engine import WhisperEngine

    try:
        return WhisperEngine(model, Path(model_name).name, cpu_threads=cpu_threads)
    except (RuntimeError, ValueError) as err:
        raise EngineUnavailable(f"The Whisper model '{model_name}' cannot be loaded: its files are damaged.") from err
