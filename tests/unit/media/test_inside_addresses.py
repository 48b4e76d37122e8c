"""No spelling of an inside address is ever connected to: not by a download, a probe or a webhook, nor by a redirect.

A server on loopback counts who comes; and every connection that is asked of the system at all is written down.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpcore
import pytest

from shared.api.app import create_app
from shared.domain.errors import AddressRefused, RostrumError
from shared.domain.webhook import Outcome
from shared.media.network.fetch import FetchPolicy, open_source
from shared.media.network.guarded_network import Resolve, resolve
from shared.media.probe.quick_probe import ProbeBudget, quick_probe_url
from shared.pipeline.webhooks.post import PostPolicy, post
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services

PUBLIC = "93.184.215.14"
POLICY = FetchPolicy(max_bytes=1000, max_seconds=20.0)

NUMERIC = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "00000177.0.0.01",
    "017700000001",
    "127.0.0.1.",
    "0177.1",
    "0",
    "0.0.0.0",
    "0x0",
    "10.0.0.1",
    "10.1",
    "167772161",
    "192.168.1.1",
    "0xc0a80101",
    "172.16.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "255.255.255.255",
    "224.0.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:127.0.0.1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "[::1%25lo]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
]
NAMED = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "a.localhost",
    "localtest.me",
    "127.0.0.1.nip.io",
    "metadata.google.internal",
    "metadata.google.internal.",
    "metadata",
    "instance-data",
    "kubernetes.default.svc",
    "host.docker.internal",
    "wireserver",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "\u2460\u2461\u2466.0.0.1",
    "127\u30020\u30020\u30021",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "loc\u00adalhost",
    "xn--localhost-",
    "127.0.0.1%00.example.com",
    "127.0.0.1\u0000.example.com",
    "%31%32%37.0.0.1",
]
WHOLE = [
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@example.com/",
    "http://user:password@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://example.com#@127.0.0.1:{port}/",
    "http://example.com?@127.0.0.1:{port}/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: example.com",
    "http://example.com\r\n@127.0.0.1:{port}/",
    "http://example.com%0d%0a@127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://[::1:{port}/",
    "http://]127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "ftp://127.0.0.1:{port}/a",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/",
    "ldap://127.0.0.1:{port}/",
    "data:video/mp4;base64,AAAA",
    "jar:http://127.0.0.1:{port}/!/a",
    "rtsp://127.0.0.1:{port}/a",
    "tcp://127.0.0.1:{port}",
    "unix:/run/docker.sock",
    "concat:http://127.0.0.1:{port}/",
]


class Inside:
    """A service that clients outside must not reach; `visits` counts connections."""

    def __init__(self) -> None:
        self.visits = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        if socket.has_ipv6:
            with suppress(OSError):  # a machine without IPv6
                self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listener in self._sockets:
            threading.Thread(target=self._count, args=(listener,), daemon=True).start()

    def _count(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()

    def close(self) -> None:
        for listener in self._sockets:
            listener.close()


@pytest.fixture
def inside() -> Iterator[Inside]:
    server = Inside()
    yield server
    server.close()


@pytest.fixture
def harness() -> Iterator[ApiHarness]:
    services = make_services()
    with ApiClient(create_app(services), base_url="http://api.localhost") as client:
        yield ApiHarness(services, client)


class Network(httpcore.SyncBackend):
    """The real network, but that everything asked of it is written down, and the public address answers as told."""

    asked: list[str]
    answer: Callable[[], bytes]

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        self.asked.append(host)
        if host == PUBLIC:
            return httpcore.MockStream([self.answer()])
        return super().connect_tcp(host, port, *args, **options)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> type[Network]:
    kind = type("Bound", (Network,), {"asked": [], "answer": staticmethod(lambda: b"")})
    monkeypatch.setattr(httpcore, "SyncBackend", kind)
    return kind


def worst_resolver(host: str, port: int) -> Sequence[str]:
    """Numbers mean what they mean to the system; every other name leads inside."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]
    except OSError:
        return ["127.0.0.1"]


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system, once for each name: a name server that is asked again at once may let a client wait for 5 s."""
    answer = _answer_of_system(host)
    if isinstance(answer, Exception):
        raise answer
    return answer


@cache
def _answer_of_system(host: str) -> Sequence[str] | OSError | UnicodeError:
    try:
        return resolve(host, 80)
    except (OSError, UnicodeError) as error:
        return error


def download(url: str, resolver: Resolve) -> str:
    """Return the code of the job's error, or what was opened."""
    try:
        with open_source(url, POLICY, resolve=resolver) as file:
            return f"opened: {b''.join(file.chunks)!r}"
    except RostrumError as error:
        return error.code


