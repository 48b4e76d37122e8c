"""Find the model files of Moonshine tiny-en inside the installed wheel of `moonshine-voice`, and check them.

The package is never imported: importing it would load its C library and a second onnxruntime.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from shared.domain.errors import EngineUnavailable

NAME = "moonshine"
"""Name of the engine in transcripts."""
PACKAGE = "moonshine-voice"
VERSION = "0.1.0"
"""The last version whose wheel carries the weights."""
FOLDER = "assets/tiny-en"
ENCODER = "encoder_model.ort"
DECODER = "decoder_model_merged.ort"
TOKENIZER = "tokenizer.bin"
CHECKSUMS = {
    ENCODER: "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    DECODER: "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    TOKENIZER: "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
}


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The contents of the three files, each with the checksum that this code was written for."""

    encoder: bytes
    decoder: bytes
    tokenizer: bytes


@cache
def find_model() -> Path | None:
    """Return the folder of the three files, or None where the wheel is missing or carries no weights."""
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        return None
    places = {file.name: Path(str(file.locate())) for file in listed if file.match(f"{FOLDER}/*")}
    if any(name not in places or not places[name].is_file() for name in CHECKSUMS):
        return None
    return places[ENCODER].parent


def read_model(folder: Path) -> ModelFiles:
    """Return the files' contents; raise EngineUnavailable where one is missing or is not the expected one."""
    return ModelFiles(*(_read(folder / name) for name in (ENCODER, DECODER, TOKENIZER)))


def read_tokenizer(folder: Path) -> bytes:
    """Return the tokenizer's file alone; raise EngineUnavailable as `read_model`."""
    return _read(folder / TOKENIZER)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineUnavailable(f"Moonshine's file {path.name} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != CHECKSUMS[path.name]:
        raise EngineUnavailable(
            f"Moonshine's file {path.name} is not that of {PACKAGE} {VERSION}: install the package again."
        )
    return content
