"""Measure how different two rows of sounds are to the ear: a weighted edit distance over ARPAbet.

Apart from the correction, which decides what is alike enough. An engine that does not know a word writes others that
sound like it: vowels go astray first, then voicing, then the place where a consonant is made. So a vowel for a vowel is
cheap, `t` for `d` costs little, and `m` for `s` costs as much as a sound that is not there.
"""

import math
from collections.abc import Sequence
from functools import cache

_VOWELS = {
    # how open (0 close to 3 open), how far back (0 front to 2 back)
    "IY": (0.0, 0.0),
    "IH": (0.6, 0.3),
    "EY": (1.0, 0.0),
    "EH": (1.7, 0.3),
    "AE": (2.6, 0.4),
    "AA": (3.0, 1.6),
    "AO": (2.3, 2.0),
    "OW": (1.3, 2.0),
    "UH": (0.6, 1.7),
    "UW": (0.0, 2.0),
    "AH": (1.6, 1.2),
    "ER": (1.4, 1.2),
    "AY": (2.0, 0.8),
    "AW": (2.2, 1.4),
    "OY": (1.4, 1.4),
}
_CONSONANTS = {
    # place, manner, whether voiced
    "P": ("lips", "stop", False),
    "B": ("lips", "stop", True),
    "T": ("ridge", "stop", False),
    "D": ("ridge", "stop", True),
    "K": ("back", "stop", False),
    "G": ("back", "stop", True),
    "CH": ("palate", "affricate", False),
    "JH": ("palate", "affricate", True),
    "F": ("lips", "fricative", False),
    "V": ("lips", "fricative", True),
    "TH": ("teeth", "fricative", False),
    "DH": ("teeth", "fricative", True),
    "S": ("ridge", "fricative", False),
    "Z": ("ridge", "fricative", True),
    "SH": ("palate", "fricative", False),
    "ZH": ("palate", "fricative", True),
    "HH": ("throat", "fricative", False),
    "M": ("lips", "nasal", True),
    "N": ("ridge", "nasal", True),
    "NG": ("back", "nasal", True),
    "L": ("ridge", "liquid", True),
    "R": ("palate", "liquid", True),
    "W": ("lips", "glide", True),
    "Y": ("palate", "glide", True),
}
_NEAR_PLACES = [{"ridge", "teeth"}, {"ridge", "palate"}, {"teeth", "lips"}, {"palate", "back"}]
_NEAR_MANNERS = [{"stop", "affricate"}, {"affricate", "fricative"}, {"liquid", "glide"}, {"stop", "fricative"}]
_HALF_VOWELS = [{"Y", "IY"}, {"W", "UW"}, {"L", "OW"}, {"L", "AO"}]

_CLASSES = {"lips": "p", "ridge": "t", "teeth": "t", "palate": "s", "back": "k"}


def unlikeness(one: Sequence[str], other: Sequence[str], limit: float = math.inf) -> float:
    """Return 0 for the same sounds, about 1 for unrelated ones: the distance over the weight of the heavier row.

    Rows whose weights alone make them less alike than `limit` are not compared: the answer is infinite.
    """
    light, heavy = sorted((weight_of(one), weight_of(other)))
    if heavy == 0.0 or (heavy - light) / heavy > limit:
        return math.inf
    return _distance(one, other) / heavy


def weight_of(sounds: Sequence[str]) -> float:
    """Return what it costs to leave out all of the sounds; about 0.7 a sound."""
    return sum(map(_gap, sounds))


def skeleton(sounds: Sequence[str]) -> str:
    """Return a letter for each consonant that is seldom lost, by its kind: rows that sound alike have similar ones."""
    return "".join(filter(None, map(_kind, sounds)))


@cache
def _kind(sound: str) -> str:
    """Return the letter of a consonant's kind; none for vowels and for consonants that come and go."""
    place, manner, _ = _CONSONANTS.get(sound, ("", "glide", True))
    if manner in ("glide", "liquid") or place == "throat":
        return ""
    if manner == "nasal":
        return "n"
    if manner in ("fricative", "affricate") and place in ("ridge", "palate"):
        return "s"
    return _CLASSES[place]


def _distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the least cost of turning one row into the other (Needleman and Wunsch, 1970)."""
    before = [0.0]
    for sound in other:
        before.append(before[-1] + _gap(sound))
    for mine in one:
        row = [before[0] + _gap(mine)]
        for at, theirs in enumerate(other):
            row.append(
                min(before[at] + _substitution(mine, theirs), before[at + 1] + _gap(mine), row[at] + _gap(theirs))
            )
        before = row
    return before[-1]


@cache
def _substitution(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        (open_one, back_one), (open_other, back_other) = _VOWELS[one], _VOWELS[other]
        apart = abs(open_one - open_other) + abs(back_one - back_other)
        return 0.7 * min(0.6, 0.15 + 0.1 * apart + 0.15 * ("ER" in (one, other)))
    if one in _VOWELS or other in _VOWELS:
        if {one, other} == {"ER", "R"}:
            return 0.3
        return 0.4 if {one, other} in _HALF_VOWELS else 1.3
    return _consonants_apart(one, other)


def _consonants_apart(one: str, other: str) -> float:
    (place_one, manner_one, voiced_one), (place_other, manner_other, voiced_other) = (
        _CONSONANTS[one],
        _CONSONANTS[other],
    )
    cost = 0.2 * (voiced_one != voiced_other)
    if place_one != place_other:
        cost += 0.3 if {place_one, place_other} in _NEAR_PLACES else 0.55
    if manner_one != manner_other:
        cost += 0.35 if {manner_one, manner_other} in _NEAR_MANNERS else 0.6
    return min(1.0, cost)


@cache
def _gap(sound: str) -> float:
    """Return what a sound costs that one row has and the other has not."""
    if sound in _VOWELS:
        return 0.4 if sound == "AH" else 0.6
    if sound in ("HH", "R", "Y", "W"):
        return 0.5
    return 0.7 if sound in ("T", "D", "N", "L") else 0.9
