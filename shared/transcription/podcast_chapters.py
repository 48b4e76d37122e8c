"""Write chapters as podcast players read them: the JSON chapters of Podcasting 2.0.

Apart from `chapters`, which finds them.
https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/examples/chapters/jsonChapters.md
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.transcription.payload import Chapters


class PodcastChapter(BaseModel):
    """A chapter, times in seconds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    start_time: Annotated[float, Field(ge=0.0)]
    end_time: Annotated[float, Field(ge=0.0)]
    title: str


class PodcastChapters(BaseModel):
    """`podcast-chapters.json`, of type `application/json+chapters`."""

    model_config = ConfigDict(frozen=True)

    version: Literal["1.2.0"] = "1.2.0"
    title: str
    chapters: tuple[PodcastChapter, ...]


def to_podcast_chapters(chapters: Chapters, title: str) -> PodcastChapters:
    """Return the chapters of a recording with this title."""
    return PodcastChapters(
        title=title,
        chapters=tuple(
            PodcastChapter(start_time=each.start, end_time=each.end, title=each.title) for each in chapters.chapters
        ),
    )
