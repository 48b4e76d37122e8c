"""Give every word of a transcript an id.

Apart from `apply`, because transcripts of earlier releases have none: theirs follow from the order of the words, so
that each reader finds the same.
"""

from itertools import count

from shared.transcription.payload import Transcript


def with_word_ids(transcript: Transcript) -> Transcript:
    """Return the transcript with an id for each word; a transcript that has them is returned as it is."""
    if all(word.id is not None for segment in transcript.segments for word in segment.words):
        return transcript
    numbers = count()
    segments = tuple(
        segment.model_copy(
            update={"words": tuple(word.model_copy(update={"id": f"w{next(numbers)}"}) for word in segment.words)}
        )
        for segment in transcript.segments
    )
    return transcript.model_copy(update={"segments": segments})


def next_segment_id(transcript: Transcript) -> int:
    """Return the first id above those of the transcript's segments."""
    return max((segment.id for segment in transcript.segments), default=-1) + 1
