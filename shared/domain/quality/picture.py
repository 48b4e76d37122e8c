"""Tell what is wrong with the picture: black, covered, out of focus, frozen, or without a person.

A screencast stands still while its slide is explained. So stillness counts only where a person should move.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from shared.domain.quality.facts import LONG_FIRST_PART_SEC, Facts, Span, overlap
from shared.domain.quality.payload import Reason
from shared.domain.quality.records import Look
from shared.domain.timestamps import clock

NO_PERSON, BLACK, FROZEN = "nobody_in_picture", "picture_black", "picture_frozen"
UNFOCUSED, COVERED = "picture_unfocused", "picture_covered"

BLACK_BRIGHTNESS = 20
BLACK_SPREAD = 16
"""A picture is black if it is darker than the one and evener than the other."""
COVERED_SPREAD = 30
COVERED_EDGES = 20
"""A picture shows nothing if it is evener than this and has no edges above a camera's noise."""
FOCUS_SHARE = 0.24
"""Edges over spread: 0.3 to 1.5 in focus, 0.05 to 0.19 with a blur of 8 pixels of 1080 lines and more."""
STILL = 30
"""Change of the most changed place, in hundredths of a step of luma, up to which a picture is the same as before."""
NEARLY_STILL = 150
"""The same for a picture that an encoder writes anew with a keyframe."""
STILL_SHARE = 0.5
"""Share of the samples of a frozen picture that are the same; a real camera's are seldom."""
CAMERA_REST = 4
"""Median change of all places, in hundredths of a step of luma, that only the noise of a camera exceeds: 7 and more."""
SCREEN_FLAT_PERCENT = 78
"""Share of the pixels that equal their neighbour: 31 to 72 in a camera's picture, 87 to 98 in a screen's."""
MIN_BAD_SEC = 10.0
"""A shorter time is not worth a word."""
BAD_SHARE = 0.5
"""Or the picture is bad for this share of a shorter recording."""
MIN_FROZEN_SEC = 12.0
"""A person who is seen stands perfectly still for no longer."""
MIN_FROZEN_SPEAKING_SEC = 20.0
"""The same where no person was seen and there is speech."""
FROZEN_SHARE = 0.9
"""A picture that is still for this share of the recording was never live."""
PRESENT_SHARE = 0.5
SPEAKING_SHARE = 0.5
LEAST_COVERAGE_PERCENT = 1.0
MAX_SAMPLE_SEC = 2.0
"""Time for which a sample stands at most."""


def early_reasons(looks: Sequence[Look], until_sec: float, *, is_all: bool, is_person_likely: bool) -> list[Reason]:
    """Return what holds for all of the first part of the tracking.

    Args:
        looks: its samples.
        until_sec: where it ends.
        is_all: whether it is the only part.
        is_person_likely: whether anything was found that may be a person, or the picture is a screencast.
    """
    if not is_all and until_sec < LONG_FIRST_PART_SEC:
        return []
    bad = [each for each in _bad_looks(looks, until_sec) if each.end - each.start >= FROZEN_SHARE * until_sec]
    if bad or is_person_likely or is_without_noise(looks):
        return bad
    text = (
        "No person was found in the picture."
        if is_all
        else f"No person was found in the picture until {clock(until_sec)}."
    )
    return [Reason(code=NO_PERSON, start=0.0, end=until_sec, text=text)]


def picture_reasons(facts: Facts) -> list[Reason]:
    """Return what is wrong with the picture."""
    if not facts.has_picture:
        return []
    reasons = _bad_looks(facts.looks, facts.duration_sec)
    bad = [(each.start, each.end) for each in reasons]
    if not _is_screencast(facts):
        reasons += _frozen(facts, bad)
        is_screen = facts.has_slides and is_without_noise(facts.looks)  # which may be cut out of the whole picture
        is_hidden = sum(each.end - each.start for each in reasons) >= FROZEN_SHARE * facts.duration_sec
        if (
            facts.coverage_percent is not None
            and facts.coverage_percent < LEAST_COVERAGE_PERCENT
            and not (is_hidden or is_screen)
        ):
            text = "No person was found in the picture."
            reasons.append(Reason(code=NO_PERSON, start=0.0, end=facts.duration_sec, text=text))
    return reasons


def _is_screencast(facts: Facts) -> bool:
    """Return whether the picture is that of a screen, and not of a room in which a screen can be read."""
    return facts.slides_fill_picture and is_without_noise(facts.looks) and not _is_frozen_room(facts.looks)


