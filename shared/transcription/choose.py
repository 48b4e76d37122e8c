"""Choose the speech engine of a job from its request and the models on this machine, without loading an engine.

Imports no engine, so that an impossible request is refused before the recording is uploaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from shared.domain.errors import EngineUnavailable
from shared.domain.options import ChosenEngine, EngineName
from shared.domain.warning import About, RecordingWarning
from shared.transcription.moonshine.files import find_model

NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")
"""Without `tokenizer.json` the library would download one."""

QUALITY = RecordingWarning(
    "embedded_engine",
    About.TRANSCRIPT,
    "The engine pocketsphinx was used: expect about one wrong word in four, full stops only where the speaker "
    "paused, and no names in capitals. The engine moonshine, or a faster-whisper model, gives far better transcripts: "
    "docs/transcription.md says how to install them.",
)
ASSUMED = RecordingWarning(
    "language_assumed",
    About.TRANSCRIPT,
    "The language was assumed to be English, the only one that the embedded engine knows.",
)
NOT_INSTALLED = (
    "The engine moonshine is not installed on this machine: `pip install --no-deps -r requirements-speech.txt` does it "
    "where its package has a wheel."
)

# The library's own tables cannot be read without loading all of it; a test compares these with them.
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
# https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=stt
_AZURE_LOCALES = (
    "af-ZA am-ET ar-EG az-AZ bg-BG bn-IN bs-BA ca-ES cs-CZ cy-GB da-DK de-DE el-GR en-US es-ES et-EE eu-ES fa-IR "
    "fi-FI fr-FR ga-IE gl-ES gu-IN he-IL hi-IN hr-HR hu-HU hy-AM id-ID is-IS it-IT ja-JP ka-GE kk-KZ km-KH kn-IN "
    "ko-KR lo-LA lt-LT lv-LV mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM nb-NO ne-NP nl-NL pa-IN pl-PL ps-AF pt-BR "
    "ro-RO ru-RU si-LK sk-SK sl-SI so-SO sq-AL sr-RS sv-SE sw-KE ta-IN te-IN th-TH tr-TR uk-UA ur-IN uz-UZ vi-VN "
    "yue-CN zh-CN zu-ZA"
)


@dataclass(frozen=True, slots=True)
class AzureSpeech:
    """A speech resource in Azure."""

    endpoint: str
    key: SecretStr
    locales: tuple[str, ...] = ()
    """The candidates for recordings without a given language; empty lets the service detect any."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine that will do a job."""

    name: ChosenEngine

    directory: Path | None
    """Where the model is; None for pocketsphinx and azure-speech."""

    model: str

    language: str | None
    """None where the engine detects it."""

    warnings: tuple[RecordingWarning, ...]
    """Warnings for the reader of the transcript."""

    azure: AzureSpeech | None = None

    other: "EngineChoice | None" = None
    """The engine for parts that this one, which knows a single language, takes for another language."""


def is_whisper_installed() -> bool:
    """Return whether faster-whisper's library is here; requirements-embedded.txt leaves it out."""
    return find_spec("faster_whisper") is not None


def choose_engine(
    name: EngineName | str,
    *,
    whisper_model: str = "base",
    language: str | None = None,
    models: Path | None = None,
    azure: AzureSpeech | None = None,
    find_moonshine: Callable[[], Path | None] = find_model,
    has_whisper: Callable[[], bool] = is_whisper_installed,
) -> EngineChoice:
    """Return the engine called `name`.

    `auto` is faster-whisper where its model is on this machine and the language is not English, else moonshine where
    its files are installed, else faster-whisper where its model is, else pocketsphinx. It is never `azure-speech`,
    which sends the sound to a service and costs money. Where no language is given, moonshine gets a multilingual
    Whisper model as the engine for parts that are not English.

    Args:
        name: One of `EngineName`.
        whisper_model: A directory, a size ("base") or a Hugging Face repository that was fetched before.
        language: As the caller gave it; None and "auto" leave it open.
        models: Where fetched models are.
        azure: The speech resource for `azure-speech`.
        find_moonshine: Returns the folder of moonshine's files, or None where they are not installed.
        has_whisper: Returns whether the library of faster-whisper is installed.

    Raises:
        EngineUnavailable: For an unknown name, a missing model or key, or a language without an engine for it.
    """
    code = plain_language(language)
    match name:
        case "azure-speech":
            return _choose_azure(azure, language)
        case "moonshine":
            return _choose_embedded(name, code, language, find_moonshine())
        case "pocketsphinx":
            return _choose_embedded(name, code, language, None)
        case "auto" | "faster-whisper":
            directory = find_whisper_model(whisper_model, models) if has_whisper() else None
            moonshine = find_moonshine() if name == "auto" and code in (None, "en") else None
            if moonshine is not None:
                other = None
                if code is None and directory is not None and not whisper_model.endswith(".en"):
                    other = EngineChoice("faster-whisper", directory, Path(whisper_model).name, None, ())
                return replace(_choose_embedded("moonshine", code, language, moonshine), other=other)
            if directory is not None:
                return _choose_whisper(directory, whisper_model, code)
            if name == "auto" and code in (None, "en"):
                return _choose_embedded("pocketsphinx", code, language, None)
            raise _without_whisper(name, whisper_model, language, is_installed=has_whisper())
    *names, last = get_args(EngineName)
    raise EngineUnavailable(f"'{name}' is no engine: choose {', '.join(names)} or {last}.")


