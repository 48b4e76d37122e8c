"""Which addresses may be connected to, and that the one that was checked is the one that is connected to."""

import math
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpcore
import pytest

from shared.domain.errors import AddressRefused, SourceNotFound
from shared.media.network.guarded_network import DeadlineExceeded, GuardedBackend, resolve
from shared.media.network.public_address import check_address

REFUSED = [
    ("127.0.0.1", "loopback"),
    ("127.8.9.10", "loopback network"),
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "this network"),
    ("10.0.0.1", "private A"),
    ("172.16.0.1", "private B"),
    ("172.31.255.255", "private B, last"),
    ("192.168.1.1", "private C"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT, last"),
    ("169.254.169.254", "link-local, instance metadata"),
    ("168.63.129.16", "Azure's platform"),
    ("192.0.0.1", "protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("198.18.0.1", "benchmarks"),
    ("203.0.113.9", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast, local"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::1", "IPv6 loopback"),
    ("::", "IPv6 unspecified"),
    ("fe80::1", "IPv6 link-local"),
    ("fe80::1%eth0", "IPv6 link-local with a scope"),
    ("fec0::1", "IPv6 site-local"),
    ("fc00::1", "IPv6 unique local"),
    ("fd00:ec2::254", "IPv6 unique local, instance metadata"),
    ("ff02::1", "IPv6 multicast"),
    ("::ffff:127.0.0.1", "IPv4-mapped loopback"),
    ("::ffff:10.0.0.1", "IPv4-mapped private"),
    ("::ffff:168.63.129.16", "IPv4-mapped Azure's platform"),
    ("::ffff:169.254.169.254", "IPv4-mapped link-local"),
    ("::127.0.0.1", "IPv4-compatible loopback"),
    ("::8.8.8.8", "IPv4-compatible, retired"),
    ("64:ff9b::7f00:1", "NAT64 loopback"),
    ("64:ff9b::a00:1", "NAT64 private"),
    ("64:ff9b:1::1", "local NAT64"),
    ("2002:7f00:1::", "6to4 loopback"),
    ("2002:808:808::1", "6to4, retired"),
    ("2001:0:808:808::1", "Teredo"),
    ("2001:db8::1", "IPv6 documentation"),
    ("3fff::1", "IPv6 documentation, new"),
    ("100::1", "IPv6 discard"),
    ("not an address", "no address"),
]
ALLOWED = [
    "8.8.8.8",
    "20.60.1.1",
    "100.63.255.255",
    "172.32.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


def is_refused(address: str, *, allow_loopback: bool = False) -> bool:
    try:
        check_address(address, allow_loopback=allow_loopback)
    except AddressRefused:
        return True
    return False


def test_refused() -> None:
    assert [(address, why) for address, why in REFUSED if not is_refused(address)] == []


def test_allowed() -> None:
    assert [address for address in ALLOWED if is_refused(address)] == []


def test_loopback_is_allowed_for_development() -> None:
    loopback = ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")
    assert [address for address in loopback if is_refused(address, allow_loopback=True)] == []


def test_allowing_loopback_allows_nothing_else() -> None:
    others = [address for address, why in REFUSED if "loopback" not in why]
    assert len(others) > 30
    assert [address for address in others if not is_refused(address, allow_loopback=True)] == []


class RecordingBackend(httpcore.NetworkBackend):
    """Connects to nothing and remembers to what; addresses in `dead` do not answer."""

    def __init__(self, dead: Sequence[str] = ()) -> None:
        self.dead = dead
        self.connected: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError("refused")
        return httpcore.MockStream([])


def guarded(addresses: Sequence[str], network: RecordingBackend) -> GuardedBackend:
    return GuardedBackend(
        False, deadline=10.0, resolve=lambda host, port: addresses, connect=network, monotonic=lambda: 0
    )


def test_connects_to_the_address_that_was_checked_and_not_to_the_name() -> None:
    network = RecordingBackend()
    guarded(["8.8.8.8"], network).connect_tcp("example.org", 443)
    assert network.connected == [("8.8.8.8", 443)]


def test_one_bad_address_among_good_ones_refuses_the_name() -> None:
    network = RecordingBackend()
    with pytest.raises(AddressRefused):
        guarded(["8.8.8.8", "10.0.0.1"], network).connect_tcp("example.org", 80)
    assert network.connected == []


def test_tries_the_next_address_when_one_does_not_answer() -> None:
    network = RecordingBackend(dead=["8.8.8.8"])
    guarded(["8.8.8.8", "8.8.4.4"], network).connect_tcp("example.org", 80)
    assert [host for host, _ in network.connected] == ["8.8.8.8", "8.8.4.4"]
    with pytest.raises(httpcore.ConnectError):
        guarded(["8.8.8.8"], network).connect_tcp("example.org", 80)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        pytest.param(socket.gaierror(socket.EAI_NONAME, "unknown"), SourceNotFound, id="no such name"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "later"), httpcore.ConnectError, id="the resolver is down"),
        pytest.param(UnicodeError("label too long"), AddressRefused, id="not a name"),
    ],
)
def test_names_that_do_not_resolve(failure: Exception, error: type[Exception]) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(error):
        GuardedBackend(False, 10.0, fail, RecordingBackend(), lambda: 0).connect_tcp("example.org", 80)


