from shared.domain.options import JobOptions
from shared.pipeline.stages.plan import engine_for
from shared.pipeline.stages.transcription import MAX_HOTWORDS, hints_for
from shared.settings import Settings
from shared.transcription.engine import NO_HINTS


def test_options_go_before_the_names_in_the_metadata() -> None:
    options = JobOptions(initial_prompt=" Rings\nand fields. ", hotwords=("ideal", " Noether ", ""))
    metadata = {"Speaker": "Noether", "title": "Rings  I", "course": "Algebra", "room": "B 12", "tags": ["x"]}
    hints = hints_for(options, (), metadata)
    assert hints.prompt == "Rings and fields."
    assert hints.hotwords == ("ideal", "Noether", "Rings I", "Algebra")


def test_words_are_corrected_towards_all_terms_and_no_title() -> None:
    vocabulary = tuple(f"term {n}" for n in range(99))
    hints = hints_for(JobOptions(hotwords=(" ideal ", "")), vocabulary, {"title": "Rings and ideals"})
    assert hints.terms == ("ideal", *vocabulary)


def test_metadata_of_any_kind_are_borne() -> None:
    assert hints_for(JobOptions(), (), {}) == NO_HINTS
    assert hints_for(JobOptions(), (), {"title": ["a"], "speaker": None, "course": 7, "topic": "x"}) == NO_HINTS
    hints = hints_for(JobOptions(hotwords=tuple(f"w{n}" for n in range(99))), (), {"title": "x" * 9999})
    assert len(hints.hotwords) == MAX_HOTWORDS
    assert all(len(word) <= 120 for word in hints_for(JobOptions(), (), {"title": "x" * 9999}).hotwords)


def test_a_speech_resource_comes_from_the_settings() -> None:
    settings = Settings(
        azure_speech_key="secret", azure_speech_region="westeurope", azure_speech_locales="en-US, de-DE"
    )
    azure = engine_for(settings, JobOptions(engine="azure-speech")).azure
    assert azure is not None
    assert (azure.endpoint, azure.locales) == ("https://westeurope.api.cognitive.microsoft.com", ("en-US", "de-DE"))
    own = Settings(azure_speech_key="secret", azure_speech_endpoint="https://talks.cognitiveservices.azure.com/")
    azure = engine_for(own, JobOptions(engine="azure-speech", language="en-GB")).azure
    assert azure is not None
    assert (azure.endpoint, azure.locales) == ("https://talks.cognitiveservices.azure.com", ("en-GB",))
