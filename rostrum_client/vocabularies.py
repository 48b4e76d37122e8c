"""Vocabularies: names and terms that an organisation's recordings may have."""

from collections.abc import Sequence

from rostrum_client.models import Vocabulary, VocabularySummary
from rostrum_client.steps import Listing, Steps, ask, fetch, fetch_all
from rostrum_client.wire import delete, get, put


def vocabularies() -> Listing[VocabularySummary]:
    """Yield all vocabularies by name, without their terms."""
    return fetch_all(VocabularySummary, get("vocabularies"))


def vocabulary(name: str) -> Steps[Vocabulary]:
    """Return a vocabulary with its terms."""
    return fetch(Vocabulary, get("vocabularies", name))


def put_vocabulary(name: str, terms: Sequence[str]) -> Steps[Vocabulary]:
    """Keep these terms under the name, in place of those that are there; `options={"vocabularies": [name]}` uses it."""
    return fetch(Vocabulary, put("vocabularies", name, body={"terms": list(terms)}))


def delete_vocabulary(name: str) -> Steps[None]:
    """Delete the vocabulary; jobs that took its terms keep them."""
    yield from ask(delete("vocabularies", name))
