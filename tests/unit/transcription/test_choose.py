from collections.abc import Callable
from functools import partial
from pathlib import Path

import faster_whisper.tokenizer
import faster_whisper.utils
import pytest

from shared.domain.errors import EngineUnavailable
from shared.transcription import choose
from shared.transcription.choose import ASSUMED, NEEDED_FILES, QUALITY, choose_engine, plain_language
from shared.transcription.warm import select_engine, warm_engine


@pytest.fixture(autouse=True)
def no_models_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))


@pytest.mark.parametrize(
    ("given", "plain"), [("en-US", "en"), ("DE", "de"), ("zh_Hans", "zh"), ("auto", None), ("", None), (None, None)]
)
def test_plain_language(given: str | None, plain: str | None) -> None:
    assert plain_language(given) == plain


def not_installed() -> Path | None:
    return None


def installed() -> Path | None:
    return Path("tiny-en")


def test_auto_falls_back_to_pocketsphinx_and_says_so() -> None:
    engine = warm_engine(choose_engine("auto", whisper_model="base", find_moonshine=not_installed))
    assert (engine.info.name, engine.info.model, engine.info.written) == ("pocketsphinx", "en-us", False)
    assert select_engine("pocketsphinx", language="en-GB") is engine
    quality, assumed = engine.warnings_for(None)
    assert "engine pocketsphinx was used" in quality.text
    assert "assumed to be English" in assumed.text
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
    choice = choose_engine("auto", whisper_model="base", language="en-GB", find_moonshine=not_installed)
    assert (choice.name, choice.directory, choice.model, choice.language) == ("pocketsphinx", None, "en-us", "en")
    assert choice.warnings == (QUALITY,)
    assert choose_engine("auto", find_moonshine=not_installed).language == "en"
    assert choose_engine("auto", find_moonshine=not_installed).warnings == (QUALITY, ASSUMED)


@pytest.mark.parametrize("language", [None, "auto", "en", "en-GB"])
def test_auto_takes_moonshine_where_its_files_are_installed(language: str | None) -> None:
    choice = choose_engine("auto", whisper_model="base", language=language, find_moonshine=installed)
    assert (choice.name, choice.directory, choice.model, choice.language) == (
        "moonshine",
        Path("tiny-en"),
        "tiny-en",
        "en",
    )
    assert (choice.warnings, choice.other) == ((), None)


def test_moonshine_that_is_not_installed_is_refused_with_a_way_out() -> None:
    with pytest.raises(EngineUnavailable, match=r"requirements-speech\.txt"):
        choose_engine("moonshine", find_moonshine=not_installed)
    with pytest.raises(EngineUnavailable, match="moonshine knows English only, not 'de'"):
        choose_engine("moonshine", language="de", find_moonshine=installed)


def test_a_whisper_model_helps_moonshine_where_no_language_is_given(model: Callable[[str], str]) -> None:
    several, english = model("small"), model("tiny.en")
    other = choose_engine("auto", whisper_model=several, find_moonshine=installed).other
    assert other is not None
    assert (other.name, other.directory, other.language) == ("faster-whisper", Path(several), None)
    assert choose_engine("auto", whisper_model=several, language="en", find_moonshine=installed).other is None
    assert choose_engine("auto", whisper_model=english, find_moonshine=installed).other is None
    german = choose_engine("auto", whisper_model=several, language="de", find_moonshine=installed)
    assert (german.name, german.other) == ("faster-whisper", None)


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
    assert choose_engine("auto", whisper_model=several, find_moonshine=not_installed).language is None
    for directory, language in ((several, "tlh"), (english, "de")):
        with pytest.raises(EngineUnavailable, match=f"does not know the language '{language}'"):
            choose_engine("auto", whisper_model=directory, language=language, find_moonshine=not_installed)


def test_the_sizes_and_languages_are_those_of_the_library() -> None:
    assert choose._REPOSITORIES == faster_whisper.utils._MODELS
    assert set(choose._WHISPER_LANGUAGES.split()) == set(faster_whisper.tokenizer._LANGUAGE_CODES)


def test_without_the_library_of_faster_whisper_its_models_are_of_no_use(tmp_path: Path) -> None:
    """As with requirements-embedded.txt."""
    for name in NEEDED_FILES:
        (tmp_path / name).touch()
    model = str(tmp_path)
    assert choose_engine("faster-whisper", whisper_model=model).directory == tmp_path
    without = partial(choose_engine, whisper_model=model, find_moonshine=lambda: None, has_whisper=lambda: False)
    assert without("auto").name == "pocketsphinx"
    with pytest.raises(EngineUnavailable, match="not installed here"):
        without("faster-whisper")
    with pytest.raises(EngineUnavailable, match="needs a faster-whisper model"):
        without("auto", language="de")
