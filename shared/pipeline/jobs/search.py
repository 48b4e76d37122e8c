"""Find places in transcripts and slides. `shared.pipeline.stages.search_index` fills the index."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

from shared.domain.errors import InvalidRequest
from shared.domain.search.join import MAX_POSTINGS, Join
from shared.domain.search.places import Place, Span, find_places, score_places
from shared.domain.search.query import Query, parse_query
from shared.domain.search.snippet import make_snippet, passages_around
from shared.domain.search.transcript import Posting, Source, parse_text_id
from shared.pipeline.context import Services
from shared.pipeline.stages.search_index import find_session, present_job
from shared.storage.cursor import decode_cursor, first_page

PLACES_OF_ONE_SESSION = 20
"""The best places that a search over all sessions gives of each; one over a single session gives up to
MAX_PLACES."""

MAX_PLACES = 1000

_CURSOR_KIND = "search"

Rank = tuple[float, str, str, int]
"""Best score first, then the newest session, speech before slides, then the earliest position."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place in a transcript or on a slide.

    `highlights` are spans of characters of the snippet, times are in seconds.
    """

    session_id: str
    session_name: str
    job_id: str
    source: Source
    start: float
    end: float
    snippet: str
    highlights: tuple[Span, ...]
    score: float


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Some places, best first, and the cursor of the next page (None on the last). `is_complete` is False when a
    search so wide ended at its bound: then older sessions were not looked at."""

    items: tuple[Found, ...]
    cursor: str | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    session_id: str
    job_id: str
    """The id of `text_id`."""

    place: Place
    score: float

    @property
    def rank(self) -> Rank:
        return -self.score, self.session_id, self.job_id, self.place.first


def search(
    services: Services,
    org_id: str,
    text: str,
    *,
    limit: int,
    cursor: str | None = None,
    session_id: str | None = None,
    max_postings: int = MAX_POSTINGS,
) -> FoundPage:
    """Return the organisation's places that answer the query, best first, or those of one session.

    At most `max_postings` rows of the index are read.

    Raise InvalidRequest for a query without a word or with too many, and for a foreign cursor.
    """
    query, after = parse_query(text), _decoded(cursor)
    index = services.storage.search
    join = Join(
        lambda token, most, start: index.postings(org_id, token, limit=most, start=start, session_id=session_id),
        query.tokens,
        max_postings,
    )
    most = PLACES_OF_ONE_SESSION if session_id is None else MAX_PLACES
    candidates = [candidate for postings in join for candidate in _candidates(query, postings, most)]
    ranked = sorted((one for one in candidates if after is None or one.rank > after), key=lambda one: one.rank)
    page = first_page(_CURSOR_KIND, _shown(services, org_id, ranked), limit)
    return FoundPage(tuple(page.items), page.cursor, join.is_complete)


def _candidates(query: Query, postings: Mapping[str, Posting], most: int) -> Iterator[_Candidate]:
    one = next(iter(postings.values()))
    places = find_places(query, {token: posting.positions for token, posting in postings.items()})
    title = [token for token, posting in postings.items() if posting.in_title]
    for scored in score_places(places, query, title)[:most]:
        yield _Candidate(one.session_id, one.job_id, scored.place, scored.score)


def _shown(services: Services, org_id: str, ranked: list[_Candidate]) -> Iterator[tuple[str, Found]]:
    """Yield places with their words, each with its key for a cursor; reads storage lazily."""
    session_of = cache(partial(find_session, services, org_id))
    for one in ranked:
        session, (job_id, source) = session_of(one.session_id), parse_text_id(one.job_id)
        if session is None or present_job(session, source) != job_id:
            continue  # its rows are about to be removed
        passages = services.storage.search.passages(org_id, one.session_id, one.job_id, passages_around(one.place))
        snippet = make_snippet(one.place, passages)
        if snippet is None:
            continue
        found = Found(
            session_id=one.session_id,
            session_name=session.name,
            job_id=job_id,
            source=source,
            start=snippet.start,
            end=snippet.end,
            snippet=snippet.text,
            highlights=snippet.highlights,
            score=one.score,
        )
        yield f"{one.score}|{one.session_id}|{one.job_id}|{one.place.first}", found


def _decoded(cursor: str | None) -> Rank | None:
    key = decode_cursor(_CURSOR_KIND, cursor)
    if not key:
        return None
    try:
        score, session_id, text, position = key.split("|")
        return -float(score), session_id, text, int(position)
    except ValueError as err:
        raise InvalidRequest("The cursor is not one that a search gave out.") from err