def is_of_a_screen(looks: Sequence[Look]) -> bool:
    """Return whether the picture is measured to rest as that of a screen does, and to have no grain and shades.

    A camera that removes its noise rests as well. In records of earlier releases, which do not tell of grain and
    shades, the rest alone decides.
    """
    flat = [look.flat for look in looks if look.flat is not None]
    is_measured = any(look.rest is not None for look in looks)
    return is_measured and is_without_noise(looks) and (not flat or median(flat) >= SCREEN_FLAT_PERCENT)


def _is_frozen_room(looks: Sequence[Look]) -> bool:
    """Return whether the picture never changes and has the grain and shades of a camera's, which a screen's has not."""
    flat = [look.flat for look in looks if look.flat is not None]
    return bool(flat) and median(flat) < SCREEN_FLAT_PERCENT and all(_is_nearly_still(look) for look in looks)


def is_without_noise(looks: Sequence[Look]) -> bool:
    """Return whether the picture rests as that of a screen does; true where it was not measured."""
    rests = [look.rest for look in looks if look.rest is not None]
    return not rests or median(rests) <= CAMERA_REST


def _bad_looks(looks: Sequence[Look], duration_sec: float) -> list[Reason]:
    least = min(MIN_BAD_SEC, BAD_SHARE * duration_sec)
    kinds: tuple[tuple[str, Callable[[Look], bool], str], ...] = (
        (BLACK, _is_black, "The picture is black from {start} to {end}."),
        (COVERED, _is_covered, "The picture shows nothing from {start} to {end}: the camera may be covered."),
        (UNFOCUSED, _is_unfocused, "The picture is out of focus from {start} to {end}."),
    )
    return [
        Reason(code=code, start=start, end=end, text=text.format(start=clock(start), end=clock(end)))
        for code, holds, text in kinds
        for start, end in _stretches(looks, duration_sec, holds)
        if end - start >= least
    ]


def _is_black(look: Look) -> bool:
    return look.brightness <= BLACK_BRIGHTNESS and look.spread <= BLACK_SPREAD


def _is_covered(look: Look) -> bool:
    return not _is_black(look) and look.spread <= COVERED_SPREAD and look.edges <= COVERED_EDGES


def _is_unfocused(look: Look) -> bool:
    if _is_black(look) or _is_covered(look):
        return False
    return look.edges < FOCUS_SHARE * look.spread


def _is_nearly_still(look: Look) -> bool:
    return look.change is None or look.change <= NEARLY_STILL


def _share_still(looks: Sequence[Look], span: Span) -> float:
    changes = [look.change for look in looks if span[0] <= look.t < span[1] and look.change is not None]
    return sum(each <= STILL for each in changes) / max(1, len(changes))


def _frozen(facts: Facts, bad: Sequence[Span]) -> list[Reason]:
    """Return the times at which the picture does not move although someone stands or speaks there."""
    reasons = []
    for span in _stretches(facts.looks, facts.duration_sec, _is_nearly_still):
        length = span[1] - span[0]
        if overlap(span, bad) > 0.5 * length or _share_still(facts.looks, span) < STILL_SHARE:
            continue
        is_all = length >= FROZEN_SHARE * facts.duration_sec
        is_present = overlap(span, facts.presence) >= PRESENT_SHARE * length
        is_spoken = overlap(span, facts.speech) >= SPEAKING_SHARE * length
        if (
            (is_all and length >= MIN_BAD_SEC)
            or (is_present and length >= MIN_FROZEN_SEC)
            or (is_spoken and length >= MIN_FROZEN_SPEAKING_SEC)
        ):
            text = f"The picture is frozen from {clock(span[0])} to {clock(span[1])}."
            reasons.append(Reason(code=FROZEN, start=span[0], end=span[1], text=text))
    return reasons


def _stretches(looks: Sequence[Look], duration_sec: float, holds: Callable[[Look], bool]) -> Iterator[Span]:
    """Yield the times for which `holds`; a single sample among others that differ changes nothing."""
    flags = [holds(look) for look in looks]
    smooth = [median(flags[max(0, at - 1) : at + 2]) >= 0.5 for at in range(len(flags))] if len(flags) > 2 else flags
    start = None
    for look, flag in zip(looks, smooth, strict=True):
        if flag and start is None:
            start = 0.0 if look is looks[0] and look.t <= MAX_SAMPLE_SEC else look.t
        elif not flag and start is not None:
            yield start, look.t
            start = None
    if start is not None:
        end = looks[-1].t + MAX_SAMPLE_SEC
        yield start, duration_sec if duration_sec <= end else looks[-1].t
