"""Parse a query: `gradient descent`, `"gradient descent"`, or both kinds together."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from shared.domain.errors import InvalidRequest
from shared.domain.search.tokens import tokenise

MAX_QUERY_TOKENS = 40

_QUOTES = re.compile(r'["“”„‟«»＂]')

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all occur; a term's tokens must follow each other."""

    terms: Sequence[Tokens]

    @property
    def phrase(self) -> Tokens:
        """Return all the terms as they were typed, one after the other."""
        return tuple(chain.from_iterable(self.terms))

    @property
    def tokens(self) -> Tokens:
        """Return the different tokens, the longest first: they tend to be the rarest."""
        return tuple(sorted(set(self.phrase), key=lambda token: (-len(token), token)))


def parse_query(text: str) -> Query:
    """Return the query: single words, and for words between quotation marks the sequence of them.

    A quotation that is not closed extends to the end. Raise InvalidRequest when there is no word in it, or when there
    are more than `MAX_QUERY_TOKENS`.
    """
    pieces = _QUOTES.split(unicodedata.normalize("NFC", text))
    candidates = chain.from_iterable([piece] if number % 2 else piece.split() for number, piece in enumerate(pieces))
    terms = [tuple(token.text for token in tokenise(candidate)) for candidate in candidates]
    query = Query(tuple(term for term in terms if term))
    if not query.terms:
        raise InvalidRequest("There is no word to search for.")
    if len(query.phrase) > MAX_QUERY_TOKENS:
        raise InvalidRequest(
            f"At most {MAX_QUERY_TOKENS} words can be searched for at once; in Chinese, Japanese, Korean and other "
            "scripts without spaces, as many characters."
        )
    return query
