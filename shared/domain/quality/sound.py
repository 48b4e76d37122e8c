"""Tell what is wrong with the sound: missing, muted, noise alone, clipped, one channel dead, quiet, or far away.

The rules that need no speech can be asked as soon as the sound is copied; see `early_reasons`. Figures were measured on
read and free speech, dry, with echo of 0.4 to 1.2 s, and with noise: docs/decisions/0026-verdict.md.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from shared.domain.quality.facts import LONG_FIRST_PART_SEC, Facts, Span, total
from shared.domain.quality.payload import Reason
from shared.domain.quality.records import SoundLevels
from shared.domain.timestamps import clock

NO_SOUND, SOUND_MUTED, NOISE_ONLY, NO_SPEECH = "no_sound", "sound_muted", "sound_noise_only", "no_speech"
CLIPPED, CHANNEL_DEAD, QUIET, FAR = "sound_clipped", "channel_dead", "sound_quiet", "far_microphone"

SILENT_DB = -68
"""A second whose loudest 50 ms stay below this is silent: a microphone's own noise is louder."""
SOUND_SHARE = 0.01
"""A recording with less of its seconds above silence has no sound."""
MIN_MUTED_SEC = 8.0
"""Shorter silence is a pause."""
MIN_MUTED_GATED_SEC = 20.0
"""The same where a gate, or a noise filter, makes each pause silent."""
GATED_SHARE = 0.03
"""A sound has a gate if so many of its seconds are silent in runs that are shorter than `MIN_MUTED_SEC`."""
STEADY_DB = 8
"""Loudest over quietest 50 ms of a second of hiss or hum; speech has 15 dB and more."""
STEADY_SHARE = 0.8
"""Share of the seconds that have to be steady for hiss or hum alone."""
FEW_SPEECH_SEC = 1.0
FEW_SPEECH_SHARE = 0.01
"""Less speech than both is none."""
CLIPPED_PER_10000 = 10
"""A second is clipped from so many samples at full scale on; speech that just reaches it has 1."""
CLIPPED_SHARE = 0.1
"""Share of the seconds that have to be clipped."""
MIN_CLIPPED_SEC = 2
DEAD_BELOW_OTHER_DB = 35
"""A channel is dead if it is so far below the other one."""
ACTIVE_CHANNEL_DB = -55
"""The other channel has to reach this."""
MIN_DEAD_SEC = 10.0
DEAD_SHARE = 0.8
"""Or the channel is dead for this share of a shorter recording."""
QUIET_DB = -45
"""Speech below this level is too quiet; recordings of talks have -35 to -15 dB."""
FAR_FALL_DB = 9.3
"""Steepest fall within 100 ms, median of the seconds with speech: 13 to 26 dB near a microphone, 5 to 9 dB far away."""
MIN_JUDGED_SEC = 8
"""Fewer seconds with speech do not show where the microphone is."""


def early_reasons(levels: SoundLevels | None, duration_sec: float) -> list[Reason]:
    """Return what the levels show before speech was looked for; None stands for a recording without sound."""
    if levels is None:
        return [Reason(code=NO_SOUND, start=0.0, end=duration_sec, text="The recording has no sound.")]
    if _is_silent(levels):
        return [_silent(duration_sec)]
    if _is_steady(levels):
        return [_noise(duration_sec)]
    return [*_muted(levels, duration_sec), *_clipped(levels), *_dead_channel(levels)]


def reasons_without_speech(speech: Sequence[Span], start: float, end: float, *, is_all: bool) -> list[Reason]:
    """Return the reason for a first part without speech, if it is long enough to tell."""
    if speech or not (is_all or end - start >= LONG_FIRST_PART_SEC):
        return []
    text = (
        "No speech was found in the recording."
        if is_all
        else f"No speech was found in the recording until {clock(end)}."
    )
    return [Reason(code=NO_SPEECH, start=start, end=end, text=text)]


def sound_reasons(facts: Facts) -> list[Reason]:
    """Return what is wrong with the sound, when speech was looked for."""
    levels, duration_sec = facts.levels, facts.duration_sec
    if not facts.has_sound:
        return early_reasons(None, duration_sec)
    if levels is None:  # a job of an earlier release
        return [] if facts.speech else [_no_speech(duration_sec)]
    if _is_silent(levels):
        return [_silent(duration_sec)]
    reasons = [*_muted(levels, duration_sec), *_dead_channel(levels)]
    if has_no_speech(facts):
        if _is_steady(levels):
            return [_noise(duration_sec)]
        if is_quiet_noise(levels):
            return [*reasons, _quiet(duration_sec), _no_speech(duration_sec)]
        return [*reasons, *_clipped(levels), _no_speech(duration_sec)]
    spoken = _spoken_seconds(levels, facts.speech)
    reasons += _clipped(levels)
    if spoken and median(_loudest_channel(levels, second) for second in spoken) < QUIET_DB:
        reasons.append(_quiet(duration_sec))
    elif len(spoken) >= MIN_JUDGED_SEC and median(levels.fall[second] for second in spoken) < FAR_FALL_DB:
        text = "The voice sounds far from the microphone: echo or noise fills the pauses between its words."
        reasons.append(Reason(code=FAR, start=facts.speech[0][0], end=facts.speech[-1][1], text=text))
    return reasons


def has_no_speech(facts: Facts) -> bool:
    """Return whether there is no speech, but for what a detector may take for a voice."""
    spoken = total(facts.speech)
    return spoken < FEW_SPEECH_SEC and spoken < max(0.2, FEW_SPEECH_SHARE * facts.duration_sec)


