"""Index a transcript, or the text of slides, for search: each token's positions, and passages to make snippets of.

Positions count the text's tokens from 0. Passage n holds the words that begin in tokens n · PASSAGE_TOKENS up to
(n + 1) · PASSAGE_TOKENS, so that a position tells which passage to fetch. Each slide begins a passage, so that no place
goes over two of them.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.search.tokens import Token, tokenise

PASSAGE_TOKENS = 128

MAX_WORD_CHARS = 100
"""The length at which a word is cut into several, so that a passage fits the columns of a row."""

MAX_WORD_TOKENS = 100
"""Fewer than PASSAGE_TOKENS, so that no passage is skipped by a word of many tokens."""


class Source(StrEnum):
    """What a place was found in."""

    SPEECH = "speech"
    SLIDE = "slide"


SLIDES_MARK = "~slides"
"""What follows a job's id where the index means the text of its slides; no id has the sign."""


def text_id(job_id: str, source: Source) -> str:
    """Return the id by which the index knows the job's text of this source."""
    return job_id + SLIDES_MARK if source is Source.SLIDE else job_id


def parse_text_id(found: str) -> tuple[str, Source]:
    """Return the job's id and the source of an id in the index."""
    if found.endswith(SLIDES_MARK):
        return found.removesuffix(SLIDES_MARK), Source.SLIDE
    return found, Source.SPEECH


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word as the transcript writes it, or as it stands on a slide."""

    text: str
    start: float
    """In seconds."""

    end: float
    """In seconds."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sequence of words."""

    number: int
    first_token: int
    """The position of the first word's first token."""

    words: tuple[SpokenWord, ...]
    spaced: bool
    """Whether words are written with spaces between them."""

    new_tokens: tuple[str, ...]
    """The tokens that no earlier passage has."""


PostingKey = tuple[str, str]
"""Session and job: what a token's postings are ordered by, newest sessions first."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A transcript that has the token, and the token's positions."""

    token: str
    session_id: str
    job_id: str
    positions: Sequence[int]
    in_title: bool
    """Whether the session's name has the token, too."""

    @property
    def key(self) -> PostingKey:
        """Return the key that orders the token's postings."""
        return self.session_id, self.job_id


@dataclass(frozen=True, slots=True)
class IndexedTranscript:
    """All that the index keeps of a job's text. `title` holds the tokens of the session's name."""

    org_id: str
    session_id: str
    job_id: str
    """The id of `text_id`."""
    passages: Sequence[Passage]
    positions: Mapping[str, Sequence[int]]
    title: frozenset[str]


def index_words(
    words: Iterable[SpokenWord], *, org_id: str, session_id: str, job_id: str, session_name: str, spaced: bool
) -> IndexedTranscript:
    """Return the index of a transcript's words; those without a letter or digit are left out."""
    return index_texts(
        [words], org_id=org_id, session_id=session_id, job_id=job_id, session_name=session_name, spaced=spaced
    )


def index_texts(
    texts: Iterable[Iterable[SpokenWord]],
    *,
    org_id: str,
    session_id: str,
    job_id: str,
    session_name: str,
    spaced: bool,
) -> IndexedTranscript:
    """Return the index of several texts, each of which begins a passage; `job_id` is the id of `text_id`."""
    positions: defaultdict[str, list[int]] = defaultdict(list)
    passages: list[Passage] = []
    said: list[SpokenWord] = []
    new: list[str] = []
    first = position = 0

    def close() -> None:
        passages.append(Passage(first // PASSAGE_TOKENS, first, tuple(said), spaced, tuple(new)))

    for text in texts:
        if said:
            close()
            position = -(-position // PASSAGE_TOKENS) * PASSAGE_TOKENS
            said, new, first = [], [], position
        for word in (piece for long in text for piece in _pieces(long)):
            tokens = tokens_of(word)
            if tokens and said and position // PASSAGE_TOKENS > first // PASSAGE_TOKENS:
                close()
                said, new, first = [], [], position
            if tokens:
                said.append(word)
            for token in tokens:
                if token.text not in positions:
                    new.append(token.text)
                positions[token.text].append(position)
                position += 1
    if said:
        close()
    return IndexedTranscript(org_id, session_id, job_id, passages, positions, title_tokens(session_name))


def title_tokens(name: str) -> frozenset[str]:
    """Return the tokens of a session's name."""
    return frozenset(token.text for token in tokenise(unicodedata.normalize("NFC", name)))


def tokens_of(word: SpokenWord) -> list[Token]:
    """Return a word's tokens; the only function by which positions are counted."""
    return tokenise(word.text)[:MAX_WORD_TOKENS]


def _pieces(word: SpokenWord) -> Iterator[SpokenWord]:
    """Yield the word, cut where it is too long."""
    text = unicodedata.normalize("NFC", " ".join(word.text.split()))
    for at in range(0, len(text), MAX_WORD_CHARS):
        yield SpokenWord(text[at : at + MAX_WORD_CHARS].strip(), word.start, word.end)
