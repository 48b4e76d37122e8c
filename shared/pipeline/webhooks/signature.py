"""Sign webhooks as Standard Webhooks says, and check callback addresses.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from shared.domain.errors import InvalidRequest, WebhooksNotConfigured
from shared.media.network.public_address import check_host
from shared.settings import Settings

PREFIX = "whsec_"


def check_callback(settings: Settings, url: str | None) -> None:
    """Raise, before anything is accepted, if no webhook could ever reach the address: InvalidRequest, AddressRefused,
    WebhooksNotConfigured. A name is resolved and checked with each delivery."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as err:
        raise InvalidRequest("callbackUrl is not a valid web address.") from err
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidRequest("callbackUrl must be an http or https address.")
    if "@" in parts.netloc:
        raise InvalidRequest("callbackUrl must not contain a user name or password.")
    check_host(host, settings.allow_loopback_sources)
    signing_keys(settings)


def signing_keys(settings: Settings) -> Sequence[bytes]:
    """Return the keys that every webhook is signed with; none with the local emulator when no secret is set.

    Raises WebhooksNotConfigured.
    """
    secrets = settings.webhook_secret.get_secret_value().split() if settings.webhook_secret else []
    if not secrets and not settings.storage_is_emulator:
        raise WebhooksNotConfigured("Webhooks need a secret to be signed with: set ROSTRUM_WEBHOOK_SECRET.")
    return [_key(secret) for secret in secrets]


def signature(keys: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`: one signature for each key."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, content, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as err:
        raise WebhooksNotConfigured(f"ROSTRUM_WEBHOOK_SECRET: what follows {PREFIX} is not base64.") from err
    if not key:
        raise WebhooksNotConfigured(f"ROSTRUM_WEBHOOK_SECRET: nothing follows {PREFIX}.")
    return key
