"""The issuer's keys: kept, renewed, rotated, and missed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from shared.api.auth import key_set as module
from shared.api.auth.key_set import (
    FRESH_SEC,
    REST_SEC,
    STALE_SEC,
    KeySet,
    fetch_key_set,
    may_be_key_server,
    read_key_set,
)
from shared.domain.errors import KeyServerUnavailable, TokenInvalid
from tests.support.signing_keys import ec_key, key_set, published, rsa_key

ONE = published(rsa_key("one"), kid="one", use="sig", alg="RS256")
TWO = published(ec_key("two"), kid="two")


class Server:
    """A key server: what it answers, whether it does, how often it was asked, and the time."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.answer = key_set(*keys)
        self.fails: Exception | None = None
        self.asked = 0
        self.now = 0.0
        self.keys = KeySet(self.fetch, lambda: self.now)

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.fails:
            raise self.fails
        return self.answer

    def key(self, key_id: str | None) -> Any:
        return asyncio.run(self.keys.key(key_id))


def test_keys_are_fetched_once_and_again_when_they_are_old() -> None:
    server = Server(ONE, TWO)
    assert [server.key(name).key_id for name in ("one", "two", "one")] == ["one", "two", "one"]
    server.now = FRESH_SEC - 1
    server.key("one")
    assert server.asked == 1
    server.now = FRESH_SEC
    server.key("one")
    assert server.asked == 2


def test_a_rotated_key_is_found_at_once_and_the_old_one_is_gone() -> None:
    server = Server(ONE)
    server.key("one")
    server.answer = key_set(TWO)
    server.now = REST_SEC
    assert server.key("two").key_id == "two"
    with pytest.raises(TokenInvalid):
        server.key("one")


def test_invented_key_names_do_not_hammer_the_key_server() -> None:
    server = Server(ONE)
    for number in range(1000):
        server.now = number / 100
        with pytest.raises(TokenInvalid):
            server.key(f"invented-{number}")
    assert server.asked == 1
    server.now = REST_SEC
    with pytest.raises(TokenInvalid):
        server.key("invented")
    assert server.asked == 2
    assert server.key("one").key_id == "one"


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), TimeoutError(), ValueError("status 500")],
    ids=lambda failure: type(failure).__name__,
)
def test_keys_go_on_working_for_a_day_while_the_server_does_not_answer(failure: Exception) -> None:
    server = Server(ONE)
    server.key("one")
    server.fails = failure
    server.now = STALE_SEC - 1
    assert server.key("one").key_id == "one"
    with pytest.raises(KeyServerUnavailable) as unknown:
        server.key("two")
    assert unknown.value.retry_after_sec == REST_SEC
    server.now = STALE_SEC
    with pytest.raises(KeyServerUnavailable):
        server.key("one")
    server.fails = None
    server.now += REST_SEC
    assert server.key("one").key_id == "one"


def test_without_any_keys_no_caller_is_known_until_the_server_answers() -> None:
    server = Server(ONE)
    server.fails = httpx.ConnectError("refused")
    for _ in range(100):
        with pytest.raises(KeyServerUnavailable):
            server.key("one")
    assert server.asked == 1
    server.fails = None
    server.now = REST_SEC
    assert server.key("one").key_id == "one"


def test_a_server_that_hangs_is_given_up() -> None:
    async def hang() -> bytes:
        await asyncio.Event().wait()
        return b""

    with pytest.raises(KeyServerUnavailable):
        asyncio.run(KeySet(hang, lambda: 0.0, fetch_sec=0.01).key("one"))


def test_many_at_once_cost_one_fetch_and_those_who_have_a_key_do_not_wait_for_it() -> None:
    async def scene() -> None:
        server, answered = Server(ONE), asyncio.Event()

        def held(fetch: Callable[[], Awaitable[bytes]]) -> Callable[[], Awaitable[bytes]]:
            async def fetching() -> bytes:
                await answered.wait()
                return await fetch()

            return fetching

        keys = KeySet(held(server.fetch), lambda: server.now)
        waiting = [asyncio.create_task(keys.key("one")) for _ in range(20)]
        answered.set()
        assert [key.key_id for key in await asyncio.gather(*waiting)] == ["one"] * 20
        assert server.asked == 1

        answered.clear()
        server.now = FRESH_SEC
        renewing = asyncio.create_task(keys.key("one"))
        await asyncio.sleep(0)
        assert (await keys.key("one")).key_id == "one"
        assert not renewing.done()
        answered.set()
        assert (await renewing).key_id == "one"
        assert server.asked == 2

    asyncio.run(scene())


def test_a_token_without_a_key_name_takes_the_only_key() -> None:
    assert Server(published(rsa_key("one"))).key(None).algorithm_name == "RS256"
    assert Server(ONE).key(None).key_id == "one"
    with pytest.raises(TokenInvalid):
        Server(ONE, TWO).key(None)


def test_only_public_keys_that_fit_are_taken_from_a_set() -> None:
    others = [
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        published(rsa_key("enc"), kid="enc", use="enc"),
        published(rsa_key("pss"), kid="pss", alg="PS256"),
        published(rsa_key("short", 1024), kid="short"),
        {**published(ec_key("curve"), kid="curve"), "crv": "P-384"},
        {**ONE, "kid": "private", "d": "AQAB"},
        {**ONE, "kid": ["list"]},
        {"kty": "RSA", "kid": "broken", "n": 7, "e": "AQAB"},
        {"kty": "RSA", "kid": "empty"},
        {"kty": ["RSA"], "kid": "list"},
        {},
        7,
    ]
    assert set(read_key_set(json.dumps({"keys": [*others, ONE, TWO]}).encode())) == {"one", "two"}


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"[]", b"{}", b'{"keys": 7}', b'{"keys": []}', b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_key_set_is_as_no_answer(text: bytes) -> None:
    server = Server()
    server.answer = text
    with pytest.raises(KeyServerUnavailable):
        server.key("one")


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://issuer.test/.well-known/jwks.json", True),
        ("http://localhost:8000/keys", True),
        ("http://127.0.0.1/keys", True),
        ("http://[::1]/keys", True),
        ("http://issuer.test/keys", False),
        ("http://127.0.0.1.issuer.test/keys", False),
        ("http://10.0.0.1/keys", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("issuer.test", False),
        ("http://[", False),
    ],
)
def test_keys_come_over_https_or_from_this_machine(url: str, may: bool) -> None:
    assert may_be_key_server(url) is may


def answering(response: httpx.Response) -> bytes:
    transport = httpx.MockTransport(lambda request: response)
    return asyncio.run(fetch_key_set("https://issuer.test/keys", transport))


def test_an_answer_is_read_to_its_end_but_not_without_end() -> None:
    assert answering(httpx.Response(200, content=b"keys")) == b"keys"
    with pytest.raises(ValueError, match="bytes"):
        answering(httpx.Response(200, content=b"x" * (module.MAX_SET_BYTES + 1)))


@pytest.mark.parametrize("status", [301, 404, 500])
def test_an_answer_that_is_none_is_not_followed(status: int) -> None:
    with pytest.raises(ValueError, match=str(status)):
        answering(httpx.Response(status, headers={"Location": "http://169.254.169.254/"}))
