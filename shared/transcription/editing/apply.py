"""Apply an editor's operations to a transcript.

Pure: the same transcript and operations give the same result. Words that are not named keep their ids and times, and
segments stay in order, apart from each other and inside the recording.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import fmean

from shared.transcription.cues import UNSPACED
from shared.transcription.editing.align import align, groups
from shared.transcription.editing.operations import (
    MAX_WORDS,
    Delete,
    Insert,
    Merge,
    Operation,
    Replace,
    SetSpeaker,
    Split,
)
from shared.transcription.editing.times import divided, in_pause
from shared.transcription.payload import Transcript, TranscriptSegment, TranscriptWord

BY_HAND = 1.0
"""The confidence of a word that a person wrote or confirmed."""


class OperationRefused(ValueError):
    """An operation does not fit the transcript."""

    def __init__(self, number: int, field: str, detail: str) -> None:
        super().__init__(detail)
        self.number, self.field, self.detail = number, field, detail


@dataclass(frozen=True, slots=True)
class Edited:
    """What operations made of a transcript."""

    transcript: Transcript
    next_segment_id: int
    """The first id that no segment of any version has had."""


def apply_operations(
    transcript: Transcript, operations: Iterable[Operation], *, version: int, next_segment_id: int
) -> Edited:
    """Return the transcript after the operations, one after another.

    Args:
        transcript: Its words have ids.
        operations: What to do; each sees what those before it did.
        version: The number of the version that is made; ids of new words contain it.
        next_segment_id: The first id for new segments.

    Raises:
        OperationRefused: An operation names what is not there, or what it cannot be applied to.
    """
    text = _Text(transcript, version, next_segment_id)
    for number, operation in enumerate(operations):
        try:
            text.apply(operation)
        except _Refused as error:
            raise OperationRefused(number, error.field, error.detail) from error
    return text.result()


class _Refused(Exception):
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.detail = field, detail


@dataclass(slots=True, eq=False)
class _Line:
    """A segment that is being edited; `made` is None once something in it has changed."""

    id: int
    words: list[TranscriptWord]
    speaker: str | None
    language: str | None
    made: TranscriptSegment | None

    @property
    def start(self) -> float:
        return self.words[0].start if self.made is None else self.made.start

    @property
    def end(self) -> float:
        return self.words[-1].end if self.made is None else self.made.end


class _Text:
    """A transcript that is being edited."""

    def __init__(self, transcript: Transcript, version: int, next_segment_id: int) -> None:
        self._transcript = transcript
        self._version = version
        self._next_segment_id = next_segment_id
        self._new_words = 0
        self._lines = [
            _Line(each.id, list(each.words), each.speaker, each.language, each) for each in transcript.segments
        ]
        self._by_id = {line.id: line for line in self._lines}
        self._start_of = {word.id: word.start for line in self._lines for word in line.words}
        """Words are found by their time, which is in order: a split or a merge of lines changes no index of words."""

    def apply(self, operation: Operation) -> None:
        match operation:
            case Replace():
                self._replace(operation)
            case Insert():
                self._insert(operation)
            case Delete():
                self._delete(operation)
            case Split():
                self._split(operation)
            case Merge():
                self._merge(operation)
            case SetSpeaker():
                for line in self._lines_with(operation.segment_ids):
                    line.speaker = operation.speaker
                    if line.made is not None:
                        line.made = line.made.model_copy(update={"speaker": operation.speaker})

    def result(self) -> Edited:
        if len(self._start_of) > MAX_WORDS:
            raise OperationRefused(0, "text", f"A transcript may have at most {MAX_WORDS} words.")
        segments = tuple(self._segment(line) for line in self._lines)
        return Edited(self._transcript.model_copy(update={"segments": segments}), self._next_segment_id)

    def _replace(self, operation: Replace) -> None:
        line, at = self._place(operation.word_ids[0], "wordIds/0")
        found = line.words[at : at + len(operation.word_ids)]
        for number, (word_id, word) in enumerate(zip_longest(operation.word_ids, found)):
            if word is None or word.id != word_id:
                self._place(word_id, f"wordIds/{number}")
                raise _Refused(f"wordIds/{number}", "The words must follow each other in one segment.")
        self._put(line, at, found, self._respelled(found, operation.text.split()))

    def _respelled(self, words: Sequence[TranscriptWord], texts: Sequence[str]) -> list[TranscriptWord]:
        """Return words with these texts in the time of the words; ids and times stay wherever words stand for words."""
        if len(words) == len(texts):
            return [_spelled(word, text) for word, text in zip(words, texts, strict=True)]
        made: list[TranscriptWord] = []
        for block in align([word.word for word in words], texts):
            old, new = words[block.first : block.end], texts[block.begin : block.stop]
            if block.is_same or (old and new):
                for some, written in groups(len(old), len(new)):
                    made.extend(self._in_place_of([old[at] for at in some], [new[at] for at in written]))
            elif new:  # no old word stands for these
                before = made[-1].end if made else words[0].start
                until = words[block.first].start if block.first < len(words) else words[-1].end
                made.extend(self._new(new, in_pause(new, before, max(before, until), late=not made)))
        return made

    def _in_place_of(self, words: Sequence[TranscriptWord], texts: Sequence[str]) -> list[TranscriptWord]:
        spans = divided(texts, words[0].start, words[-1].end)
        first = words[0].model_copy(
            update={"word": texts[0], "start": spans[0][0], "end": spans[0][1], "confidence": BY_HAND}
        )
        return [first, *self._new(texts[1:], spans[1:])]

    def _insert(self, operation: Insert) -> None:
        texts = operation.text.split()
        if operation.start is not None and operation.end is not None:
            self._insert_line(texts, round(operation.start, 3), round(operation.end, 3), operation.speaker)
            return
        line, at = self._place(operation.after or operation.before or "", "after" if operation.after else "before")
        at += operation.after is not None
        start, end = self._pause_before(line, at)
        self._put(line, at, (), self._new(texts, in_pause(texts, start, end, late=at == 0)))

    def _pause_before(self, line: _Line, at: int) -> tuple[float, float]:
        """Return the pause before place `at` of the line: it may reach from the line before or to the one behind."""
        order = self._lines.index(line)
        before = self._lines[order - 1].end if order else 0.0
        behind = self._lines[order + 1].start if order + 1 < len(self._lines) else self._transcript.duration_sec
        start = line.words[at - 1].end if at else before
        return start, line.words[at].start if at < len(line.words) else behind

    def _insert_line(self, texts: Sequence[str], start: float, end: float, speaker: str | None) -> None:
        if end > self._transcript.duration_sec:
            raise _Refused("end", f"The recording ends at {self._transcript.duration_sec} s.")
        if end <= start:
            raise _Refused("end", "A new segment lasts at least a millisecond.")
        order = next((at for at, line in enumerate(self._lines) if line.end > start), len(self._lines))
        if order < len(self._lines) and self._lines[order].start < end:
            raise _Refused("start", f"Segment {self._lines[order].id} is in this time.")
        words = self._new(texts, divided(texts, start, end))
        language = self._transcript.language if order == 0 else self._lines[order - 1].language
        self._add_line(order, words, speaker, language)
        self._start_of.update((word.id, word.start) for word in words)

    def _delete(self, operation: Delete) -> None:
        if operation.segment_ids is not None:
            for line in self._lines_with(operation.segment_ids):
                self._put(line, 0, list(line.words), ())
        for number, word_id in enumerate(operation.word_ids or ()):
            line, at = self._place(word_id, f"wordIds/{number}")
            self._put(line, at, [line.words[at]], ())

    def _split(self, operation: Split) -> None:
        line, at = self._place(operation.word_id, "wordId")
        if at == 0:
            raise _Refused("wordId", "The segment begins with this word already.")
        words = line.words[at:]
        line.words, line.made = line.words[:at], None
        self._add_line(self._lines.index(line) + 1, words, line.speaker, line.language)

    def _merge(self, operation: Merge) -> None:
        lines = self._lines_with(operation.segment_ids)
        order = self._lines.index(lines[0])
        for number, line in enumerate(lines):
            if order + number >= len(self._lines) or self._lines[order + number] is not line:
                raise _Refused(f"segmentIds/{number}", "The segments must follow each other.")
            if not line.words:
                raise _Refused(f"segmentIds/{number}", "The segment has no timed words, so it cannot be merged.")
        first, *rest = lines
        for line in rest:
            first.words.extend(line.words)
            del self._by_id[line.id]
        del self._lines[order + 1 : order + len(lines)]
        first.made = None

    def _put(self, line: _Line, at: int, old: Sequence[TranscriptWord], new: Sequence[TranscriptWord]) -> None:
        """Put the new words in the place of the old ones, which begin at `at`; drop a line without words."""
        for word in old:
            del self._start_of[word.id]
        line.words[at : at + len(old)] = new
        line.made = None
        self._start_of.update((word.id, word.start) for word in new)
        if not line.words:
            self._lines.remove(line)
            del self._by_id[line.id]

    def _add_line(self, order: int, words: list[TranscriptWord], speaker: str | None, language: str | None) -> None:
        line = _Line(self._next_segment_id, words, speaker, language, None)
        self._next_segment_id += 1
        self._lines.insert(order, line)
        self._by_id[line.id] = line

    def _new(self, texts: Sequence[str], spans: Sequence[tuple[float, float]]) -> list[TranscriptWord]:
        made = []
        for text, (start, end) in zip(texts, spans, strict=True):
            word_id = f"v{self._version}.{self._new_words}"
            self._new_words += 1
            made.append(TranscriptWord(id=word_id, word=text, start=start, end=end, confidence=BY_HAND))
        return made

    def _place(self, word_id: str, field: str) -> tuple[_Line, int]:
        start = self._start_of.get(word_id)
        if start is None:
            raise _Refused(field, f"The transcript has no word {word_id}.")
        return next((line, at) for line, at in self._places_at(start) if line.words[at].id == word_id)

    def _places_at(self, start: float) -> Iterator[tuple[_Line, int]]:
        """Yield the places of the words that begin at this time: words without length begin with the next one."""
        for order in reversed(range(bisect_right(self._lines, start, key=lambda line: line.start))):
            line = self._lines[order]
            first = bisect_left(line.words, start, key=lambda word: word.start)
            for at in range(first, bisect_right(line.words, start, first, key=lambda word: word.start)):
                yield line, at

    def _lines_with(self, segment_ids: Sequence[int]) -> list[_Line]:
        found: list[_Line] = []
        named: set[int] = set()
        for number, segment_id in enumerate(segment_ids):
            line = self._by_id.get(segment_id)
            if line is None:
                raise _Refused(f"segmentIds/{number}", f"The transcript has no segment {segment_id}.")
            if segment_id in named:
                raise _Refused(f"segmentIds/{number}", f"Segment {segment_id} is named twice.")
            found.append(line)
            named.add(segment_id)
        return found

    def _segment(self, line: _Line) -> TranscriptSegment:
        if line.made is not None:
            return line.made
        space = "" if (line.language or self._transcript.language) in UNSPACED else " "
        return TranscriptSegment(
            id=line.id,
            start=line.start,
            end=line.end,
            text=space.join(word.word for word in line.words),
            confidence=round(fmean(word.confidence for word in line.words), 3),
            words=tuple(line.words),
            language=line.language,
            speaker=line.speaker,
        )


def _spelled(word: TranscriptWord, text: str) -> TranscriptWord:
    return word.model_copy(update={"word": text, "confidence": BY_HAND})
