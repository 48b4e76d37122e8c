"""Vocabularies: names and terms that an organisation's recordings may have."""

from collections.abc import Sequence
from dataclasses import replace

import httpx

from rostrum_client.effects import Effects, Listing, ask, fetch_all
from rostrum_client.models import Vocabulary, VocabularySummary
from rostrum_client.wire import delete, get, put, read


def vocabularies() -> Listing[VocabularySummary]:
    """Yield all vocabularies by name, without their terms."""
    return fetch_all(VocabularySummary, get("vocabularies"))


def vocabulary(name: str) -> Effects[Vocabulary]:
    """Return a vocabulary with its terms."""
    return _tagged((yield from ask(get("vocabularies", name))))


def put_vocabulary(
    name: str, terms: Sequence[str], *, etag: str | None = None, must_be_new: bool = False
) -> Effects[Vocabulary]:
    """Keep these terms under the name, in place of those that are there; `options={"vocabularies": [name]}` uses it.

    Args:
        etag: The tag of the vocabulary that was read. Terms that another caller has changed since are not overwritten.
        must_be_new: Write only where no vocabulary has the name.

    Raises RostrumApiError with the code `precondition_failed` when another caller was faster.
    """
    match = {"If-Match": etag} if etag else {}
    new = {"If-None-Match": "*"} if must_be_new else {}
    body = {"terms": list(terms)}
    return _tagged((yield from ask(put("vocabularies", name, body=body, headers={**match, **new}))))


def delete_vocabulary(name: str) -> Effects[None]:
    """Delete the vocabulary; jobs that took its terms keep them."""
    yield from ask(delete("vocabularies", name))


def _tagged(answer: httpx.Response) -> Vocabulary:
    return replace(read(Vocabulary, answer), etag=answer.headers.get("ETag"))
