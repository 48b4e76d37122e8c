"""Hold what the examples share: addresses, times, and the ids in paths."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pydantic import BaseModel

from shared.api.http.links import Links
from shared.api.openapi.problem_examples import DELIVERY_ID, JOB_ID, SCHEDULE_ID, SESSION_ID

JSON = "application/json"
PATH_VALUES = {
    "jobId": JOB_ID,
    "sessionId": SESSION_ID,
    "scheduleId": SCHEDULE_ID,
    "vocabulary": "algebra",
    "queue": "transcriptions",
    "letterId": DELIVERY_ID,
    "taskId": f"redelivery-{DELIVERY_ID}",
    "name": "scene-0001.jpg",
}
"""The ids in the paths of the examples."""

BASE = "http://localhost:7071/api"
STORAGE = f"http://127.0.0.1:10000/devstoreaccount1/sources/local/{SESSION_ID}/talk.mp4"
LINKS = Links(BASE)
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DONE_AT = AT + timedelta(minutes=4)
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CALLBACK = "https://example.com/hooks/rostrum"
NEXT = f"{BASE}/{{}}?limit=1&cursor=MTpsaXN0OmtleQ"

Examples: TypeAlias = Mapping[str, BaseModel | Mapping[str, str]]
"""By operation: what it answers with, or the answers by media type."""