def test_a_name_without_addresses_is_a_connection_failure() -> None:
    with pytest.raises(httpcore.ConnectError):
        guarded([], RecordingBackend()).connect_tcp("example.org", 80)


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_odd_spellings_of_loopback_resolve_to_what_is_refused(spelling: str) -> None:
    for address in resolve(spelling, 80):
        with pytest.raises(AddressRefused):
            check_address(address)


def test_socket_files_are_refused() -> None:
    with pytest.raises(AddressRefused):
        guarded([], RecordingBackend()).connect_unix_socket("/run/docker.sock")


@dataclass
class Silence:
    """A server that never sends, on a clock that waiting moves."""

    now: float = 0.0
    looks: int = 0
    canceled_at: float = math.inf

    def watch(self) -> None:
        self.looks += 1
        if self.now >= self.canceled_at:
            raise KeyboardInterrupt

    def connection(self) -> httpcore.NetworkStream:
        silence = self

        class Stream(httpcore.MockStream):
            def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
                assert timeout is not None
                silence.now += timeout
                raise httpcore.ReadTimeout

        class Network(RecordingBackend):
            def connect_tcp(self, *args: object, **kwargs: object) -> httpcore.NetworkStream:  # type: ignore[override]
                return Stream([])

        backend = GuardedBackend(
            False, 100.0, lambda host, port: ["8.8.8.8"], Network(), lambda: self.now, watch=self.watch
        )
        return backend.connect_tcp("example.org", 80)


def test_silence_is_borne_for_the_given_time() -> None:
    silence = Silence()
    with pytest.raises(httpcore.ReadTimeout):
        silence.connection().read(1, timeout=30.0)
    assert (silence.now, silence.looks) == (30.0, 30)


@pytest.mark.parametrize("timeout", [30.0, None])
def test_every_wait_ends_at_the_deadline(timeout: float | None) -> None:
    silence = Silence(now=90.0)
    stream = silence.connection()
    with pytest.raises((httpcore.ReadTimeout, DeadlineExceeded)):
        stream.read(1, timeout=timeout)
    assert silence.now == 100.0
    with pytest.raises(DeadlineExceeded):
        stream.read(1, timeout=timeout)


def test_an_abandoned_wait_ends_within_a_second() -> None:
    silence = Silence(canceled_at=5.5)
    with pytest.raises(KeyboardInterrupt):
        silence.connection().read(1, timeout=30.0)
    assert silence.now == 6.0
