"""Look up how words are said in American English.

Apart from the correction, which compares sounds only. The CMU pronouncing dictionary is in the wheel of pocketsphinx,
which is not imported. The file is read once for each call and never kept: it has 134,000 lines.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from unicodedata import normalize

from shared.transcription.vocabulary.letter_sounds import sounds_by_letters

PACKAGE = "pocketsphinx"
DICTIONARY = "model/en-us/cmudict-en-us.dict"
MAX_VARIANTS = 2
"""Pronunciations of one word that are tried."""

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")

Sounds = tuple[str, ...]


def spoken_words(text: str) -> list[str]:
    """Return the words of a text as dictionaries have them: lower-case letters a to z, without accents."""
    plain = normalize("NFKD", text.casefold()).replace("’", "'").replace("ß", "ss")
    return _WORD.findall("".join(letter for letter in plain if letter < "\u0300" or letter > "\u036f"))


def look_up(words: Collection[str]) -> Mapping[str, tuple[Sounds, ...]]:
    """Return the pronunciations of each word: those of the dictionary, else one guessed from its letters."""
    found = read_entries(words)
    return {word: found[word] if word in found else (guess(word),) for word in frozenset(words)}


def guess(word: str) -> Sounds:
    """Return the sounds of a word that the dictionary does not have, from its letters."""
    return sounds_by_letters(word.replace("'", ""))


def read_entries(words: Collection[str]) -> Mapping[str, tuple[Sounds, ...]]:
    """Return the pronunciations of the words that the dictionary has."""
    wanted, found = frozenset(words), dict[str, list[Sounds]]()
    place = find_dictionary()
    if place is not None and wanted:
        with place.open(encoding="utf-8") as lines:
            for line in lines:
                entry, _, sounds = line.partition(" ")
                word = entry.partition("(")[0]
                if word in wanted:
                    found.setdefault(word, []).append(tuple(sounds.split()))
    return {word: tuple(sounds[:MAX_VARIANTS]) for word, sounds in found.items()}


@cache
def find_dictionary() -> Path | None:
    """Return the dictionary's file, or None where the package is not installed."""
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        return None
    place = next((Path(str(file.locate())) for file in listed if file.match(f"*/{DICTIONARY}")), None)
    return place if place is not None and place.is_file() else None
