"""Find the transcripts that have all of a query's tokens, without reading all the postings of any token.

Each token's postings are sorted alike, newest sessions first. The tokens are asked in turn for their first posting at
or behind the furthest that any has come to, so a rare one leads the common ones in long leaps (a leapfrog join,
https://arxiv.org/abs/1210.0481). What is read grows with the rarest token's postings, and has a bound besides.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from shared.domain.search.transcript import Posting, PostingKey

FIRST_PAGE = 20
"""The number of postings that are read at once after a leap."""

LAST_PAGE = 320
"""The largest number that is read at once; it doubles up to this while postings are taken one after the other."""

MAX_POSTINGS = 3000
"""The largest number of postings that one search reads, over all tokens."""

Fetch = Callable[[str, int, PostingKey], Sequence[Posting]]
"""`fetch(token, limit, start)` returns up to `limit` of the token's postings, from that key on."""


class Join:
    """The search for transcripts that have all the tokens.

    `is_complete` is False at the end when the bound on postings stopped it.
    """

    def __init__(self, fetch: Fetch, tokens: Sequence[str], max_postings: int = MAX_POSTINGS) -> None:
        self._fetch = fetch
        self._lists = [_PostingList(token) for token in tokens]
        self._left = max_postings
        self.is_complete = True

    def __iter__(self) -> Iterator[Mapping[str, Posting]]:
        """Yield for each transcript, newest sessions first, the posting of each token."""
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
        """Return whether the first posting at or behind the target, or that there is none, is known."""
        return self._is_last or bool(self._page and self._page[-1].key >= target)

    def seek(self, target: PostingKey) -> Posting | None:
        """Return the first posting at or behind the target; targets never go back."""
        self._at = bisect_left(self._page, target, lo=self._at, key=lambda posting: posting.key)
        return self._page[self._at] if self._at < len(self._page) else None

    def next_limit(self, target: PostingKey) -> int:
        """Return the next limit: a larger one when the whole page was used one by one."""
        in_turn = bool(self._page) and self._at == len(self._page) - 1
        return min(2 * self._limit, LAST_PAGE) if in_turn else FIRST_PAGE

    def take(self, page: Sequence[Posting], limit: int) -> None:
        """Replace the page by the next one, which was read with this limit."""
        self._page, self._limit, self._at, self._is_last = page, limit, 0, len(page) < limit
