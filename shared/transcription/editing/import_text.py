"""Turn a corrected text into operations on the words that are known.

Apart from `apply`, which applies them: an import is an edit like any other. The bounds of a client's operations do not
hold for these, so they are constructed without validation.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from shared.transcription.editing.align import align, groups
from shared.transcription.editing.operations import Delete, Insert, Operation, Replace, SetSpeaker
from shared.transcription.editing.subtitles import WrittenWord
from shared.transcription.payload import Transcript

LEAST_SHARED = 0.3
"""Share of the known words that a corrected text must have; another recording's text has fewer."""


class TextDoesNotFit(ValueError):
    """The text is not one of this recording."""


def import_operations(transcript: Transcript, written: Sequence[WrittenWord]) -> list[Operation]:
    """Return what makes the transcript's text the written one; raise TextDoesNotFit.

    Args:
        transcript: Its words have ids.
        written: The words of the corrected text.
    """
    known = [(segment.id, word) for segment in transcript.segments for word in segment.words]
    blocks = align([word.word for _, word in known], [word.text for word in written])
    shared = sum(block.end - block.first for block in blocks if block.is_same)
    if not known or shared < LEAST_SHARED * min(len(known), len(written)) or not written:
        raise TextDoesNotFit(f"Only {shared} of {len(known)} words are the same.")
    operations: list[Operation] = []
    voices: dict[int, Counter[str]] = {}
    for block in blocks:
        old = known[block.first : block.end]
        new = written[block.begin : block.stop]
        if not old:
            after = known[block.first - 1][1].id if block.first else None
            before = None if block.first else known[0][1].id
            text = " ".join(word.text for word in new)
            operations.append(Insert.model_construct(op="insert", after=after, before=before, text=text))
            continue
        if not new:
            operations.append(Delete.model_construct(op="delete", word_ids=[str(word.id) for _, word in old]))
            continue
        for some, texts in groups(len(old), len(new)):
            said = [new[at] for at in texts]
            if said[0].speaker is not None:
                voices.setdefault(old[some[0]][0], Counter())[said[0].speaker] += len(some)
            pairs = [(old[at][0], str(old[at][1].id), old[at][1].word) for at in some]
            if [text for *_, text in pairs] != [word.text for word in said]:
                operations.extend(_respelling(pairs, [word.text for word in said]))
    return [*operations, *_speakers(transcript, voices, operations)]


def _respelling(words: Sequence[tuple[int, str, str]], texts: Sequence[str]) -> Iterator[Operation]:
    """Yield what puts the texts in the place of the words; words in later segments are removed."""
    for number, (_, some) in enumerate(groupby(words, lambda word: word[0])):
        ids = [word_id for _, word_id, _ in some]
        if number == 0:
            yield Replace.model_construct(op="replace", word_ids=ids, text=" ".join(texts))
        else:
            yield Delete.model_construct(op="delete", word_ids=ids)


def _speakers(
    transcript: Transcript, voices: dict[int, Counter[str]], operations: Sequence[Operation]
) -> Iterator[Operation]:
    """Yield who speaks in the segments that are left; a segment has the speaker of most of its words."""
    gone = {word_id for each in operations if isinstance(each, Delete) for word_id in each.word_ids or ()}
    for segment in transcript.segments:
        if segment.id not in voices or all(word.id in gone for word in segment.words):
            continue
        speaker = voices[segment.id].most_common(1)[0][0]
        if speaker != segment.speaker:
            yield SetSpeaker.model_construct(op="setSpeaker", segment_ids=[segment.id], speaker=speaker)
