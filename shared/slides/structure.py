"""Tell titles, footers and slide numbers from the rest of the lines, over all slides of a recording.

The title is the largest text in the upper part. What stands on most slides at the same place is footer. Works on lines
of text alone.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from shared.slides.payload import Role, SlideLine
from shared.slides.text import TextLine

_FOOTER_SHARE = 0.6
"""A line on this share of the slides is footer."""
_FEWEST_FOR_FOOTER = 3
_SAME_PLACE_SHARE = 0.03
"""Most distance of a footer's places from each other, as a share of the slide."""
_MARGIN_SHARE = 0.12
"""Slide numbers stand within this share of the upper or lower edge."""
_NUMBER_HEIGHT_SHARE = 0.08
"""Highest slide number, as a share of the slide's height; larger figures are content."""
_UPPER_SHARE = 0.5
"""Titles begin within this share of the height, if any text does."""
_LARGE_SHARE = 0.8
"""A line with this share of the largest line's height is as large."""
_LARGER_THAN_BODY = 1.12
"""A title of several lines is at least this much larger than the rest."""
_LINE_GAP = 0.9
"""Most distance of two lines of a title, in heights of a line."""
MAX_TITLE_CHARS = 160

_NUMBER = re.compile(r"(?:slide|page|folie)?\s*(\d{1,3})\s*(?:(?:/|of|von|\|)\s*\d{1,3})?", re.IGNORECASE)
_SECTION = re.compile(r"(\d{1,2})(?:\.\d{1,2})*[.):]?\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class SlideText:
    """The text of a slide."""

    title: str | None
    number: str | None
    lines: tuple[SlideLine, ...]


def tell_roles(slides: Sequence[Sequence[TextLine]]) -> list[SlideText]:
    """Return the text of each slide with the roles of its lines. `slides` has the lines of each, from top to bottom."""
    footers = _footers(slides)
    texts = [_one(lines, footers[at]) for at, lines in enumerate(slides)]
    return _without_section_numbers(texts)


def _one(lines: Sequence[TextLine], footers: set[int]) -> SlideText:
    roles: list[Role] = ["body"] * len(lines)
    number: str | None = None
    for at, line in enumerate(lines):
        found = _NUMBER.fullmatch(line.text)
        if found and _in_margin(line) and line.box[3] <= _NUMBER_HEIGHT_SHARE:
            roles[at], number = "number", found[1]
        elif at in footers:
            roles[at] = "footer"
    content = [at for at, role in enumerate(roles) if role == "body"]
    title = _title([lines[at] for at in content])
    for at in (content[each] for each in title):
        roles[at] = "title"
    text = " ".join(line.text for line, role in zip(lines, roles, strict=True) if role == "title")
    return SlideText(
        text[:MAX_TITLE_CHARS] or None,
        number,
        tuple(
            SlideLine(text=line.text, box=line.box, confidence=line.confidence, role=role)
            for line, role in zip(lines, roles, strict=True)
        ),
    )


def _title(lines: Sequence[TextLine]) -> list[int]:
    """Return which of the lines are the title."""
    if not lines:
        return []
    upper = [at for at, line in enumerate(lines) if line.box[1] < _UPPER_SHARE] or list(range(len(lines)))
    largest = max(lines[at].box[3] for at in upper)
    first = next(at for at in upper if lines[at].box[3] >= _LARGE_SHARE * largest)
    title = [first]
    for at in range(first + 1, len(lines)):
        line, before = lines[at], lines[title[-1]]
        gap = line.box[1] - (before.box[1] + before.box[3])
        rest = [each.box[3] for n, each in enumerate(lines) if n > at]
        larger = not rest or line.box[3] >= _LARGER_THAN_BODY * median(rest)
        alike = _LARGE_SHARE <= line.box[3] / max(lines[first].box[3], 1e-6) <= 1 / _LARGE_SHARE
        if not (alike and larger and gap <= _LINE_GAP * line.box[3]):
            break
        title.append(at)
    return title if len(title) < len(lines) or len(lines) <= 2 else [first]


def _in_margin(line: TextLine) -> bool:
    return line.box[1] + line.box[3] <= _MARGIN_SHARE or line.box[1] >= 1 - _MARGIN_SHARE


def _footers(slides: Sequence[Sequence[TextLine]]) -> list[set[int]]:
    """Return for each slide which of its lines stand at the same place on most slides."""
    places: defaultdict[str, list[tuple[int, int, float, float]]] = defaultdict(list)
    for number, lines in enumerate(slides):
        for at, line in enumerate(lines):
            places[_bare(line.text)].append((number, at, line.box[0], line.box[1]))
    found: list[set[int]] = [set() for _ in slides]
    if len(slides) < _FEWEST_FOR_FOOTER:
        return found
    for same in places.values():
        x, y = median(place[2] for place in same), median(place[3] for place in same)
        there = [p for p in same if abs(p[2] - x) <= _SAME_PLACE_SHARE and abs(p[3] - y) <= _SAME_PLACE_SHARE]
        if len({place[0] for place in there}) >= max(_FEWEST_FOR_FOOTER, _FOOTER_SHARE * len(slides)):
            for number, at, _, _ in there:
                found[number].add(at)
    return found


def _bare(text: str) -> str:
    """Return the text without figures, blanks and capitals: the date and the page change from slide to slide."""
    return re.sub(r"[\W\d_]+", "", text.casefold())


def _without_section_numbers(texts: list[SlideText]) -> list[SlideText]:
    """Return the slides with the number before the title taken out of it, where such numbers count up."""
    found = [(at, match) for at, text in enumerate(texts) if text.title and (match := _SECTION.match(text.title))]
    numbers = [int(match[1]) for _, match in found]
    if len(set(numbers)) < 2 or numbers != sorted(numbers):
        return texts
    changed = list(texts)
    for at, match in found:
        text = texts[at]
        title = (text.title or "")[match.end() :]
        changed[at] = SlideText(title, text.number or match[0].strip().rstrip(".):"), text.lines)
    return changed
