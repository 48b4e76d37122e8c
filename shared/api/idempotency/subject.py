"""Find the subject of a request, so that the answer kept for it is deleted together with the subject."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

_NAMES = ("sessionId", "jobId", "uploadId")


def subject_of(path: Mapping[str, Any], body: bytes, answer: bytes) -> str | None:
    """Return the session, else the job, else the upload, that the path's parameters, the body or the answer name."""
    said = [path, *_objects(body), *_objects(answer)]
    named = (fields.get(name) for name in _NAMES for fields in said)
    return next((str(each) for each in named if isinstance(each, str)), None)


def _objects(text: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON object, and the job in it, as schedules have one; nothing for other content."""
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict):
            yield found
            if isinstance(found.get("job"), dict):
                yield found["job"]
