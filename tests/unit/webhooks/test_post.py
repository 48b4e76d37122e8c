"""One POST to a stranger's server: where it goes, how long it takes, and what is made of the answer."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.domain.webhook import Outcome
from shared.pipeline.webhooks.post import PostPolicy, post
from tests.support.webhook_receiver import Receiver, receiving

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HERE = PostPolicy(allow_loopback=True)
BODY = b'{"type": "job.done"}'


def send(url: str, policy: PostPolicy = HERE, **more: Any) -> Outcome:
    return post(url, {"Content-Type": "application/json", "webhook-id": "msg_1"}, BODY, policy, NOW, **more)


def test_what_arrives(receiver: Receiver) -> None:
    assert send(receiver.url("/a/hook?b=c%20d")) == Outcome(204)
    (received,) = receiver.received
    assert (received.path, received.body) == ("/a/hook?b=c%20d", BODY)
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    assert send(receiver.url()) == Outcome(status)


@pytest.mark.parametrize("status", [400, 401, 404, 408, 429, 500, 502, 599])
def test_anything_else_is_none(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    assert send(receiver.url()) == Outcome(status, f"The server answered {status}.")


def test_gone_is_for_good(receiver: Receiver) -> None:
    receiver.answers = [410]
    assert send(receiver.url()).is_hopeless


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [(status, {"Location": "/elsewhere"}), 200]
    outcome = send(receiver.url())
    assert (outcome.status_code, outcome.error) == (
        status,
        f"The server answered {status}; redirects are not followed.",
    )
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("Thu, 01 Jan 2026 13:00:00 GMT", timedelta(hours=1)),
        ("Thu, 01 Jan 2026 13:00:00 -0000", timedelta(hours=1)),
        ("Thu, 01 Jan 2026 11:00:00 GMT", timedelta(0)),
        ("-5", None),
        ("soon", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_retry_after_in_its_forms(receiver: Receiver, text: str, rest: timedelta | None) -> None:
    receiver.answers = [(503, {"Retry-After": text})]
    assert send(receiver.url()).retry_after == rest


def test_a_silent_server_is_left_after_a_while(receiver: Receiver) -> None:
    outcome = send(receiver.url("/silent"), PostPolicy(allow_loopback=True, total_sec=0.2))
    assert outcome == Outcome(error="The server 127.0.0.1 did not answer within 0.2 s.")
    assert len(receiver.received) == 1


def test_a_server_that_trickles_is_left_as_well(receiver: Receiver) -> None:
    outcome = send(receiver.url("/trickle"), PostPolicy(allow_loopback=True, total_sec=0.3))
    assert outcome == Outcome(error="The server 127.0.0.1 did not answer within 0.3 s.")


def test_an_endless_answer_is_not_read(receiver: Receiver) -> None:
    receiver.answers = [200]
    assert send(receiver.url("/endless")) == Outcome(200)


def test_no_person_is_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        outcome = send(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert outcome.status_code is None
    assert outcome.error is not None
    assert outcome.error.startswith("The connection to the server 127.0.0.1 failed: ")
    assert not outcome.is_hopeless


def test_no_such_name() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    outcome = send("https://nowhere.example/", resolve=unknown)
    assert outcome == Outcome(error="There is no server with the name nowhere.example.")


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "fd00::1", "127.0.0.1"])
def test_a_name_that_leads_inside_is_refused_for_good(receiver: Receiver, address: str) -> None:
    outcome = send(receiver.url(host="hook.example"), PostPolicy(), resolve=lambda host, port: ["8.8.8.8", address])
    assert outcome.is_hopeless
    assert outcome.error is not None
    assert address not in outcome.error
    assert receiver.received == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433"])
def test_this_machine_is_refused_outside_development(receiver: Receiver, host: str) -> None:
    assert send(receiver.url(host=host), PostPolicy()).is_hopeless
    assert receiver.received == []


def test_the_environments_proxy_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(receiver.url()) == Outcome(204)


@pytest.mark.parametrize("url", ["http://[::1", "http://exa mple.com\x00/", "https://" + "a" * 300 + ".com/"])
def test_what_is_no_address_is_refused_for_good(url: str) -> None:
    assert send(url).is_hopeless


def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path / "server.pem"))
    with receiving(context) as server:
        outcome = send(server.url(scheme="https"))
        assert outcome.error is not None
        assert "certificate verify failed" in outcome.error
        assert server.received == []


def _self_signed(path: Path) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
