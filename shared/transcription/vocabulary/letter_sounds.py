"""Guess the sounds of words that no dictionary has, from their letters.

Apart from the dictionary, which is asked first. The rules are few: the distance of sounds forgives a wrong vowel, and
names of many languages are read as an English speaker would at first sight. Sounds are those of the CMU pronouncing
dictionary (ARPAbet without stress).
"""

import re

_FRONT = "eiy"
"""Letters before which c and g are soft."""

_RULES: tuple[tuple[str, str], ...] = (
    # (letters, sounds); of the rules that fit at a place the first one is taken
    ("^ps", "S"),
    ("^pn", "N"),
    ("^kn", "N"),
    ("^gn", "N"),
    ("^wr", "R"),
    ("^x", "Z"),
    ("^mc", "M AH K"),
    ("^ts", "T S"),
    ("tion", "SH AH N"),
    ("sion", "ZH AH N"),
    ("cian", "SH AH N"),
    ("cious", "SH AH S"),
    ("tious", "SH AH S"),
    ("ous$", "AH S"),
    ("tial", "SH AH L"),
    ("cial", "SH AH L"),
    ("ture", "CH ER"),
    ("igh", "AY"),
    ("eigh", "EY"),
    ("ough", "AO"),
    ("augh", "AO"),
    ("schr", "SH R"),
    ("sche", "SH EH"),
    ("sch", "SH"),
    ("tch", "CH"),
    ("chr", "K R"),
    ("chl", "K L"),
    ("cch", "K"),
    ("ch", "CH"),
    ("ck", "K"),
    ("cc(?=[eiy])", "K S"),
    ("sc(?=[eiy])", "S"),
    ("c(?=[eiy])", "S"),
    ("c", "K"),
    ("dg(?=[eiy])", "JH"),
    ("dj", "JH"),
    ("gh$", ""),
    ("gh", "G"),
    ("gg", "G"),
    ("g(?=[eiy])", "JH"),
    ("g", "G"),
    ("ph", "F"),
    ("rh", "R"),
    ("sh", "SH"),
    ("th", "TH"),
    ("wh", "W"),
    ("zh", "ZH"),
    ("kh", "K"),
    ("qu", "K W"),
    ("q", "K"),
    ("x", "K S"),
    ("ss", "S"),
    ("mb$", "M"),
    ("ng", "NG"),
    ("nk", "NG K"),
    ("j", "JH"),
    ("h(?=[aeiouy])", "HH"),
    ("h", ""),
    ("^y", "Y"),
    ("y(?=[aeou])", "Y"),
    ("eau", "OW"),
    ("oeu", "ER"),
    ("ae", "IY"),
    ("aa", "AA"),
    ("oe", "OW"),
    ("ee", "IY"),
    ("ea", "IY"),
    ("ei", "AY"),
    ("ey$", "IY"),
    ("ey", "EY"),
    ("eu", "Y UW"),
    ("ew", "Y UW"),
    ("ai", "EY"),
    ("ay", "EY"),
    ("au", "AO"),
    ("aw", "AO"),
    ("ie", "IY"),
    ("io", "IY OW"),
    ("ia", "IY AH"),
    ("iu", "IY AH"),
    ("oa", "OW"),
    ("oi", "OY"),
    ("oy", "OY"),
    ("oo", "UW"),
    ("ou", "UW"),
    ("ow", "OW"),
    ("ui", "UW"),
    ("ue$", "UW"),
    ("ar", "AA R"),
    ("er", "ER"),
    ("ir", "ER"),
    ("ur", "ER"),
    ("or", "AO R"),
    ("yr", "AY R"),
    ("a(?=[bcdfgklmnprstvz]e$)", "EY"),
    ("i(?=[bcdfgklmnprstvz]e$)", "AY"),
    ("o(?=[bcdfgklmnprstvz]e$)", "OW"),
    ("u(?=[bcdfgklmnprstvz]e$)", "UW"),
    ("y(?=[bcdfgklmnprstvz]e$)", "AY"),
    ("le$", "AH L"),
    ("(?<=[^aeiou])es$", "IH Z"),
    ("e$", ""),
    ("a", "AE"),
    ("e", "EH"),
    ("i$", "IY"),
    ("i", "IH"),
    ("o$", "OW"),
    ("o", "AA"),
    ("u", "AH"),
    ("y$", "IY"),
    ("y", "IH"),
    ("bb?", "B"),
    ("dd?", "D"),
    ("ff?", "F"),
    ("kk?", "K"),
    ("ll?", "L"),
    ("mm?", "M"),
    ("nn?", "N"),
    ("pp?", "P"),
    ("rr?", "R"),
    ("s", "S"),
    ("tt?", "T"),
    ("vv?", "V"),
    ("w", "W"),
    ("zz?", "Z"),
)
_COMPILED = tuple((re.compile(pattern), tuple(sounds.split())) for pattern, sounds in _RULES)


def sounds_by_letters(word: str) -> tuple[str, ...]:
    """Return the sounds of a word of lower-case letters a to z; other characters are silent."""
    sounds: list[str] = []
    at = 0
    while at < len(word):
        found = next(((hit, made) for pattern, made in _COMPILED if (hit := pattern.match(word, at))), None)
        if found is None:
            at += 1
            continue
        hit, made = found
        at = max(at + 1, hit.end())
        sounds.extend(made)
    return tuple(sounds)
