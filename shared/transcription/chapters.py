"""Propose chapters from the titles of slides, long pauses, picture changes and changes of vocabulary.

Apart from the transcript because chapters are a proposal to be edited. Each segment may begin a chapter. Its score
rises with the pause before it, with a picture change at about that time (mostly a new slide), and with how few words
the two minutes after it share with the two minutes before. No language model is used. A chapter's title is its first
words.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.domain.timestamps import webvtt_timestamp
from shared.transcription.cues import UNSPACED
from shared.transcription.line_breaks import CLAUSE_ENDS, LEANS_FORWARD
from shared.transcription.payload import ChapterPayload, Chapters, Transcript, TranscriptSegment
from shared.transcription.repetition import bare
from shared.transcription.sentence_ends import SENTENCE_ENDS

SHORTEST_SEC = 60.0
LONGEST_SEC = 900.0
WANTED_SEC = 300.0
"""Desired length; at most twice as many chapters as it gives are chosen by score."""
MAX_CHAPTERS = 60
THRESHOLD = 1.5
"""Least score of a chapter's beginning, unless it cuts a chapter that is too long."""
LONG_PAUSE_SEC = 1.5
PICTURE_BEFORE_SEC = 8.0
"""A picture change counts for a segment from so long before its start."""
PICTURE_AFTER_SEC = 4.0
"""A picture change counts for a segment until so long after its start."""
AT_START_SEC = 10.0
"""A slide that stands there by this time titles the first chapter."""
SLIDES_AN_HOUR = 15
"""Most chapters that slides make of an hour."""
FEWEST_OF_SLIDES = 5
"""Slides make at least so many chapters of a short recording, if it has as many sections."""
SECTION_SEC = 240.0
"""A section of this length has the full score for its length."""
CONTEXT_SEC = 120.0
"""Length of the two windows of words that are compared."""
MIN_TERM_CHARS = 5
"""Shorter words say little about the topic and are not compared."""
TITLE_CHARS = 60
FEW_WORDS = 4
"""From this many words on, a title may end at a clause or a segment."""
NO_LAST_WORDS = LEANS_FORWARD | {"what", "it", "how", "where", "so", "then"}


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the recording with one title on its slides."""

    start_sec: float
    title: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    start: float
    score: float
    reasons: tuple[str, ...]
    title: str | None = None
    """The title of the slide at which the chapter begins."""


def propose_chapters(
    transcript: Transcript, picture_changes: Sequence[float] = (), sections: Sequence[Section] = ()
) -> Chapters:
    """Return the chapters of a recording, in order and without gaps; none for a transcript without segments.

    Args:
        transcript: the speech.
        picture_changes: the start times of scenes in seconds, in order.
        sections: the titles of slides, in order of time. Chapters begin with them and have their titles.
    """
    segments = transcript.segments
    candidates = list(_candidates(segments, picture_changes))
    first, titled = _titled(transcript, candidates, sections)
    chosen = _choose(transcript, candidates, titled) if segments else []
    starts = [0.0, *(candidate.start for candidate in chosen)] if segments else []
    ends = [*starts[1:], transcript.duration_sec]
    first_words = [0, *(candidate.index for candidate in chosen)]
    reasons: list[tuple[str, ...]] = [("start",), *(candidate.reasons for candidate in chosen)]
    if first is not None:
        reasons[0] = ("start", "slide")
    titles = [first, *(candidate.title for candidate in chosen)]
    return Chapters(
        session_id=transcript.session_id,
        job_id=transcript.job_id,
        duration_sec=transcript.duration_sec,
        chapters=tuple(
            ChapterPayload(
                start=starts[at],
                end=ends[at],
                title=titles[at] or title(segments[first_words[at] :], transcript.language),
                reasons=reasons[at],
            )
            for at in range(len(starts))
        ),
    )


def _candidates(segments: Sequence[TranscriptSegment], picture_changes: Sequence[float]) -> Iterator[_Candidate]:
    for index, novelty in enumerate(_novelties(segments), start=1):
        start, before = segments[index].start, segments[index - 1]
        pause = start - before.end
        score, reasons = min(1.5, pause / 2), []
        if pause >= LONG_PAUSE_SEC:
            reasons.append("pause")
        change = bisect_left(picture_changes, start - PICTURE_BEFORE_SEC)
        if change < len(picture_changes) and picture_changes[change] <= start + PICTURE_AFTER_SEC:
            score += 1.0
            reasons.append("picture")
        score += novelty
        if novelty >= 0.8:
            reasons.append("words")
        if pause < LONG_PAUSE_SEC and not before.text.endswith(SENTENCE_ENDS):
            score -= 1.0  # probably in the middle of a sentence
        yield _Candidate(index, start, score, tuple(reasons))


def _titled(
    transcript: Transcript, candidates: Sequence[_Candidate], sections: Sequence[Section]
) -> tuple[str | None, list[_Candidate]]:
    """Return the title of the slide at the beginning, and the candidates that begin with a slide.

    Of more sections than a recording of this length should have chapters, those are kept that last longest and begin
    with a pause or with new words.
    """
    if not transcript.segments or not sections:
        return None, []
    duration_sec = transcript.duration_sec
    starts = [segment.start for segment in transcript.segments]
    first = sections[0].title if sections[0].start_sec <= max(AT_START_SEC, starts[0]) else None
    wanted = max(FEWEST_OF_SLIDES, round(duration_sec / 3600 * SLIDES_AN_HOUR))
    shortest = min(SHORTEST_SEC, duration_sec / (2 * wanted))
    rest = sections[1:] if first is not None else sections
    ends = [*(section.start_sec for section in rest), duration_sec][1:]
    by_index = {candidate.index: candidate for candidate in candidates}
    titled = []
    for section, end in zip(rest, ends, strict=True):
        index = min(bisect_left(starts, section.start_sec - 1.0), len(starts) - 1)
        spoken = by_index.get(index)
        near = spoken is not None and abs(spoken.start - section.start_sec) <= PICTURE_BEFORE_SEC
        score = min(1.0, (end - section.start_sec) / SECTION_SEC) + (spoken.score if spoken and near else 0.0)
        reasons = [reason for reason in (spoken.reasons if spoken and near else ()) if reason != "picture"]
        titled.append(_Candidate(index, section.start_sec, score, ("slide", *reasons), section.title))
    if len(titled) + 1 > wanted:  # the best of each of so many equal spans of time
        spans = range(1, wanted) if first is not None else range(wanted)
        of_span = {span: [each for each in titled if int(each.start * wanted / duration_sec) == span] for span in spans}
        titled = [max(each, key=_by_score) for each in of_span.values() if each]
    chosen: list[_Candidate] = []
    for candidate in sorted(titled, key=lambda each: (-each.score, each.start)):
        edges = [0.0, duration_sec, *(each.start for each in chosen)]
        if all(abs(candidate.start - edge) >= shortest for edge in edges):
            chosen.append(candidate)
    return first, chosen


def _is_term(word: str) -> bool:
    return len(word) >= MIN_TERM_CHARS


def _novelties(segments: Sequence[TranscriptSegment]) -> Iterator[float]:
    """Yield for each segment but the first how new the words of the two minutes from it on are, from 0 to 1.

    Novelty is 1 minus the cosine similarity with the words of the two minutes before. Both windows slide, so the time
    taken is linear in the recording's length.
    """
    terms = [Counter(filter(_is_term, (bare(word.word) for word in segment.words))) for segment in segments]
    before, after = Counter[str](), Counter[str]()
    first = end = 0
    for index, segment in enumerate(segments):
        while end < len(segments) and segments[end].start < segment.start + CONTEXT_SEC:
            after.update(terms[end])
            end += 1
        if index == 0:
            continue
        _drop(after, terms[index - 1])
        before.update(terms[index - 1])
        while segments[first].start < segment.start - CONTEXT_SEC:
            _drop(before, terms[first])
            first += 1
        norm = math.sqrt(sum(count**2 for count in before.values()) * sum(count**2 for count in after.values()))
        yield 1.0 - sum(count * after[term] for term, count in before.items()) / norm if norm else 0.0


def _drop(counter: Counter[str], terms: Counter[str]) -> None:
    for term, count in terms.items():
        counter[term] -= count
        if counter[term] <= 0:
            del counter[term]


def _choose(
    transcript: Transcript, candidates: Sequence[_Candidate], titled: Sequence[_Candidate] = ()
) -> list[_Candidate]:
    """Return the candidates with the highest scores that keep every chapter at least `SHORTEST_SEC` long.

    Where candidates are `titled` by slides, those are taken instead. A chapter longer than `LONGEST_SEC` is cut at its
    best candidate, even below the threshold.
    """
    wanted = min(MAX_CHAPTERS, round(transcript.duration_sec / WANTED_SEC) * 2)
    chosen = list(titled)
    for candidate in sorted(candidates, key=lambda each: (-each.score, each.start)):
        if titled or len(chosen) + 1 >= wanted or candidate.score < THRESHOLD:
            break
        if _fits(candidate, chosen, transcript.duration_sec):
            chosen.append(candidate)
    while (longer := _too_long(chosen, transcript.duration_sec)) is not None and len(chosen) + 1 < MAX_CHAPTERS:
        start, end = longer
        inside = [each for each in candidates if start < each.start < end]
        best = max(
            (each for each in inside if _fits(each, chosen, transcript.duration_sec)), key=_by_score, default=None
        )
        if best is None:
            break
        chosen.append(best)
    return sorted(chosen, key=lambda each: each.start)


def _by_score(candidate: _Candidate) -> float:
    return candidate.score


def _fits(candidate: _Candidate, chosen: Sequence[_Candidate], duration_sec: float) -> bool:
    edges = [0.0, duration_sec, *(each.start for each in chosen)]
    return all(abs(candidate.start - edge) >= SHORTEST_SEC for edge in edges)


def _too_long(chosen: Sequence[_Candidate], duration_sec: float) -> tuple[float, float] | None:
    edges = sorted([0.0, duration_sec, *(each.start for each in chosen)])
    longest = max(pairwise(edges), key=lambda pair: pair[1] - pair[0])
    return longest if longest[1] - longest[0] > LONGEST_SEC else None


def title(segments: Sequence[TranscriptSegment], language: str) -> str:
    """Return the first words of the segments, up to the end of a sentence, or of a clause or segment of four words."""
    space = "" if language in UNSPACED else " "
    words: list[str] = []
    whole = False
    for word, ends in _with_ends(segments):
        if len(space.join([*words, word])) > TITLE_CHARS:
            break
        words.append(word)
        whole = word.endswith(SENTENCE_ENDS) or (len(words) >= FEW_WORDS and (ends or word.endswith(CLAUSE_ENDS)))
        if whole:
            break
    else:
        whole = True
    while not whole and len(words) > 1 and bare(words[-1]) in NO_LAST_WORDS:
        words.pop()
    text = space.join(words).rstrip("".join((*SENTENCE_ENDS, *CLAUSE_ENDS)).replace("?", ""))
    if not text and segments:  # one endless word
        text, whole = segments[0].text[:TITLE_CHARS], False
    return (text[:1].upper() + text[1:] + ("" if whole else "…")) or "…"


def _with_ends(segments: Sequence[TranscriptSegment]) -> Iterator[tuple[str, bool]]:
    """Yield each word of the first segments with whether a segment ends with it."""
    for segment in segments[:FEW_WORDS]:
        for number, word in enumerate(segment.words, start=1):
            yield word.word, number == len(segment.words)


def to_webvtt_chapters(chapters: Chapters) -> str:
    """Return the chapters as a WebVTT file for `<track kind="chapters">`."""
    cues = (
        f"{number}\n{webvtt_timestamp(chapter.start)} --> {webvtt_timestamp(chapter.end)}\n{_escaped(chapter.title)}\n"
        for number, chapter in enumerate(chapters.chapters, start=1)
    )
    return "\n".join(["WEBVTT\n", *cues])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
