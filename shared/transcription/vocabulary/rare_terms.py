"""Choose the words of a slide that a doubtful word may become: rare ones, as a sentence would write them.

Apart from `shown_terms.py`, which compares them with what was heard. Ordinary words come near to ordinary words, so
only those count that the engine does not know as a whole. Docs: docs/decisions/0039-words-of-slides.md.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.transcription.vocabulary.pronunciation import spoken_words

MIN_TERM_CHARS = 5
"""Shorter words of slides are no terms: too much sounds like them."""

MIN_PART_CHARS = 4
"""A word with a hyphen is rare if a part of so many letters is."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class RareTerm:
    """A word that stood on a slide."""

    written: str

    has_own_case: bool
    """Whether a sentence writes it with the same capitals; titles have capitals that say nothing."""


def rare_terms(lines: Iterable[str], known_words: Collection[str]) -> dict[str, RareTerm]:
    """Return the rare words of the lines by their letters, as `letters_of` has them."""
    found: dict[str, RareTerm] = {}
    for line in lines:
        words = _WORD.findall(line)
        for place, word in enumerate(words):
            if len(word) >= MIN_TERM_CHARS and is_rare(word, known_words):
                term = _as_in_a_sentence(word, place, words)
                known = found.get(letters_of(word))
                if known is None or (term.has_own_case and not known.has_own_case) or term.written.islower():
                    found[letters_of(word)] = term
    return found


def letters_of(text: str) -> str:
    """Return the letters of a text, a to z, without accents."""
    return "".join(spoken_words(text)).replace("'", "")


def is_rare(text: str, known_words: Collection[str]) -> bool:
    """Return whether a part of the word is not known as a whole."""
    return any(len(part) >= MIN_PART_CHARS and part not in known_words for part in spoken_words(text))


def _as_in_a_sentence(word: str, place: int, line: list[str]) -> RareTerm:
    """Return the word with the capitals that are its own: where the rest of the line is written small."""
    if word.islower() or (not word.isupper() and not word[1:].islower()):  # as in LaTeX
        return RareTerm(word, has_own_case=True)
    is_in_a_sentence = place > 0 and any(each.islower() and len(each) >= MIN_PART_CHARS for each in line)
    if is_in_a_sentence and not word.isupper():
        return RareTerm(word, has_own_case=True)
    return RareTerm(word.lower(), has_own_case=False)
