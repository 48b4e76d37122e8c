"""The correction of words that an engine was unsure of, towards terms that sound alike."""

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transcription.engine import Segment, Word
from shared.transcription.vocabulary.correction import Vocabulary
from shared.transcription.vocabulary.letter_sounds import sounds_by_letters
from shared.transcription.vocabulary.pronunciation import Sounds, look_up, spoken_words
from shared.transcription.vocabulary.sound_distance import skeleton, unlikeness, weight_of

UNSURE = 0.6
ANY_WORDS = ["the", "cell", "ium", "my", "car", "12", "a.", "is,", "O'Neill"]


def heard(text: str) -> Segment:
    """Return a segment of words such as `cell/0.3`, each a second long; those without a confidence are sure."""
    pairs = [part.partition("/") for part in text.split()]
    return Segment.of(
        tuple(Word(word, at, at + 1.0, float(sure or 0.95)) for at, (word, _, sure) in enumerate(pairs)), "en"
    )


def by_letters(words: Collection[str]) -> Mapping[str, tuple[Sounds, ...]]:
    """Return how the words are said without the dictionary, which takes a while to read."""
    return {word: (sounds_by_letters(word.replace("'", "")),) for word in words}


def corrected(text: str, *terms: str) -> Segment:
    (segment,) = Vocabulary(terms).correct([heard(text)], UNSURE)
    return segment


@pytest.mark.parametrize(
    ("text", "term", "becomes"),
    [
        ("it is called my/0.2 cell/0.3 ium/0.1 here", "mycelium", "it is called mycelium here"),
        ("the view of wit,/0.27 John/0.3 Stein,/0.24 is new", "Wittgenstein", "the view of Wittgenstein, is new"),
        ("the cells of chloro-plast/0.16 are", "chloroplast", "the cells of chloroplast are"),
        ("every car/0.24 she's/0.19 equant/0.1 ends", "Cauchy sequence", "every Cauchy sequence ends"),
        ("the cream/0.15 cycle runs", "Krebs cycle", "the Krebs cycle runs"),
        ("the market/0.5 chain runs", "Markov chain", "the Markov chain runs"),
        ("Chloro-plast/0.16 is green.", "chloroplast", "Chloroplast is green."),
        ("what is \u201cNermeelo\u201d/0.06", "Zermelo", "what is \u201cZermelo\u201d"),
    ],
)
def test_doubtful_words_become_the_term_that_sounds_alike(text: str, term: str, becomes: str) -> None:
    assert corrected(text, "tachycardia", term, "ontology").text == becomes


@pytest.mark.parametrize(
    ("text", "term"),
    [
        pytest.param("it is called my cell ium/0.1 here", "mycelium", id="a word that the engine was sure of"),
        pytest.param("the/0.3 mycelium/0.4 grows", "mycelium", id="the term as it is"),
        pytest.param("there was/0.1 some/0.2 rain/0.3 today", "mycelium", id="other sounds"),
        pytest.param("a hippo/0.3 thermic./0.2 Campus/0.1 it is", "hippothermic campus", id="over a sentence's end"),
        pytest.param("he was at/0.3 it", "ad", id="too short to be told by its sound"),
        pytest.param("in 1915/0.2 it was", "nineteen", id="digits"),
        pytest.param("it is cell/0.3", "细胞", id="a term without Latin letters"),
    ],
)
def test_other_words_stay(text: str, term: str) -> None:
    segment = corrected(text, term)
    assert segment == heard(text)
    assert all(word.original is None for word in segment.words)


def test_a_word_keeps_its_times_and_says_what_the_engine_wrote() -> None:
    words = corrected("the cream/0.15 cycle, it", "Krebs cycle").words
    assert words[1] == Word("Krebs", 1.0, 2.0, 0.15, original="cream")
    assert [word.original for word in words] == [None, "cream", None, None]


def test_another_number_of_words_shares_the_time_by_letters() -> None:
    first, second = corrected("every car/0.2 she's/0.2 equant/0.2 ends", "Cauchy sequence").words[1:3]
    assert (first.text, second.text) == ("Cauchy", "sequence")
    assert (first.start, second.end) == (1.0, 4.0)
    assert first.end == second.start == pytest.approx(1.0 + 3.0 * 6 / 14)
    assert first.original == second.original == "car she's equant"
    assert first.confidence == pytest.approx(0.2)


def test_the_term_that_sounds_most_alike_is_taken() -> None:
    assert corrected("a my/0.2 cell/0.3 ium/0.1 is", "museum", "mycelium", "Marseille").text == "a mycelium is"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(ANY_WORDS), st.floats(0, 1)),
        min_size=1,
    )
)
def test_sure_words_stay_in_their_order_and_times_never_go_back(words: list[tuple[str, float]]) -> None:
    segment = Segment.of(tuple(Word(text, at, at + 0.5, sure) for at, (text, sure) in enumerate(words)), "en")
    terms = ["mycelium", "cell wall", "McNeil", "karst"]
    (after,) = Vocabulary(terms, by_letters).correct([segment], UNSURE)
    kept = [word for word in after.words if word.original is None]
    assert kept == [word for word in segment.words if word in kept]
    assert all(word in kept for word in segment.words if word.confidence >= UNSURE)
    assert all(before.end <= behind.start for before, behind in zip(after.words, after.words[1:], strict=False))
    assert (after.words[0].start, after.words[-1].end) == (segment.start, segment.end)


def test_words_are_looked_up_and_unknown_ones_read_by_their_letters() -> None:
    book = look_up(["rhizome", "mycelium"])
    assert book["rhizome"] == (("R", "AY", "Z", "OW", "M"),)
    assert book["mycelium"] == (("M", "IH", "S", "EH", "L", "IY", "AH", "M"),)


def test_accents_and_other_scripts_do_not_break_the_sounds() -> None:
    assert spoken_words("Poincaré’s Straße, 细胞 3") == ["poincare's", "strasse"]
    assert sounds_by_letters("ngwxqzhh")


def test_the_distance_is_that_of_the_ear() -> None:
    (noether,), (nerd,) = (look_up([word])[word] for word in ("noether", "nerd"))
    assert unlikeness(noether, noether) == 0.0
    assert unlikeness(("T", "IY"), ("D", "IY")) < unlikeness(("T", "IY"), ("M", "IY"))
    assert unlikeness(("P", "IH", "N"), ("P", "EH", "N")) < unlikeness(("P", "IH", "N"), ("P", "IH", "S"))
    assert unlikeness(noether, nerd) == unlikeness(nerd, noether)
    assert unlikeness(noether, (), limit=0.5) == float("inf")
    assert weight_of(noether) > 0
    assert skeleton(("M", "IH", "S", "EH", "L")) == skeleton(("N", "AA", "Z"))
