"""Signatures, against the vector that the Standard Webhooks libraries share; and addresses that are refused."""

import base64

import pytest

from shared.domain.errors import AddressRefused, InvalidRequest, RostrumError, WebhooksNotConfigured
from shared.pipeline.webhooks.signature import check_callback, signature, signing_keys
from shared.settings import Settings
from tests.support.webhook_harness import PRODUCTION

# https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/webhook.test.ts
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_ID, VECTOR_TIMESTAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def keys(secret: str, connection: str = PRODUCTION) -> list[bytes]:
    settings = Settings.model_validate({"webhook_secret": secret, "AzureWebJobsStorage": connection})
    return list(signing_keys(settings))


def test_the_vector() -> None:
    assert signature(keys(VECTOR_SECRET), VECTOR_ID, VECTOR_TIMESTAMP, VECTOR_BODY) == VECTOR_SIGNATURE


def test_while_secrets_are_changed_each_signs() -> None:
    rotating = keys(f"  an-old-one   {VECTOR_SECRET}")
    assert rotating[0] == b"an-old-one"
    old, new = signature(rotating, VECTOR_ID, VECTOR_TIMESTAMP, VECTOR_BODY).split(" ")
    assert new == VECTOR_SIGNATURE
    assert signature(keys("an-old-one"), VECTOR_ID, VECTOR_TIMESTAMP, VECTOR_BODY) == old != new


def test_every_part_of_the_content_is_signed() -> None:
    key = keys(VECTOR_SECRET)
    changed = [
        signature(key, VECTOR_ID + "x", VECTOR_TIMESTAMP, VECTOR_BODY),
        signature(key, VECTOR_ID, VECTOR_TIMESTAMP + 1, VECTOR_BODY),
        signature(key, VECTOR_ID, VECTOR_TIMESTAMP, VECTOR_BODY + b" "),
        signature([base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx")], VECTOR_ID, VECTOR_TIMESTAMP, VECTOR_BODY),
    ]
    assert VECTOR_SIGNATURE not in changed


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not*base64", "fine whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"])
def test_a_broken_secret_is_named_and_not_shown(secret: str) -> None:
    with pytest.raises(WebhooksNotConfigured, match="ROSTRUM_WEBHOOK_SECRET") as caught:
        keys(secret)
    assert "base64*" not in caught.value.detail
    assert "MfKQ9" not in caught.value.detail


@pytest.mark.parametrize("secret", ["", "  "])
def test_without_a_secret_only_the_local_emulator_has_webhooks(secret: str) -> None:
    assert keys(secret, "UseDevelopmentStorage=true") == []
    with pytest.raises(WebhooksNotConfigured):
        keys(secret)


def test_secrets_do_not_show_in_the_settings() -> None:
    assert "MfKQ9" not in repr(Settings.model_validate({"webhook_secret": VECTOR_SECRET}))


REFUSED = [
    ("ftp://example.com/hook", InvalidRequest),
    ("/hook", InvalidRequest),
    ("https:///hook", InvalidRequest),
    ("http://[::1/hook", InvalidRequest),
    ("http://example.com:99999/", InvalidRequest),
    ("https://user@example.com/hook", InvalidRequest),
    ("https://user:pass@example.com/hook", InvalidRequest),
    ("https://@example.com/hook", InvalidRequest),
    ("http://127.0.0.1/hook", AddressRefused),
    ("http://127.1:8080/hook", AddressRefused),
    ("http://2130706433/hook", AddressRefused),
    ("http://0x7f.0.0.1/hook", AddressRefused),
    ("http://[::1]/hook", AddressRefused),
    ("http://[::ffff:10.0.0.1]/hook", AddressRefused),
    ("http://[fe80::1%25eth0]/hook", AddressRefused),
    ("http://169.254.169.254/metadata", AddressRefused),
    ("http://168.63.129.16/", AddressRefused),
    ("http://192.168.1.1:443/", AddressRefused),
    ("http://localhost/hook", AddressRefused),
    ("http://LocalHost.:7071/hook", AddressRefused),
    ("http://a.localhost/hook", AddressRefused),
]


@pytest.mark.parametrize(("url", "error"), REFUSED)
def test_addresses_that_no_webhook_goes_to(url: str, error: type[RostrumError]) -> None:
    with pytest.raises(error):
        check_callback(Settings(), url)


@pytest.mark.parametrize(
    "url", ["https://example.com/hook?token=1", "http://example.com:8080", "http://8.8.8.8/", "https://notlocalhost/"]
)
def test_addresses_that_webhooks_go_to(url: str) -> None:
    check_callback(Settings(), url)
    check_callback(Settings(), None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://127.1/"])
def test_loopback_is_allowed_for_development_and_nothing_else(url: str) -> None:
    development = Settings(allow_loopback_sources=True)
    check_callback(development, url)
    with pytest.raises(AddressRefused):
        check_callback(development, "http://10.0.0.1/")


def test_a_callback_without_a_secret_is_refused_outside_the_emulator() -> None:
    production = Settings.model_validate({"AzureWebJobsStorage": PRODUCTION})
    check_callback(production, None)
    with pytest.raises(WebhooksNotConfigured):
        check_callback(production, "https://example.com/hook")