def _choose_whisper(directory: Path, whisper_model: str, code: str | None) -> EngineChoice:
    """Return faster-whisper with the model in this directory; raise EngineUnavailable for a language that it lacks."""
    model = Path(whisper_model).name
    if code is not None and code not in ("en" if model.endswith(".en") else _WHISPER_LANGUAGES).split():
        raise unknown_to_whisper(model, code)
    return EngineChoice("faster-whisper", directory, model, code, ())


def _without_whisper(name: str, model: str, language: str | None, *, is_installed: bool) -> EngineUnavailable:
    """Return the error for a job that needs a faster-whisper model where there is none."""
    if name == "auto":
        return EngineUnavailable(
            f"The language '{language}' needs a faster-whisper model, and none is on this machine; "
            "the embedded engines know English only. Fetch one with `python3 dev.py models`, or name a model's "
            "directory in ROSTRUM_WHISPER_MODEL."
        )
    if not is_installed:
        return EngineUnavailable("The engine faster-whisper is not installed here: requirements.txt has its package.")
    return EngineUnavailable(
        f"The Whisper model '{model}' is not on this machine. Fetch it with `python3 dev.py models`, "
        "or name its directory in ROSTRUM_WHISPER_MODEL."
    )


def _choose_embedded(name: str, code: str | None, language: str | None, folder: Path | None) -> EngineChoice:
    """Return moonshine or pocketsphinx; raise EngineUnavailable for another language than English."""
    if code not in (None, "en"):
        raise EngineUnavailable(
            f"The engine {name} knows English only, not '{language}': leave the choice to auto, or take faster-whisper."
        )
    if name == "pocketsphinx":
        return EngineChoice("pocketsphinx", None, "en-us", "en", embedded_warnings(code))
    if folder is None:
        raise EngineUnavailable(NOT_INSTALLED)
    return EngineChoice("moonshine", folder, "tiny-en", "en", ())


def _choose_azure(azure: AzureSpeech | None, language: str | None) -> EngineChoice:
    if azure is None:
        raise EngineUnavailable(
            "The engine azure-speech needs a speech resource: set ROSTRUM_AZURE_SPEECH_KEY, and "
            "ROSTRUM_AZURE_SPEECH_REGION or ROSTRUM_AZURE_SPEECH_ENDPOINT."
        )
    code = plain_language(language)
    if code is not None:
        azure = replace(azure, locales=(_azure_locale(language or ""),))
    return EngineChoice("azure-speech", None, "fast-transcription", code, azure_warnings(azure.endpoint), azure)


def _azure_locale(language: str) -> str:
    """Return the locale of a language, which the service requires; `de` becomes `de-DE`, its usual region."""
    code, *rest = language.strip().replace("_", "-").split("-")
    region = next((part.upper() for part in rest if len(part) == 2 and part.isalpha()), None)
    if region is None:
        region = dict(locale.split("-") for locale in _AZURE_LOCALES.split()).get(code.lower())
    if region is None:
        raise EngineUnavailable(f"The engine azure-speech needs the region of '{language}', as in 'pt-BR'.")
    return f"{code.lower()}-{region}"


def azure_warnings(endpoint: str) -> tuple[RecordingWarning, ...]:
    """Return the warning that the sound was sent to the service."""
    text = f"The sound was sent to {urlsplit(endpoint).hostname} for recognition."
    return (RecordingWarning("sound_sent_to_service", About.TRANSCRIPT, text),)


def embedded_warnings(language: str | None) -> tuple[RecordingWarning, ...]:
    """Return the warning about the embedded engine's quality, and that English was assumed if no language was given."""
    return (QUALITY,) if language else (QUALITY, ASSUMED)


def unknown_to_whisper(model: str, language: str) -> EngineUnavailable:
    """Return the error for a language that a Whisper model does not know."""
    return EngineUnavailable(f"The Whisper model '{model}' does not know the language '{language}'.")


def plain_language(language: str | None) -> str | None:
    """Return the language without its region (`en-US` → `en`); None for an empty one or `auto`: the engine decides."""
    code = (language or "").strip().lower().replace("_", "-").split("-")[0]
    return None if code in ("", "auto") else code


def find_whisper_model(model: str, models: Path | None = None) -> Path | None:
    """Return the directory of a model, or None if it is not on this machine.

    Searched in order: `model` itself, the folder `models`, the Hugging Face cache.
    """
    if not model:
        return None
    directories = [Path(model)]
    if models is not None and Path(model).name == model:
        directories.append(models / f"faster-whisper-{model}")
    found = next((each for each in directories if each.is_dir() and _is_whole(each)), None)
    if found is None and not Path(model).is_dir():
        cached = _find_in_cache(model if "/" in model else _REPOSITORIES.get(model))
        found = cached if cached is not None and _is_whole(cached) else None
    return found


def _is_whole(directory: Path) -> bool:
    return all((directory / name).is_file() for name in NEEDED_FILES)


def _find_in_cache(repository: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if repository is None:
        return None
    try:
        found = try_to_load_from_cache(repository, NEEDED_FILES[0])
    except HFValidationError:  # not a valid repository name
        return None
    return Path(found).parent if isinstance(found, str) else None
