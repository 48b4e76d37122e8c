"""Whatever bytes arrive as messages, forms, headers and bodies: an answer or a named error, never a crash."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message as Event

from shared.api.app import create_app
from shared.api.http.body_pace import import_pace
from shared.api.http.multipart import read_parts
from shared.api.http.trace import begin_trace
from shared.domain.errors import InvalidRequest
from shared.domain.job import Job, new_job
from shared.domain.message import StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.domain.task import TaskMessage
from shared.settings import Settings
from shared.storage.columns import from_columns, to_columns
from tests.support.api_client import ApiClient
from tests.support.api_harness import make_services

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
STAGE = StageMessage(
    job_id="j", org_id="o", session_id="s", stage=Stage.TRACKING, step=StepKind.PART, traceparent="00-x"
)
TASK = TaskMessage(task_id="t", org_id="o", name="index_transcript")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([StageMessage, TaskMessage]), st.binary(max_size=200))
def test_messages_of_any_bytes(kind: type[StageMessage] | type[TaskMessage], body: bytes) -> None:
    with pytest.raises(ValidationError):
        kind.from_bytes(body)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([STAGE, TASK]), st.data())
def test_messages_of_which_a_field_is_something_else(message: StageMessage | TaskMessage, data: st.DataObject) -> None:
    fields = json.loads(message.to_text())
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(anything)
    try:
        read = type(message).from_bytes(json.dumps(fields).encode())
    except ValidationError:
        return
    assert type(message).from_bytes(read.to_text().encode()) == read


@pytest.fixture(scope="module")
def client() -> Iterator[ApiClient]:
    with ApiClient(create_app(make_services()), base_url="http://api.localhost", raise_server_exceptions=False) as made:
        yield made


async def parts_of(content_type: bytes, chunks: list[bytes]) -> list[Any]:
    left = list(chunks)

    async def receive() -> Event:
        return {"type": "http.request", "body": left.pop(0) if left else b"", "more_body": bool(left)}

    headers = [(b"content-type", content_type)]
    return [
        event
        async for event in read_parts(
            Request({"type": "http", "method": "POST", "headers": headers}, receive), import_pace(Settings())
        )
    ]


pieces = st.sampled_from(
    [
        *(b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b"\n", b"--", b"Content-Disposition:", b": ", b'filename="'),
        *(b'Content-Disposition: form-data; name="video"; filename="a"', b"filename*=utf-8''%ff"),
        *(b"\xff\xfe", b"\0", b"a" * 300, b"abc"),
    ]
)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([b"b", b"", b"\xff", b'"b"', b"b; charset=x", b"a" * 80]),
    st.lists(pieces | st.binary(max_size=20), max_size=20),
    st.integers(1, 7),
)
def test_forms_of_anything(boundary: bytes, body: list[bytes], at_once: int) -> None:
    chunks = [b"".join(body[start : start + at_once]) for start in range(0, len(body), at_once)]
    try:
        asyncio.run(parts_of(b"multipart/form-data; boundary=" + boundary, chunks))
    except HTTPException as error:
        assert error.status_code in (400, 415)  # noqa: PT017 (no error is as good)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=70) | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.?", fullmatch=True))
def test_traces_of_anything(given_header: bytes) -> None:
    trace = begin_trace({"type": "http", "headers": [(b"traceparent", given_header)]})
    version, trace_id, parent, flags = trace.traceparent.split("-")
    assert trace_id == trace.trace_id
    assert [len(each) for each in (version, trace_id, parent, flags)] == [2, 32, 16, 2]
    assert set(trace_id) <= set("0123456789abcdef") != {"0"}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=10), anything, max_size=5))
def test_options_of_anything_are_kept_as_they_are(options: dict[str, Any]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    job = new_job(
        job_id="j",
        session_id="s",
        org_id="o",
        now=now,
        options=JobOptions.from_json(options),
        callback_url=None,
        traceparent=None,
    )
    try:
        columns = to_columns(job)
    except InvalidRequest:
        return  # a number that JSON does not know
    assert from_columns(Job, columns) == job


@quick
@given(
    st.sampled_from(["/jobs", "/ingest/init", "/ingest/commit", "/ingest/probe", "/schedules"]),
    st.binary(max_size=100) | anything.map(lambda value: json.dumps(value).encode()),
)
def test_bodies_of_anything(client: ApiClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"]