def look(url: str, resolver: Resolve) -> str:
    """Return the code of the probe's error, or what was opened."""
    try:
        return f"opened: {quick_probe_url(url, POLICY, ProbeBudget(10_000, 20.0), resolver)}"
    except RostrumError as error:
        return error.code


def call_back(url: str, resolver: Resolve) -> str:
    """Return the outcome of a delivery."""
    outcome: Outcome = post(url, {}, b"{}", PostPolicy(), datetime(2026, 1, 1, tzinfo=UTC), resolver)
    return "opened" if outcome.status_code is not None else "refused" if outcome.is_hopeless else str(outcome.error)


ROADS = [download, look, call_back]
SPELLINGS = [f"http://{host}:{{port}}/" for host in (*NUMERIC, *NAMED)] + WHOLE


def test_there_are_enough_spellings() -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60


@pytest.mark.parametrize(
    "resolver", [worst_resolver, system_resolver], ids=["every name leads inside", "the real resolver"]
)
@pytest.mark.parametrize("road", ROADS)
def test_no_spelling_reaches_inside(
    road: Callable[[str, Resolve], str], resolver: Resolve, inside: Inside, network: type[Network]
) -> None:
    answers = {}
    for spelling in SPELLINGS:
        url = spelling.replace("{port}", str(inside.port))
        answers[spelling] = road(url, resolver)
    assert (inside.visits, network.asked) == (0, [])
    assert not {spelling: said for spelling, said in answers.items() if said.startswith("opened")}


def test_numbers_are_refused_for_what_they_are_before_anything_is_accepted(harness: ApiHarness) -> None:
    for host in NUMERIC:
        body = {"sourceUrl": "https://example.com/a.mp4", "callbackUrl": f"http://{host}/"}
        answer = harness.client.post("/jobs", json=body)
        assert answer.status_code == 422, (host, answer.text)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("road", [download, look])
def test_redirects_lead_nowhere_inside(
    road: Callable[[str, Resolve], str], status: int, inside: Inside, network: type[Network]
) -> None:
    def resolver(host: str, port: int) -> Sequence[str]:
        return [PUBLIC] if host == "example.com" else worst_resolver(host, port)

    for spelling in SPELLINGS:
        target = spelling.replace("{port}", str(inside.port))
        if not all(" " <= character <= "~" for character in target):
            continue  # no header can say that
        head = f"HTTP/1.1 {status} There\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        network.answer = staticmethod(lambda head=head: head.encode())
        assert not road("http://example.com/talk.mp4", resolver).startswith("opened")
    assert inside.visits == 0
    assert set(network.asked) == {PUBLIC}


@pytest.mark.parametrize("road", ROADS)
def test_a_name_that_changes_its_address_is_looked_at_each_time(
    road: Callable[[str, Resolve], str], inside: Inside, network: type[Network]
) -> None:
    asked = 0

    def rebinding(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        return [PUBLIC] if asked % 2 else ["127.0.0.1"]

    network.answer = staticmethod(lambda: b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")
    for _ in range(10):
        road(f"http://rebind.example:{inside.port}/", rebinding)
    assert inside.visits == 0
    assert (asked, set(network.asked)) == (10, {PUBLIC})  # one answer of the resolver for each connection, and no other


def test_one_inside_address_among_public_ones_is_enough(inside: Inside, network: type[Network]) -> None:
    with (
        pytest.raises(AddressRefused),
        open_source(f"http://mixed.example:{inside.port}/", POLICY, resolve=lambda host, port: [PUBLIC, "127.0.0.1"]),
    ):
        pass
    assert (inside.visits, network.asked) == (0, [])


def test_through_the_api(harness: ApiHarness, inside: Inside, network: type[Network]) -> None:
    for spelling in SPELLINGS:
        url = spelling.replace("{port}", str(inside.port))
        answer = harness.client.post("/ingest/probe", json={"sourceUrl": url})
        assert 400 <= answer.status_code < 500, (spelling, answer.text)
        accepted = harness.client.post("/jobs", json={"sourceUrl": url, "callbackUrl": url})
        assert accepted.status_code in (202, 422), (
            spelling,
            accepted.text,
        )  # where names lead shows when it is fetched
    assert (inside.visits, network.asked) == (0, [])
