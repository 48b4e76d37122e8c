"""Define what an editor may do to a transcript, by the ids of its words and segments.

Apart from `apply`, which does it: the models are what clients send, with bounds on every length.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.domain.text import is_visible, is_writable

MAX_OPERATIONS = 1000
MAX_IDS = 1000
"""Words or segments of one operation."""
MAX_TEXT_CHARS = 2000
MAX_SPEAKER_CHARS = 100
MAX_ID_CHARS = 40
MAX_WORDS = 200_000
"""Words of a transcript: a day of speech."""
MAX_SEGMENT_ID = 2**31


def _visible(text: str) -> str:
    words = text.split()
    if not words or not all(map(is_writable, text)) or not all(map(is_visible, words)):
        raise ValueError("The text must have visible characters, and no control characters")
    return text


def _whole(value: object) -> object:
    """Return a whole number as one, also when it is written as 3.0: JSON knows no other numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _spaced(text: str) -> str:
    return " ".join(_visible(text).split())


Text = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TEXT_CHARS, description="One or more words, with blanks between them."),
    AfterValidator(_visible),
]
Speaker = Annotated[str, Field(min_length=1, max_length=MAX_SPEAKER_CHARS), AfterValidator(_spaced)]
WordId = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]
SegmentId = Annotated[int, Field(ge=0, le=MAX_SEGMENT_ID), BeforeValidator(_whole)]
WordIds = Annotated[list[WordId], Field(min_length=1, max_length=MAX_IDS)]
SegmentIds = Annotated[list[SegmentId], Field(min_length=1, max_length=MAX_IDS)]
Time = Annotated[float, Field(ge=0.0, allow_inf_nan=False, strict=False)]


class _Operation(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)


class Replace(_Operation):
    """Put other words in the place of words that follow each other in one segment.

    With as many words as before, each keeps its id and times. The same text again confirms the words.
    """

    op: Literal["replace"]
    word_ids: WordIds
    text: Text


class Insert(_Operation):
    """Add words after or before a word, with times between its neighbours; or a segment where none is."""

    op: Literal["insert"]
    after: WordId | None = None
    before: WordId | None = None
    start: Time | None = Field(default=None, description="With `end`: when a new segment begins, in seconds.")
    end: Time | None = None
    speaker: Speaker | None = Field(default=None, description="Who says the new segment.")
    text: Text

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        beside = sum(each is not None for each in (self.after, self.before))
        timed = self.start is not None or self.end is not None
        if beside + timed != 1:
            raise ValueError("Give one place: after, before, or start with end")
        if timed and (self.start is None or self.end is None or self.end <= self.start):
            raise ValueError("A new segment needs a start and a later end")
        if self.speaker is not None and not timed:
            raise ValueError("Only a new segment takes a speaker")
        return self


class Delete(_Operation):
    """Remove words, or whole segments."""

    op: Literal["delete"]
    word_ids: WordIds | None = None
    segment_ids: SegmentIds | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.word_ids is None) == (self.segment_ids is None):
            raise ValueError("Give either wordIds or segmentIds")
        return self


class Split(_Operation):
    """Begin a new segment with a word; the words before it keep the segment's id."""

    op: Literal["split"]
    word_id: WordId


class Merge(_Operation):
    """Join segments that follow each other; the first one's id and speaker stay."""

    op: Literal["merge"]
    segment_ids: Annotated[list[SegmentId], Field(min_length=2, max_length=MAX_IDS)]


class SetSpeaker(_Operation):
    """Say who speaks in segments; null where it is not known."""

    op: Literal["setSpeaker"]
    segment_ids: SegmentIds
    speaker: Speaker | None


Operation = Annotated[Replace | Insert | Delete | Split | Merge | SetSpeaker, Field(discriminator="op")]
