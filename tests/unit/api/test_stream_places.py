"""How many event streams one organisation may hold open."""

import time
from contextlib import ExitStack
from datetime import timedelta

import httpx
import pytest

from shared.api.events.stream_places import StreamPlaces
from shared.domain.errors import TooManyStreams
from tests.support.served_api import serve

A_WHILE = timedelta(seconds=20)


def test_streams_hold_places_until_their_clients_go_away() -> None:
    with (
        serve(max_event_streams_per_org=2) as api,
        httpx.Client(base_url=api.url, timeout=A_WHILE.total_seconds()) as client,
    ):
        job = client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4", "delaySeconds": 3600}).json()
        path = f"/jobs/{job['jobId']}/events"
        with ExitStack() as held:
            streams = [held.enter_context(client.stream("GET", path)) for _ in range(2)]
            assert [each.status_code for each in streams] == [200, 200]
            refused = client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
            assert refused.headers["Retry-After"] == "10"
            assert refused.json()["detail"].startswith("2 event streams are open already")
            assert client.get(f"/jobs/{job['jobId']}").status_code == 200
        freed_by = time.monotonic() + A_WHILE.total_seconds()
        while _status(client, path) == 429:
            assert time.monotonic() < freed_by
            time.sleep(0.1)
        client.delete(f"/jobs/{job['jobId']}")
        for _ in range(3):  # answers without a stream hold no place
            assert client.get(path, headers={"Last-Event-ID": "99"}).status_code == 200
            assert client.get("/jobs/missing/events").status_code == 404


def test_places_are_counted_for_each_organisation() -> None:
    places = StreamPlaces(1)
    with places.hold("acme"), places.hold("globex"), pytest.raises(TooManyStreams), places.hold("acme"):
        pass
    with places.hold("acme"):
        pass


def test_no_limit() -> None:
    places = StreamPlaces(0)
    with ExitStack() as held:
        for _ in range(1000):
            held.enter_context(places.hold("acme"))


def _status(client: httpx.Client, path: str) -> int:
    with client.stream("GET", path) as answer:
        return answer.status_code
