"""Keep an organisation's vocabularies: names and terms that its recordings may have."""

import re
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import AfterValidator, ConfigDict, Field

from shared.api.dependencies import ReaderDep, ServicesDep, WriterDep, off_loop
from shared.api.http.conditional import held_tags
from shared.api.models.fields import RequestModel
from shared.api.models.views import View
from shared.api.openapi.problem_examples import CHANGED_VOCABULARY, NO_VOCABULARY, TOO_MANY_VOCABULARIES
from shared.api.openapi.route_docs import reading, saving
from shared.domain.errors import ForeignOrigin, NotFound
from shared.domain.text import JOINERS, is_visible
from shared.domain.vocabulary import MAX_TERM_CHARS, MAX_TERMS, MAX_TERMS_CHARS, VOCABULARY_NAME, Vocabulary
from shared.pipeline.jobs.vocabularies import Condition, delete_vocabulary, entity_tag, save_vocabulary

router = APIRouter(prefix="/vocabularies", tags=["vocabularies"])

_NAME = re.compile(VOCABULARY_NAME)


def _printable(term: str) -> str:
    if not all(c.isprintable() or c in JOINERS for c in term) or not is_visible(term.strip()):
        raise ValueError("A term must have visible characters only")
    return term


Term = Annotated[str, Field(min_length=1, max_length=MAX_TERM_CHARS), AfterValidator(_printable)]


async def known_name(vocabulary: str) -> str:
    """Return the path's name of a vocabulary; raise NotFound when it cannot be one."""
    if _NAME.fullmatch(vocabulary) is None:
        raise NotFound("A vocabulary's name has 1 to 40 lower-case letters, digits, dashes and underscores.")
    return vocabulary


VocabularyName = Annotated[str, Depends(known_name)]


IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The `ETag` of the vocabulary that the caller has read.", max_length=1000),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match", description="`*`: write only if there is no vocabulary under the name.", max_length=1000
    ),
]
TAG_DOCS = {"ETag": {"description": "Of the vocabulary, for the next `If-Match`.", "schema": {"type": "string"}}}


class VocabularyTerms(RequestModel):
    """The terms of a vocabulary, in place of those that are there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"terms": ["Voronoi", "Delaunay triangulation"]}]})

    terms: list[Term] = Field(
        min_length=1,
        max_length=MAX_TERMS,
        description=f"Names and terms to expect, with at most {MAX_TERMS_CHARS} characters.",
    )


class VocabularyView(View):
    """A vocabulary: the terms that jobs which name it take along."""

    name: str
    terms: list[str]
    updated_at: datetime


class VocabularySummary(View):
    """A vocabulary without its terms."""

    name: str
    term_count: int = Field(ge=0)
    updated_at: datetime


class VocabularyList(View):
    """All vocabularies of an organisation, by name."""

    items: list[VocabularySummary]


@router.get("", summary="List vocabularies", responses=reading(), operation_id="listVocabularies")
async def list_vocabularies(services: ServicesDep, caller: ReaderDep) -> VocabularyList:
    """The organisation's vocabularies, by name."""
    found = await off_loop(lambda: list(services.storage.vocabularies.of_organisation(caller.org_id)))
    return VocabularyList(
        items=[
            VocabularySummary(name=each.name, term_count=len(each.terms), updated_at=each.updated_at) for each in found
        ]
    )


@router.get(
    "/{vocabulary}",
    summary="Get a vocabulary",
    responses={200: {"headers": TAG_DOCS}, **reading(NO_VOCABULARY)},
    operation_id="getVocabulary",
)
async def get_vocabulary(
    name: VocabularyName, response: Response, services: ServicesDep, caller: ReaderDep
) -> VocabularyView:
    """A vocabulary with its terms."""
    return _view((await off_loop(partial(services.storage.vocabularies.get, caller.org_id, name))).value, response)


@router.put(
    "/{vocabulary}",
    summary="Keep a vocabulary",
    responses={200: {"headers": TAG_DOCS}, **saving(NO_VOCABULARY, TOO_MANY_VOCABULARIES, CHANGED_VOCABULARY)},
    operation_id="putVocabulary",
)
async def put_vocabulary(
    name: VocabularyName,
    body: VocabularyTerms,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> VocabularyView:
    """Keeps these terms under the name. A job takes a copy when it is submitted: what is changed later changes no job
    that was accepted.

    To add a term, send `If-Match` with the `ETag` of what was read, or `If-None-Match: *` where there was none: 412
    means that another caller was faster.
    """
    condition = Condition(held_tags(if_match), must_be_new=if_none_match is not None and if_none_match.strip() == "*")
    call = partial(save_vocabulary, services, caller.org_id, name, body.terms, condition)
    return _view(await off_loop(call), response)


@router.delete(
    "/{vocabulary}",
    status_code=204,
    summary="Delete a vocabulary",
    responses=reading(NO_VOCABULARY, ForeignOrigin),
    operation_id="deleteVocabulary",
)
async def remove_vocabulary(name: VocabularyName, services: ServicesDep, caller: WriterDep) -> None:
    """Jobs that took its terms keep them; a job that names it is refused from now on."""
    await off_loop(partial(delete_vocabulary, services, caller.org_id, name))


def _view(vocabulary: Vocabulary, response: Response) -> VocabularyView:
    response.headers["ETag"] = entity_tag(vocabulary)
    return VocabularyView(name=vocabulary.name, terms=list(vocabulary.terms), updated_at=vocabulary.updated_at)
