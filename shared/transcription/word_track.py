"""Write the words of a transcript as a WebVTT track of kind `metadata`, for pages that show the word being said.

Apart from `captions`, whose cues are for reading: here each cue is a segment, and its text is JSON.
https://www.w3.org/TR/webvtt1/#introduction-metadata
"""

import json

from shared.domain.timestamps import webvtt_timestamp
from shared.transcription.payload import Transcript


def to_word_track(transcript: Transcript) -> str:
    """Return a cue for each segment: its id, and its words with their times and confidences."""
    cues = []
    for segment in transcript.segments:
        words = [word.model_dump(by_alias=True, mode="json") for word in segment.words]
        content: dict[str, object] = {"id": segment.id, "words": words}
        if segment.speaker is not None:
            content["speaker"] = segment.speaker
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        text = text.replace(">", "\\u003e")  # an arrow would begin a cue
        times = f"{webvtt_timestamp(segment.start)} --> {webvtt_timestamp(segment.end)}"
        cues.append(f"{segment.id}\n{times}\n{text}\n")
    return "\n".join(["WEBVTT\n", *cues])
