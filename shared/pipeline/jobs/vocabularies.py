"""Keep an organisation's vocabularies, and copy their terms for a job.

Apart from `submit` because vocabularies live on their own. A job keeps a copy of the terms, so that a later change of a
vocabulary changes no job that was accepted.
"""

from collections.abc import Sequence

from shared.domain.errors import Conflict, InvalidRequest, NotFound, UnknownVocabulary
from shared.domain.options import JobOptions
from shared.domain.vocabulary import MAX_TERMS_CHARS, MAX_VOCABULARIES, Vocabulary
from shared.pipeline.context import Services


def save_vocabulary(services: Services, org_id: str, name: str, terms: Sequence[str]) -> Vocabulary:
    """Keep the terms under the name, in place of those that are there.

    Raise InvalidRequest for terms that are too long together, and Conflict when the organisation has the largest number
    of vocabularies.
    """
    distinct = tuple(dict.fromkeys(" ".join(term.split()) for term in terms))
    if "" in distinct:
        raise InvalidRequest("A term must have a visible character.")
    _refuse_too_long(distinct)
    kept = services.storage.vocabularies
    names = {each.name for each in kept.of_organisation(org_id)}
    if name not in names and len(names) >= MAX_VOCABULARIES:
        raise Conflict(f"The organisation has {MAX_VOCABULARIES} vocabularies, which is the most; delete one first.")
    vocabulary = Vocabulary(org_id=org_id, name=name, terms=distinct, updated_at=services.clock())
    kept.save(vocabulary)
    return vocabulary


def delete_vocabulary(services: Services, org_id: str, name: str) -> None:
    """Remove the vocabulary; jobs that took its terms keep them. Raise NotFound."""
    services.storage.vocabularies.get(org_id, name)
    services.storage.vocabularies.delete(org_id, name)


def terms_for(services: Services, org_id: str, options: JobOptions) -> tuple[str, ...]:
    """Return the terms of the vocabularies that the options name, each once, in their order.

    Raise UnknownVocabulary for a name that the organisation does not have, and InvalidRequest when the terms are too
    long together.
    """
    terms: dict[str, None] = {}
    for name in options.vocabularies or ():
        try:
            terms.update(dict.fromkeys(services.storage.vocabularies.get(org_id, name).terms))
        except NotFound as err:
            raise UnknownVocabulary(f"There is no vocabulary {name!r}; PUT /vocabularies/{name} makes one.") from err
    _refuse_too_long(tuple(terms))
    return tuple(terms)


def _refuse_too_long(terms: Sequence[str]) -> None:
    chars = sum(map(len, terms))
    if chars > MAX_TERMS_CHARS:
        raise InvalidRequest(f"The terms have {chars} characters together; at most {MAX_TERMS_CHARS} are accepted.")
