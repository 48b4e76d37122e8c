"""Serve a request with an idempotency key once: claim the key, do the work, keep the answer.

A claim reserves the identifiers of what the request makes before anything is made. After a crash, the next request
with the key takes over the claim, runs again with the same identifiers, and finds what is already there.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Lock

from shared.domain.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    NotFound,
    TransientError,
    UnreadableRow,
    WriteConflict,
)
from shared.domain.idempotency import Answer, ClaimState, IdempotencyRecord, Reserved
from shared.pipeline.context import Services
from shared.pipeline.updates import retry_conflicts
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=24)
"""The time for which an answer is replayed."""


class Claim:
    """The right to serve the request with a key. Its methods may be called from several threads."""

    def __init__(self, services: Services, stored: Stored[IdempotencyRecord], *, is_first: bool) -> None:
        self._services = services
        self._stored = stored
        self._is_first = is_first
        self._lock = Lock()

    @property
    def reserved(self) -> Reserved:
        """Return the identifiers for what the request makes."""
        return self._stored.value.reserved

    def renew(self) -> None:
        """Renew the claim, so that no other request takes it over."""
        self._note("renew", lambda record: record)

    def settle(self, fingerprint: str) -> None:
        """Store the fingerprint of a body that has arrived; call it before anything is made of the body.

        Raises:
            IdempotencyKeyReused: The key belongs to another body.
            IdempotencyKeyInUse: Another request took over the claim.
        """
        require_same(self._stored.value, fingerprint)
        try:
            self._write(lambda record: record.evolve(fingerprint=fingerprint))
        except WriteConflict as err:
            raise _in_use(self._stored.value) from err

    def finish(self, answer: Answer, about: str | None = None) -> None:
        """Keep the answer, with the identifier of what it is `about`, so that it can be replayed."""
        self._note("finish", lambda record: record.evolve(state=ClaimState.DONE, answer=answer, about=about))

    def release(self, *, nothing_made: bool) -> None:
        """Release the claim after a failure.

        If nothing was made, the key is free for any request; otherwise for the same one, with the same identifiers.
        """
        if not (nothing_made and self._is_first):
            self._note("release", lambda record: record.evolve(state=ClaimState.RELEASED))
            return
        try:
            with self._lock:
                self._services.storage.idempotency.delete(self._stored)
        except TransientError as error:
            self._log("release", error)

    def _note(self, action: str, change: Callable[[IdempotencyRecord], IdempotencyRecord]) -> None:
        """Write a change; a failure is logged, so that the request itself does not fail."""
        try:
            self._write(change)
        except TransientError as error:
            self._log(action, error)

    def _write(self, change: Callable[[IdempotencyRecord], IdempotencyRecord]) -> None:
        with self._lock:
            now = self._services.clock()
            changed = change(self._stored.value).evolve(claimed_at=now, expires_at=now + KEPT_FOR)
            self._stored = self._services.storage.idempotency.update(self._stored, changed)

    def _log(self, action: str, error: TransientError) -> None:
        facts = {"action": action, "org_id": self._stored.value.org_id, "code": error.code}
        log.warning("idempotency claim not written", extra=facts)


def claim_key(
    services: Services, org_id: str, route: str, key: str, fingerprint: str | None
) -> Claim | IdempotencyRecord:
    """Return a claim to serve the request, or the record with the answer that it had before.

    `fingerprint` is None while the body is still to come: then the caller compares it.

    Raises:
        IdempotencyKeyReused: The key belongs to another request.
        IdempotencyKeyInUse: The first request is still being served.
    """
    return retry_conflicts(partial(_claim_once, services, org_id, route, key, fingerprint), services.sleep)


def require_same(record: IdempotencyRecord, fingerprint: str | None) -> None:
    """Raise IdempotencyKeyReused if the key belongs to another request."""
    if not record.fits(fingerprint):
        raise IdempotencyKeyReused(
            f"The idempotency key {record.key} was used for a request with another body; use a new key."
        )


def reserve(services: Services) -> Reserved:
    """Return new identifiers."""
    return Reserved(job_id=services.new_id(), session_id=services.new_id(), resource_id=services.new_id())


def _claim_once(
    services: Services, org_id: str, route: str, key: str, fingerprint: str | None
) -> Claim | IdempotencyRecord:
    store, now = services.storage.idempotency, services.clock()
    new = IdempotencyRecord(
        org_id=org_id,
        route=route,
        key=key,
        fingerprint=fingerprint,
        reserved=reserve(services),
        claimed_at=now,
        expires_at=now + KEPT_FOR,
    )
    try:
        return Claim(services, store.claim(new), is_first=True)
    except WriteConflict as taken:
        try:
            stored = store.get(org_id, route, key)
        except NotFound:
            raise taken from None  # released in between: the caller tries again
        except UnreadableRow as err:
            raise UnreadableRow(
                f"What is kept for the idempotency key {key} cannot be read; use a new key. It is deleted when it is "
                f"{KEPT_FOR // timedelta(hours=1)} hours old."
            ) from err
    record = stored.value
    if record.expires_at <= now:
        return Claim(services, store.update(stored, new), is_first=True)
    require_same(record, fingerprint)
    if record.state is ClaimState.DONE:
        return record
    if record.is_at_work(now):
        raise _in_use(record)
    mine = new.evolve(reserved=record.reserved, fingerprint=record.fingerprint or fingerprint)
    return Claim(services, store.update(stored, mine), is_first=False)


def _in_use(record: IdempotencyRecord) -> IdempotencyKeyInUse:
    return IdempotencyKeyInUse(f"The first request with the idempotency key {record.key} has not been answered yet.")
