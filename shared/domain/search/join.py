"""Which transcripts have all of a query's tokens, found without reading all the postings of any of them.

Each token's postings are sorted alike, newest sessions first. The tokens are asked in turn for their first posting at
or behind the furthest that any has come to, so a rare one leads the common ones in long leaps (a leapfrog join,
https://arxiv.org/abs/1210.0481). What is read grows with the rarest token's postings, and has a bound besides.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from shared.domain.search.transcript import Posting, PostingKey

FIRST_PAGE, LAST_PAGE = 20, 320
"""How many postings are asked for at once: few after a leap, ever more when one is taken after the other."""

MAX_POSTINGS = 3000
"""How many postings are asked for in one search, all tokens taken together."""

Fetch = Callable[[str, int, PostingKey], Sequence[Posting]]
"""`fetch(token, limit, start)` gives up to `limit` of the token's postings, from that key on."""


class Join:
    """The search for transcripts that have all the tokens; `is_complete` tells at the end whether it came to an end or
    to the bound."""

    def __init__(self, fetch: Fetch, tokens: Sequence[str], max_postings: int = MAX_POSTINGS) -> None:
        self._fetch = fetch
        self._lists = [_PostingList(token) for token in tokens]
        self._left = max_postings
        self.is_complete = True

    def __iter__(self) -> Iterator[Mapping[str, Posting]]:
        """For each transcript, newest sessions first, the posting of each token."""
        target: PostingKey = ("", "")
        while True:
            found: dict[str, Posting] = {}
            for postings in self._lists:
                if not postings.reaches(target) and not self._read(postings, target):
                    return
                posting = postings.seek(target)
                if posting is None:
                    return
                if found and posting.key > target:
                    target = posting.key
                    break
                target = posting.key
                found[posting.token] = posting
            else:
                yield found
                target = (target[0], target[1] + "\0")  # the very next key that there could be

    def _read(self, postings: "_PostingList", target: PostingKey) -> bool:
        limit = postings.next_limit(target)
        if limit > self._left:
            self.is_complete = False
            return False
        self._left -= limit
        postings.take(self._fetch(postings.token, limit, target), limit)
        return True


class _PostingList:
    """The stretch of a token's postings that was read last."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._page: Sequence[Posting] = ()
        self._limit = FIRST_PAGE
        self._at = 0
        self._is_last = False

    def reaches(self, target: PostingKey) -> bool:
        """Whether the first posting at or behind the target, or that there is none, is known."""
        return self._is_last or bool(self._page and self._page[-1].key >= target)

    def seek(self, target: PostingKey) -> Posting | None:
        """The first posting at or behind the target; targets never go back."""
        self._at = bisect_left(self._page, target, lo=self._at, key=lambda posting: posting.key)
        return self._page[self._at] if self._at < len(self._page) else None

    def next_limit(self, target: PostingKey) -> int:
        """How many to ask for next: more when the whole page was used up one by one."""
        in_turn = bool(self._page) and self._at == len(self._page) - 1
        return min(2 * self._limit, LAST_PAGE) if in_turn else FIRST_PAGE

    def take(self, page: Sequence[Posting], limit: int) -> None:
        """Goes on to a page that was asked for with this limit."""
        self._page, self._limit, self._at, self._is_last = page, limit, 0, len(page) < limit
