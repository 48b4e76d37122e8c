"""Tell what is wrong with the talk and its text, and where a cut may begin and end.

The talk is what lies between the first and the last word; a word long before or after it is a test of the microphone.
"""

from collections.abc import Sequence
from itertools import pairwise

from shared.domain.quality.facts import Facts, Span, total
from shared.domain.quality.payload import Reason
from shared.domain.quality.records import SoundLevels
from shared.domain.quality.sound import SILENT_DB, has_no_speech
from shared.domain.timestamps import clock

STOPPED, BEGUN_EARLY, ENDED_LATE = "stopped_mid_sentence", "begun_early", "ended_late"
LANGUAGE_UNSURE, TRANSCRIPT_THIN = "language_unsure", "transcript_thin"

SILENCE_SEC = 2.0
"""Shorter pauses are not listed."""
MARGIN_SEC = 1.0
"""How long before the first word, and after the last one, a cut is suggested."""
STRAY_SEC = 5.0
STRAY_GAP_SEC = 60.0
"""So little speech, so far from the rest, is not part of the talk."""
LONG_SHARE = 0.15
MIN_LONG_SEC = 20.0
MAX_LONG_SEC = 180.0
"""A recording begun or ended so long before or after the talk has to be cut: a share of its length, within bounds."""
STOPPED_WITHIN_SEC = 0.25
"""Speech that reaches so close to the end was cut off."""
UNFINISHED_WITHIN_SEC = 1.5
"""The same for a sentence without its end."""
TAIL_DB = 20
"""The last sound of a recording that was cut off is not this much below the speech before."""
UNSURE_SHARE = 0.6
"""Share of doubtful words from which the language may be another one."""
UNSURE_WARNINGS = frozenset({"not_english", "words_doubtful"})
THIN_SHARE = 0.5
"""Less than this share of the speech became words: the text is not what was said."""
MIN_THIN_SEC = 10.0
FEW_WORDS = 8


def silences(facts: Facts) -> list[Span]:
    """Return where there is no speech for `SILENCE_SEC` or more."""
    edges = [0.0, *(edge for span in facts.speech for edge in span), facts.duration_sec]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start >= SILENCE_SEC]


def suggested_cut(facts: Facts) -> Span:
    """Return where a cut may begin and end; the whole recording where there is no speech."""
    if has_no_speech(facts):
        return 0.0, facts.duration_sec
    talk = _without_stray(_without_stray(list(facts.speech))[::-1])[::-1]
    return max(0.0, talk[0][0] - MARGIN_SEC), min(facts.duration_sec, talk[-1][1] + MARGIN_SEC)


def talk_reasons(facts: Facts) -> list[Reason]:
    """Return what is wrong with the talk and its text."""
    if has_no_speech(facts):
        return []
    duration_sec, (cut_in, cut_out) = facts.duration_sec, suggested_cut(facts)
    long_sec = min(MAX_LONG_SEC, max(MIN_LONG_SEC, LONG_SHARE * duration_sec))
    reasons = []
    if cut_in >= long_sec:
        text = f"The recording was begun long before the talk, which starts at {clock(cut_in + MARGIN_SEC)}."
        reasons.append(Reason(code=BEGUN_EARLY, start=0.0, end=cut_in, text=text))
    if duration_sec - cut_out >= long_sec:
        text = f"The recording goes on long after the talk, which ends at {clock(cut_out - MARGIN_SEC)}."
        reasons.append(Reason(code=ENDED_LATE, start=cut_out, end=duration_sec, text=text))
    if _is_cut_off(facts):
        start = facts.speech[-1][0]
        text = "The recording stops in the middle of a sentence."
        reasons.append(Reason(code=STOPPED, start=start, end=duration_sec, text=text))
    return [*reasons, *_text_reasons(facts)]


def _text_reasons(facts: Facts) -> list[Reason]:
    text, (start, end) = facts.text, (facts.speech[0][0], facts.speech[-1][1])
    if text is None:
        return []
    is_unsure = text.words >= FEW_WORDS and text.doubtful_share >= UNSURE_SHARE
    if is_unsure or text.warnings & UNSURE_WARNINGS:
        why = "The language is not sure: the words may be of another language than the one that was assumed."
        return [Reason(code=LANGUAGE_UNSURE, start=start, end=end, text=why)]
    if total(facts.speech) >= MIN_THIN_SEC and text.transcribed_share < THIN_SHARE:
        share = f"{text.transcribed_share * 100:.0f}%"
        why = f"The transcript has words for {share} of the speech only: much of what was said is missing."
        return [Reason(code=TRANSCRIPT_THIN, start=start, end=end, text=why)]
    return []


def _without_stray(spans: Sequence[Span]) -> Sequence[Span]:
    """Return the spans without a few words that stand far before the rest; the spans may run backwards."""
    spoken = 0.0
    for number, (here, following) in enumerate(pairwise(spans), start=1):
        spoken += here[1] - here[0]
        if spoken >= STRAY_SEC:
            return spans
        if max(following[0] - here[1], here[0] - following[1]) >= STRAY_GAP_SEC:
            return spans[number:]
    return spans


def _is_cut_off(facts: Facts) -> bool:
    """Return whether the recording ends while someone speaks."""
    levels, text = facts.levels, facts.text
    if text is not None and text.words == 0:
        return False
    end_sec = facts.duration_sec if levels is None else min(levels.duration_sec, facts.duration_sec)
    left_sec = end_sec - facts.speech[-1][1]
    if left_sec <= STOPPED_WITHIN_SEC and (levels is None or _is_loud_to_the_end(levels)):
        return True
    if text is None or text.last_word_end is None or text.ends_sentence:
        return False
    return left_sec <= UNFINISHED_WITHIN_SEC and end_sec - text.last_word_end <= UNFINISHED_WITHIN_SEC


def _is_loud_to_the_end(levels: SoundLevels) -> bool:
    """Return whether the last tenths of a second are as loud as speech."""
    loud = sorted(each for each in levels.loudest if each > SILENT_DB)
    return bool(loud and levels.tail) and max(levels.tail[-3:]) >= loud[len(loud) // 2] - TAIL_DB
