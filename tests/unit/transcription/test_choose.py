import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import faster_whisper.tokenizer
import faster_whisper.utils
import pytest

from shared.domain.errors import EngineUnavailable
from shared.transcription import choose
from shared.transcription.choose import ASSUMED, NEEDED_FILES, QUALITY, choose_engine, plain_language
from shared.transcription.warm import select_engine

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def no_models_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))


@pytest.mark.parametrize(
    ("given", "plain"), [("en-US", "en"), ("DE", "de"), ("zh_Hans", "zh"), ("auto", None), ("", None), (None, None)]
)
def test_plain_language(given: str | None, plain: str | None) -> None:
    assert plain_language(given) == plain


def test_auto_falls_back_to_the_embedded_engine_and_says_so() -> None:
    engine = select_engine("auto", whisper_model="base")
    assert (engine.info.name, engine.info.model, engine.info.written) == ("pocketsphinx", "en-us", False)
    assert select_engine("pocketsphinx", language="en-GB") is engine
    quality, assumed = engine.warnings_for(None)
    assert "embedded engine pocketsphinx was used" in quality
    assert "assumed to be English" in assumed
    assert engine.warnings_for("en") == (quality,)


@pytest.mark.parametrize(
    ("name", "language", "sentence"),
    [
        ("faster-whisper", None, "'base' is not on this machine"),
        ("auto", "de", "'de' needs a faster-whisper model"),
        ("pocketsphinx", "fr-CA", "pocketsphinx knows English only, not 'fr-CA'"),
        ("sphinx", None, "'sphinx' is no engine"),
    ],
)
def test_what_cannot_be_done_is_a_final_error_with_a_way_out(name: str, language: str | None, sentence: str) -> None:
    with pytest.raises(EngineUnavailable, match=sentence):
        select_engine(name, whisper_model="base", language=language)


def test_a_choice_says_what_will_be_used_without_loading_it() -> None:
    choice = choose_engine("auto", whisper_model="base", language="en-GB")
    assert (choice.name, choice.directory, choice.model, choice.language) == ("pocketsphinx", None, "en-us", "en")
    assert choice.warnings == (QUALITY,)
    assert choose_engine("auto").language == "en"
    assert choose_engine("auto").warnings == (QUALITY, ASSUMED)


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], str]:
    """Makes a directory with files of the right names: enough to be chosen."""

    def make(name: str) -> str:
        directory = tmp_path / name
        directory.mkdir()
        for needed in NEEDED_FILES:
            (directory / needed).touch()
        return str(directory)

    return make


def test_a_model_that_is_here_is_chosen_and_knows_its_languages(model: Callable[[str], str]) -> None:
    several, english = model("small"), model("tiny.en")
    choice = choose_engine("auto", whisper_model=several, language="de-CH")
    assert (choice.name, choice.directory, choice.model) == ("faster-whisper", Path(several), "small")
    assert (choice.language, choice.warnings) == ("de", ())
    assert choose_engine("auto", whisper_model=several).language is None
    for directory, language in ((several, "tlh"), (english, "de")):
        with pytest.raises(EngineUnavailable, match=f"does not know the language '{language}'"):
            choose_engine("auto", whisper_model=directory, language=language)


def test_the_sizes_and_languages_are_those_of_the_library() -> None:
    assert choose._REPOSITORIES == faster_whisper.utils._MODELS
    assert set(choose._WHISPER_LANGUAGES.split()) == set(faster_whisper.tokenizer._LANGUAGE_CODES)


def test_choosing_loads_no_media_library() -> None:
    look = "import sys; from shared.transcription import choose; choose.choose_engine('auto'); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", look], cwd=REPO, capture_output=True, text=True, check=True, timeout=60)
    assert {"av", "numpy", "ctranslate2", "faster_whisper", "pocketsphinx", "onnxruntime"} & set(
        ran.stdout.split()
    ) == set()
