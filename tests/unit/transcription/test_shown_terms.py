"""Words that are none become the rare term that a slide showed while they were said; all else stays."""

import pytest

from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from shared.transcription.vocabulary.rare_terms import rare_terms
from shared.transcription.vocabulary.shown_terms import Shown, correct_towards_shown

KNOWN = frozenset(
    ("the", "of", "is", "in", "here", "and", "a", "field", "strong", "plates", "matrix", "market", "transport")
)


def heard(text: str, language: str = "en") -> Transcript:
    """Return a transcript of one segment: a second a word such as `tacamac/0.1`; those without a figure are sure."""
    pairs = [part.partition("/") for part in text.split()]
    words = tuple(
        TranscriptWord(id=f"w{at}", word=word, start=at, end=at + 1.0, confidence=float(sure or 0.95))
        for at, (word, _, sure) in enumerate(pairs)
    )
    segment = TranscriptSegment(
        id=0,
        start=0.0,
        end=len(words),
        text=" ".join(word.word for word in words),
        confidence=0.9,
        words=words,
        language=language,
    )
    return Transcript(
        session_id="s",
        job_id="j",
        language=language,
        duration_sec=60.0,
        engine=TranscriptEngine(name="moonshine", version="0", model="tiny-en"),
        segments=(segment,),
        speech_sec=1.0,
        warnings=(),
        doubtful_below=0.6,
    )


def shown(*lines: str, slide: int = 3, start: float = 0.0, end: float = 30.0) -> Shown:
    return Shown(slide, start, end, lines)


@pytest.mark.parametrize(
    ("text", "line", "becomes"),
    [
        ("the tacamac/0.1 is here", "The tokamak", "the tokamak is here"),
        ("the plates of heterosidasticity./0.1", "Heteroscedasticity", "the plates of heteroscedasticity."),
        ("the Kinesian/0.4 market", "KEYNESIAN MARKET", "the Keynesian market"),
        ("the kinesian/0.4 market", "A strong Keynesian market", "the Keynesian market"),
        ("Tacamac/0.1 is here", "a tokamak and its field", "Tokamak is here"),
    ],
)
def test_a_doubtful_word_that_is_none_becomes_the_term_of_the_slide(text: str, line: str, becomes: str) -> None:
    before = heard(text)
    after = correct_towards_shown(before, [shown("Momentum", line)], KNOWN)
    assert after.segments[0].text == becomes
    ((old, new),) = [
        pair for pair in zip(before.segments[0].words, after.segments[0].words, strict=True) if pair[0] != pair[1]
    ]
    assert (new.original, new.slide, new.id) == (old.word, 3, old.id)
    assert (new.start, new.end, new.confidence) == (old.start, old.end, old.confidence)
    assert correct_towards_shown(after, [shown("Momentum", line)], KNOWN) is after


@pytest.mark.parametrize(
    ("text", "slide"),
    [
        pytest.param("the tacamac/0.7 is here", shown("tokamak"), id="a word that the engine was sure of"),
        pytest.param("the catalysis/0.1 is here", shown("catalyst"), id="a word of the dictionary"),
        pytest.param("the transport/0.1 is here", shown("transpord"), id="a word that the engine knows"),
        pytest.param("the tac/0.1 is here", shown("tackk"), id="a short word"),
        pytest.param("the tacamac/0.1 is here", shown("tectonic"), id="other sounds"),
        pytest.param("the tacamac/0.1 is here", shown("tokamaks"), id="sounds of its singular"),
        pytest.param("the polymerase/0.1 is here", shown("polymers"), id="another word of the stem"),
        pytest.param("the markit/0.1 is here", shown("market"), id="a common word on the slide"),
        pytest.param("the tacamac/0.1 is here", shown("tokamak", start=40.0, end=50.0), id="a slide of another time"),
    ],
)
def test_other_words_stay(text: str, slide: Shown) -> None:
    before = heard(text)
    assert correct_towards_shown(before, [slide], KNOWN) is before


def test_other_languages_stay() -> None:
    before = heard("der tacamac/0.1 ist", language="de")
    assert correct_towards_shown(before, [shown("tokamak")], KNOWN) is before


def test_of_two_slides_the_one_counts_that_was_nearest() -> None:
    slides = [shown("tokamak", slide=1, start=4.0, end=9.0), shown("tokamak", slide=2, start=0.0, end=4.0)]
    after = correct_towards_shown(heard("the tacamac/0.1 is here"), slides, KNOWN)
    assert [word.slide for word in after.segments[0].words] == [None, 2, None, None]


def test_several_words_become_one_that_spans_their_time() -> None:
    after = correct_towards_shown(heard("a pist/0.1 imology/0.3 is here"), [shown("Epistemology")], KNOWN)
    assert [word.word for word in after.segments[0].words] == ["a", "epistemology", "is", "here"]
    made = after.segments[0].words[1]
    assert (made.start, made.end, made.confidence, made.original, made.id) == (1.0, 3.0, 0.2, "pist imology", "w1")


def test_terms_of_slides_are_rare_and_written_as_in_a_sentence() -> None:
    found = rare_terms(
        ["The Tokamak Field", "a strong field of Lorentz", "LATEX and LaTeX", "well-known", "tiny"], KNOWN
    )
    assert {letters: (term.written, term.has_own_case) for letters, term in found.items()} == {
        "tokamak": ("tokamak", False),
        "lorentz": ("Lorentz", True),
        "latex": ("LaTeX", True),
        "wellknown": ("well-known", True),
    }
    assert rare_terms(["The Tokamak", "in a tokamak"], KNOWN)["tokamak"].has_own_case
