"""The optional models: where each comes from, under which licence, and what its files' checksums are.

To add one, add an entry. `sha256` is pinned where it is publicly known; None means that the first download is trusted,
written down beside the model, and compared from then on. The checksums here were taken from public records of others
who fetched the same revisions, several independent ones for each. Standard library only.
"""

from dataclasses import dataclass

_HUB = "https://huggingface.co"
_TOKENIZER = "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
_VOCABULARY = "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file to fetch; `sha256` in hexadecimal."""

    name: str
    url: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Model:
    """A model in a directory of its name; `about` says what for. `default`: fetched when none is named."""

    name: str
    about: str
    licence: str
    megabytes: int
    files: tuple[ModelFile, ...]
    default: bool = False


def _whisper(size: str, revision: str, megabytes: int, *, default: bool = False, **checksums: str) -> Model:
    repository = f"{_HUB}/Systran/faster-whisper-{size}/resolve/{revision}"
    named = {
        "config.json": checksums["config"],
        "model.bin": checksums["model"],
        "tokenizer.json": _TOKENIZER,
        "vocabulary.txt": _VOCABULARY,
    }
    return Model(
        name=f"faster-whisper-{size}",
        about=f"speech to text; ROSTRUM_WHISPER_MODEL={size}",
        licence="MIT",
        megabytes=megabytes,
        files=tuple(ModelFile(name, f"{repository}/{name}", sha256) for name, sha256 in named.items()),
        default=default,
    )


_TURBO = f"{_HUB}/mobiuslabsgmbh/faster-whisper-large-v3-turbo/resolve/0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf"

MODELS = (
    _whisper(
        "base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        148,
        default=True,
        config="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        model="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    _whisper(
        "small",
        "536b0662742c02347bc0e980a01041f333bce120",
        486,
        config="b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828",
        model="3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671",
    ),
    Model(
        name="faster-whisper-turbo",
        about="speech to text; ROSTRUM_WHISPER_MODEL=turbo; needs more than 2 GB of memory",
        licence="MIT",
        megabytes=1622,
        files=tuple(
            ModelFile(name, f"{_TURBO}/{name}", sha256)
            for name, sha256 in {
                "config.json": "b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e",
                "model.bin": "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da",
                "preprocessor_config.json": "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711",
                "tokenizer.json": "297b13372ac43916285644fb9687add3cc62ee2a1adb60da3dc25cc94c1871fd",
                "vocabulary.json": "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1",
            }.items()
        ),
    ),
    Model(
        name="yolox-nano",
        about="finds people in pictures",
        licence="Apache-2.0",
        megabytes=4,
        files=(
            ModelFile(
                "yolox_nano.onnx",
                "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",
                "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
            ),
        ),
        default=True,
    ),
)
