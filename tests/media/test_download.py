"""Fetching a source into storage: when it rests and goes on in another invocation, and when it gives up."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import SourceTooSlow
from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.media.network.fetch import RemoteFile
from shared.pipeline.context import ContinueLater, Services, StepContext
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.stages import download
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES

BLOCK_BYTES = 4
BODY = b"0123456789"
URL = "https://example.com/talk.mp4"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> StepContext:
    """Return the context of a download that has begun in an invocation without time left."""
    monkeypatch.setattr(download, "BLOCK_BYTES", BLOCK_BYTES)
    ids = iter("abcdef")
    services = Services(
        storage=MemoryStorage(clock), settings=Settings(), clock=clock, new_id=lambda: next(ids), work={}
    )
    job = submit_url(services, JobRequest(org_id="o"), URL)
    return StepContext(
        services=services,
        message=StageMessage(
            job_id=job.job_id, org_id="o", session_id=job.session_id, stage=Stage.DOWNLOAD, step=StepKind.PART
        ),
        job=job,
        session=services.storage.sessions.get("o", job.session_id).value,
        report=lambda fraction: None,
        confirm=lambda: None,
        began_at=clock(),
        elapsed_sec=lambda: 300.0,
        send_next=lambda job: None,
        warn=lambda reasons: None,
    )


def serve(monkeypatch: pytest.MonkeyPatch, chunks: Iterator[bytes], accepts_ranges: bool = True) -> None:
    """A server that sends these chunks."""

    def open_source(
        url: str, policy: object, offset: int, validator: str | None, watch: Callable[[], None]
    ) -> AbstractContextManager[RemoteFile]:
        def watched() -> Iterator[bytes]:
            for chunk in chunks:
                watch()
                yield chunk

        return nullcontext(
            RemoteFile(
                size_bytes=len(BODY),
                offset=offset,
                validator="Sat, 01 Aug 2026 00:00:00 GMT",
                content_type="video/mp4",
                filename=None,
                accepts_ranges=accepts_ranges,
                chunks=watched(),
            )
        )

    monkeypatch.setattr(download, "open_source", open_source)


def test_a_download_that_can_go_on_rests_when_its_time_is_up(
    context: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, iter([BODY]))
    with pytest.raises(ContinueLater):
        download._fetch(context, URL)
    assert list(context.services.storage.blobs.staged_blocks(SOURCES, context.session.source_blob)) == [BLOCK_BYTES]


def test_a_download_that_could_not_go_on_is_finished_at_once(
    context: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, iter([BODY]), accepts_ranges=False)
    assert download._fetch(context, URL).size_bytes == len(BODY)


def test_a_server_that_sends_next_to_nothing_ends_at_the_limit_and_not_at_the_next_block(
    context: StepContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"0"
        clock.now += timedelta(seconds=context.services.settings.max_download_sec + 1)
        yield b"1"
        pytest.fail("the limit was not looked at")

    serve(monkeypatch, trickle())
    with pytest.raises(SourceTooSlow):
        download._fetch(context, URL)


def test_the_limit_begins_anew_when_the_step_does(
    context: StepContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now += timedelta(seconds=context.services.settings.max_download_sec + 1)
    serve(monkeypatch, iter([BODY]))
    in_time = replace(context, elapsed_sec=lambda: 0.0)
    with pytest.raises(SourceTooSlow):
        download._fetch(in_time, URL)
    serve(monkeypatch, iter([BODY]))
    assert download._fetch(replace(in_time, began_at=clock.now), URL).size_bytes == len(BODY)


def test_a_download_that_fills_no_block_within_an_invocation_is_given_up(
    context: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"0"
        pytest.fail("the invocation's limit was not looked at")

    serve(monkeypatch, trickle(), accepts_ranges=False)
    late = replace(context, elapsed_sec=lambda: context.services.settings.invocation_limit_sec + 1)
    with pytest.raises(SourceTooSlow, match="too slow"):
        download._fetch(late, URL)
