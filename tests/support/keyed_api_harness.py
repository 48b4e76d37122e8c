"""An API that is asked with idempotency keys, whose clock stands until it is moved, and whose process can be killed."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from shared.api.app import create_app
from shared.api.limits import Limits
from shared.domain.idempotency import IdempotencyRecord
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.pipeline.context import Services
from tests.support.api_harness import settings_with
from tests.support.crashing_storage import CrashingStorage, CrashPoint
from tests.support.scripted_store import scripted
from tests.support.signing_keys import SECRET, signed

TALK = {"sourceUrl": "https://example.com/talk.mp4", "sessionName": "A talk"}
BOUNDARY = "xYzZY"


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


class KeyedApiHarness:
    """The API over storage that outlives it."""

    def __init__(self, limits: Limits | None = None, **settings: Any) -> None:
        self.clock = Clock()
        self._numbers = iter(range(1_000_000, 0, -1))
        self.crash_point = CrashPoint(for_good=True)
        self.storage = CrashingStorage(self.clock, self.crash_point).storage
        self.services = Services(
            storage=scripted(self.storage, "sessions", "jobs", "step_runs", "queues", "idempotency"),
            settings=settings_with().model_copy(update=settings),
            clock=self.clock,
            new_id=lambda: f"id{next(self._numbers):07}",
            work={},
        )
        self.app = create_app(self.services, limits)

    @contextmanager
    def instead(self, store: str, **operations: Callable[..., object]) -> Iterator[None]:
        """Do these instead of the operations of their names in one store, until the end of the block."""
        scripted: Any = getattr(self.services.storage, store)
        scripted.script(**operations)
        try:
            yield
        finally:
            scripted.unscript(*operations)

    async def post(
        self, path: str = "/jobs", key: str | bytes | None = "key", *, token: str | None = None, **body: Any
    ) -> httpx.Response:
        """One request; the body is TALK unless httpx's `json`, `content` or `files` is given."""
        headers: list[tuple[str, str | bytes]] = [("Idempotency-Key", key)] if key is not None else []
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        headers += body.pop("headers", {}).items()
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.localhost") as client:
            return await client.post(path, headers=headers, **(body or {"json": TALK}))

    async def send(self, key: str = "key", **form: Any) -> httpx.Response:
        """A recording in a form; arguments as for `form_of`."""
        head = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self.post("/sessions/import", key, content=form_of(**form), headers=head)

    def jobs(self, org_id: str = "local") -> Sequence[Job]:
        return self.storage.jobs.page(org_id, limit=100).items

    def sessions(self) -> Sequence[str]:
        return [each.session_id for each in self.storage.sessions.page("local", limit=100).items]

    def messages(self) -> Sequence[StageMessage]:
        return [each for each in self.storage.queues.waiting() if isinstance(each, StageMessage)]

    def record(self, route: str = "/jobs", key: str = "key") -> IdempotencyRecord:
        return self.storage.idempotency.get("local", route, key).value


def form_of(
    data: bytes = b"a recording", name: str = "talk.mp4", metadata: Mapping[str, Any] | None = None, end: bool = True
) -> bytes:
    """A body with the file `video` and the JSON `metadata`; cut off before its end if asked for."""
    video = f'Content-Disposition: form-data; name="video"; filename="{name}"\r\nContent-Type: video/mp4\r\n\r\n'
    form = f"--{BOUNDARY}\r\n{video}".encode() + data
    if metadata is not None:
        head = 'Content-Disposition: form-data; name="metadata"\r\n\r\n'
        form = f"--{BOUNDARY}\r\n{head}{json.dumps(metadata)}\r\n".encode() + form
    return form + (f"\r\n--{BOUNDARY}--\r\n".encode() if end else b"")


def with_tokens() -> KeyedApiHarness:
    """A harness that asks for tokens."""
    return KeyedApiHarness(auth="jwt", jwt_secret=SecretStr(SECRET.decode()))


def token(org_id: str, *scopes: str) -> str:
    return signed(org_id=org_id, scopes=list(scopes or ("jobs:write",)))
