"""Reach a storage account with an identity of Entra ID instead of the account's key.

Apart from `connect.py`, because the library of identities is loaded only where one is used.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobServiceClient, UserDelegationKey

from shared.storage.azure_errors import translated
from shared.storage.ports import CLOCKS_DIFFER_BY

KEY_LASTS = timedelta(days=2)
"""For how long a key is asked for; the service gives none for more than seven days."""

MAX_KEY_LASTS = timedelta(days=7) - 2 * CLOCKS_DIFFER_BY


class Signer(Protocol):
    """Signs addresses of blobs."""

    def key_until(self, expiry: datetime) -> tuple[dict[str, Any], datetime]:
        """Return the arguments of `generate_blob_sas` that sign, and until when the address may work at most."""


class AccountKey:
    """Signs with the account's own key, which lasts for ever."""

    def __init__(self, key: str) -> None:
        self._key = key

    def key_until(self, expiry: datetime) -> tuple[dict[str, Any], datetime]:
        return {"account_key": self._key}, expiry


class DelegationKey:
    """Signs with a key that the service gives the identity, kept until an address is to outlast it."""

    def __init__(self, service: BlobServiceClient, clock: Callable[[], datetime]) -> None:
        self._service, self._clock, self._lock = service, clock, Lock()
        self._key: UserDelegationKey | None = None
        self._until: datetime | None = None

    def key_until(self, expiry: datetime) -> tuple[dict[str, Any], datetime]:
        with self._lock:
            if self._key is None or self._until is None or self._until < expiry:
                now = self._clock()
                until = min(max(now + KEY_LASTS, expiry + timedelta(hours=1)), now + MAX_KEY_LASTS)
                with translated("the key that signs addresses"):
                    self._key = self._service.get_user_delegation_key(now - CLOCKS_DIFFER_BY, until)
                self._until = until
            return {"user_delegation_key": self._key}, min(expiry, self._until)


def make_credential(kind: str | None, client_id: str | None) -> TokenCredential:
    """Return the identity that the settings name: the app's own, or the first that is there."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if kind == "managedidentity":
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential(managed_identity_client_id=client_id)