def is_quiet_noise(levels: SoundLevels) -> bool:
    """Return whether the sound is so quiet that a voice in it may have been missed."""
    loud = sorted(levels.loudest)
    return loud[int(len(loud) * 0.95)] < QUIET_DB + 10


def _silent(duration_sec: float) -> Reason:
    return Reason(code=NO_SOUND, start=0.0, end=duration_sec, text="The sound is silent from beginning to end.")


def _no_speech(duration_sec: float) -> Reason:
    return Reason(code=NO_SPEECH, start=0.0, end=duration_sec, text="No speech was found in the recording.")


def _noise(duration_sec: float) -> Reason:
    text = "The sound is nothing but hiss or hum: the microphone was not connected or not switched on."
    return Reason(code=NOISE_ONLY, start=0.0, end=duration_sec, text=text)


def _quiet(duration_sec: float) -> Reason:
    return Reason(code=QUIET, start=0.0, end=duration_sec, text="The voice is too quiet to be heard without effort.")


def _is_silent(levels: SoundLevels) -> bool:
    return sum(each > SILENT_DB for each in levels.loudest) <= SOUND_SHARE * len(levels.loudest)


def _is_steady(levels: SoundLevels) -> bool:
    """Return whether the sound that there is has one level, as hiss and hum have."""
    heard = [second for second, loudest in enumerate(levels.loudest) if loudest > SILENT_DB]
    steady = [second for second in heard if levels.loudest[second] - levels.quietest[second] <= STEADY_DB]
    if len(steady) < STEADY_SHARE * len(heard):
        return False
    found = sorted(levels.level[second] for second in steady)
    return found[int(len(found) * 0.9)] - found[int(len(found) * 0.1)] <= 2 * STEADY_DB


def _muted(levels: SoundLevels, duration_sec: float) -> list[Reason]:
    """Return the times at which the sound is silent for longer than a pause is."""
    runs = list(_runs(len(levels.loudest), lambda second: levels.loudest[second] <= SILENT_DB))
    if runs and runs[-1][1] >= len(levels.loudest) and duration_sec > levels.duration_sec:
        runs[-1] = (runs[-1][0], duration_sec)
    elif duration_sec - levels.duration_sec > 0:
        runs.append((levels.duration_sec, duration_sec))
    short = sum(end - start for start, end in runs if end - start < MIN_MUTED_SEC)
    least = MIN_MUTED_GATED_SEC if short > GATED_SHARE * duration_sec else MIN_MUTED_SEC
    return [
        Reason(
            code=SOUND_MUTED,
            start=start,
            end=min(end, duration_sec),
            text=f"The sound is muted from {clock(start)} to {clock(min(end, duration_sec))}.",
        )
        for start, end in runs
        if end - start >= least
    ]


def _clipped(levels: SoundLevels) -> list[Reason]:
    heard = sum(each > SILENT_DB for each in levels.loudest)
    clipped = [second for second, each in enumerate(levels.clipped) if each >= CLIPPED_PER_10000]
    if len(clipped) < max(MIN_CLIPPED_SEC, CLIPPED_SHARE * heard):
        return []
    text = "The sound is clipped: it was recorded too loud, and its peaks are cut off."
    return [Reason(code=CLIPPED, start=clipped[0], end=min(clipped[-1] + 1.0, levels.duration_sec), text=text)]


def _dead_channel(levels: SoundLevels) -> list[Reason]:
    """Return the times at which one of two channels has no sound and the other one has."""
    reasons = []
    for name, channel, other in (("left", levels.left, levels.right), ("right", levels.right, levels.left)):
        active = [second for second, each in enumerate(other) if each > ACTIVE_CHANNEL_DB]
        dead = {second for second in active if channel[second] < other[second] - DEAD_BELOW_OTHER_DB}
        alive = {second for second, each in enumerate(channel) if each > ACTIVE_CHANNEL_DB}
        for start, end in _bridged(sorted(dead), alive):
            if end - start >= min(MIN_DEAD_SEC, DEAD_SHARE * levels.duration_sec):
                text = f"The {name} channel is dead from {clock(start)} to {clock(end)}; the other one has sound."
                span = {"start": float(start), "end": min(float(end), levels.duration_sec)}
                reasons.append(Reason(code=CHANNEL_DEAD, text=text, **span))
    return reasons


def _bridged(seconds: Sequence[int], alive: set[int]) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of seconds between which none is alive."""
    start = end = None
    for second in seconds:
        if start is None or end is None:
            start = second
        elif any(between in alive for between in range(end, second)):
            yield start, end
            start = second
        end = second + 1
    if start is not None and end is not None:
        yield start, end


def _loudest_channel(levels: SoundLevels, second: int) -> int:
    if levels.left:
        return max(levels.left[second], levels.right[second])
    return levels.level[second]


def _spoken_seconds(levels: SoundLevels, speech: Sequence[Span]) -> list[int]:
    """Return the seconds that are speech for the most part."""
    covered = [0.0] * len(levels.level)
    for start, end in speech:
        for second in range(int(start), min(len(covered), int(end) + 1)):
            covered[second] += max(0.0, min(end, second + 1) - max(start, second))
    return [second for second, each in enumerate(covered) if each >= 0.5]


def _runs(length: int, holds: Callable[[int], bool]) -> Iterator[tuple[float, float]]:
    """Yield [start, end) of the runs of numbers for which `holds`."""
    start = None
    for number in range(length + 1):
        if number < length and holds(number):
            start = number if start is None else start
        elif start is not None:
            yield float(start), float(number)
            start = None
