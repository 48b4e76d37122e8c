"""Chooses the speech engine of a job from what it asks for and what is on this machine, without loading any.

Imports no engine, so that what cannot be done is known before a recording is even uploaded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.domain.errors import EngineUnavailable

EngineName = Literal["auto", "pocketsphinx", "faster-whisper"]
NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")  # without its tokenizer the library would fetch one

QUALITY = (
    "The embedded engine pocketsphinx was used: expect about one wrong word in four, and no punctuation. "
    "A faster-whisper model gives far better transcripts."
)
ASSUMED = "The language was assumed to be English, the only one that the embedded engine knows."

# The library's own tables cannot be read without loading all of it; a test holds these against them.
_SIZES = "tiny.en tiny base.en base small.en small medium.en medium large-v1 large-v2 large-v3"
_DISTILLED = "large-v2 medium.en small.en large-v3"
_REPOSITORIES = {
    **{size: f"Systran/faster-whisper-{size}" for size in _SIZES.split()},
    **{f"distil-{size}": f"Systran/faster-distil-whisper-{size}" for size in _DISTILLED.split()},
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
_WHISPER_LANGUAGES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id "
    "is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si "
    "sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh"
)


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine that will do a job. `directory` is the Whisper model's, `language` None where the engine will find
    out; `warnings` are what a reader of the transcript should know."""

    name: Literal["pocketsphinx", "faster-whisper"]
    directory: Path | None
    model: str
    language: str | None
    warnings: tuple[str, ...]


def choose_engine(name: EngineName | str, *, whisper_model: str = "base", language: str | None = None) -> EngineChoice:
    """The engine called `name`; `auto` is faster-whisper where its model is on this machine, else pocketsphinx.

    `whisper_model` is a directory, a size ("base") or a Hugging Face repository that was fetched before. Raises
    EngineUnavailable, a final error, for an unknown name, a missing model, or a language without an engine for it.
    """
    if name not in ("auto", "pocketsphinx", "faster-whisper"):
        raise EngineUnavailable(f"'{name}' is no engine: choose auto, pocketsphinx or faster-whisper.")
    code = plain_language(language)
    if name != "pocketsphinx" and (directory := find_whisper_model(whisper_model)) is not None:
        model = Path(whisper_model).name
        if code is not None and code not in ("en" if model.endswith(".en") else _WHISPER_LANGUAGES).split():
            raise unknown_to_whisper(model, code)
        return EngineChoice("faster-whisper", directory, model, code, ())
    if name == "faster-whisper":
        raise EngineUnavailable(
            f"The Whisper model '{whisper_model}' is not on this machine. Put it there, "
            "and name its directory in ROSTRUM_WHISPER_MODEL."
        )
    if code not in (None, "en"):
        if name == "pocketsphinx":
            raise EngineUnavailable(
                f"The engine pocketsphinx knows English only, not '{language}': leave the choice to auto, or take "
                "faster-whisper."
            )
        raise EngineUnavailable(
            f"The language '{language}' needs a faster-whisper model, and none is on this machine; "
            "the embedded engine knows English only. Name a model's directory in ROSTRUM_WHISPER_MODEL."
        )
    return EngineChoice("pocketsphinx", None, "en-us", "en", embedded_warnings(code))


def embedded_warnings(language: str | None) -> tuple[str, ...]:
    """What the embedded engine is good for, and that nobody checked the language when none was asked for."""
    return (QUALITY,) if language else (QUALITY, ASSUMED)


def unknown_to_whisper(model: str, language: str) -> EngineUnavailable:
    """What to raise for a language that a Whisper model does not know."""
    return EngineUnavailable(f"The Whisper model '{model}' does not know the language '{language}'.")


def plain_language(language: str | None) -> str | None:
    """`en-US` → `en`; nothing or `auto` → None, which leaves it to the engine."""
    code = (language or "").strip().lower().replace("_", "-").split("-")[0]
    return None if code in ("", "auto") else code


def find_whisper_model(model: str) -> Path | None:
    """The directory of a model: `model` itself, or what an earlier download left in the Hugging Face cache."""
    if not model:
        return None
    directory: Path | None = Path(model)
    if directory is None or not directory.is_dir():
        directory = _find_in_cache(model if "/" in model else _REPOSITORIES.get(model))
    return directory if directory and all((directory / name).is_file() for name in NEEDED_FILES) else None


def _find_in_cache(repository: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if repository is None:
        return None
    try:
        found = try_to_load_from_cache(repository, NEEDED_FILES[0])
    except HFValidationError:  # no name that a repository can have
        return None
    return Path(found).parent if isinstance(found, str) else None
