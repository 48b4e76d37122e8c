import pytest

from shared.domain.errors import EngineUnavailable
from shared.transcription.choose import plain_language, select_engine


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
