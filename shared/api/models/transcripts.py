"""The bodies and answers of the routes that edit a transcript."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonValue

from shared.api.models.fields import RequestModel, WholeNumber
from shared.api.models.views import View
from shared.domain.transcript_version import ReviewState, VersionKind
from shared.pipeline.jobs.edit_transcript import SavedVersion
from shared.transcription.editing.operations import MAX_OPERATIONS, Operation
from shared.transcription.payload import TranscriptSegment

EXAMPLE_OPERATIONS: list[JsonValue] = [
    {"op": "replace", "wordIds": ["w12", "w13"], "text": "Voronoi diagram"},
    {"op": "insert", "after": "w13", "text": "of"},
    {"op": "delete", "wordIds": ["w20"]},
    {"op": "split", "wordId": "w31"},
    {"op": "merge", "segmentIds": [4, 5]},
    {"op": "setSpeaker", "segmentIds": [4], "speaker": "Ada Lovelace"},
]


class TranscriptPatch(RequestModel):
    """What to do to the transcript, one operation after another: all of it is done, or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"operations": EXAMPLE_OPERATIONS}]})

    operations: list[Operation] = Field(min_length=1, max_length=MAX_OPERATIONS)


class ReviewRequest(RequestModel):
    """How far the transcript is corrected."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "reviewed"}]})

    state: Annotated[ReviewState, Field(strict=False)]


class RestoreRequest(RequestModel):
    """Which version is to be the newest again; 0 is the machine's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 0}]})

    version: WholeNumber = Field(ge=0, lt=10**9)


class TranscriptVersionView(View):
    """A version of a transcript. `changedWords` counts from the version before."""

    version: int
    created_at: datetime
    by: str | None
    state: ReviewState
    changed_words: int
    kind: VersionKind

    @classmethod
    def of(cls, saved: SavedVersion) -> "TranscriptVersionView":
        """Return the view of a version that was made."""
        return cls.model_validate(saved.version)


class EditedView(TranscriptVersionView):
    """A new version, with the segments that the operations changed, as they are now."""

    segments: list[TranscriptSegment]
    removed_segment_ids: list[int]
