"""Decide the verdict on a recording: one pure function over what the stages measured and found.

The same facts give the same file, however often the job's steps ran.
"""

from shared.domain.quality import picture, sound, talk
from shared.domain.quality.facts import Facts, total
from shared.domain.quality.payload import Quality, Reason, TrackFacts, TranscriptFacts, Verdict

WITHOUT_SOUND = frozenset({sound.NO_SOUND, sound.NOISE_ONLY})
"""No speech can be heard; the picture does not matter."""
WITHOUT_SPEECH = frozenset({sound.NO_SPEECH})
WITHOUT_PICTURE = frozenset({picture.NO_PERSON, picture.BLACK, picture.COVERED, picture.FROZEN})
WHOLE_SHARE = 0.9
"""A reason that holds for this share of the recording holds for all of it."""


def assess(facts: Facts, *, session_id: str, job_id: str) -> Quality:
    """Return the verdict with its reasons in order of time, the silences, and where to cut."""
    reasons = [*sound.sound_reasons(facts), *picture.picture_reasons(facts), *talk.talk_reasons(facts)]
    reasons.sort(key=lambda reason: (reason.start, reason.end, reason.code))
    cut_in, cut_out = talk.suggested_cut(facts)
    text = facts.text
    return Quality(
        session_id=session_id,
        job_id=job_id,
        duration_sec=facts.duration_sec,
        verdict=verdict_of(reasons, facts),
        reasons=tuple(reasons),
        speech_sec=min(facts.duration_sec, total(facts.speech)),
        silences=tuple(talk.silences(facts)),
        suggested_in=cut_in,
        suggested_out=cut_out,
        transcript=None
        if text is None
        else TranscriptFacts(
            transcribed_share=text.transcribed_share,
            low_confidence=tuple(text.low_confidence),
            languages=text.languages,
        ),
        track=None if facts.coverage_percent is None else TrackFacts(coverage_percent=facts.coverage_percent),
    )


def verdict_of(reasons: list[Reason], facts: Facts) -> Verdict:
    """Return what the reasons amount to."""
    whole = {each.code for each in reasons if each.end - each.start >= WHOLE_SHARE * facts.duration_sec}
    if whole & WITHOUT_SOUND:
        return Verdict.UNUSABLE
    if whole & WITHOUT_SPEECH and (not facts.has_picture or whole & WITHOUT_PICTURE):
        return Verdict.UNUSABLE
    return Verdict.CHECK if reasons else Verdict.OK
