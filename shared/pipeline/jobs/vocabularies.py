"""Keep an organisation's vocabularies, and copy their terms for a job.

Apart from `submit` because vocabularies live on their own. A job keeps a copy of the terms, so that a later change of a
vocabulary changes no job that was accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from shared.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    UnknownVocabulary,
    WriteConflict,
)
from shared.domain.options import JobOptions
from shared.domain.vocabulary import MAX_TERMS_CHARS, MAX_VOCABULARIES, Vocabulary
from shared.pipeline.context import Services
from shared.storage.ports import Stored

ANY = "*"


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a vocabulary for it to be written, so that of two callers who add a term none is lost."""

    tags: Sequence[str] | None = None
    """The entity tags that the caller holds; None where any vocabulary may be replaced."""
    must_be_new: bool = False
    """Whether there must be none under the name."""

    def require(self, name: str, found: Vocabulary | None) -> None:
        """Raise PreconditionFailed unless it holds."""
        tags = {ANY, entity_tag(found)} if found else set()
        if (self.must_be_new and found) or (self.tags is not None and not tags & set(self.tags)):
            raise PreconditionFailed(f"The vocabulary {name!r} is another than the caller has read; read it again.")


UNCONDITIONAL = Condition()


def entity_tag(vocabulary: Vocabulary) -> str:
    """Return the strong entity tag of a vocabulary's present terms."""
    read = "\n".join((vocabulary.name, vocabulary.updated_at.isoformat(), *vocabulary.terms))
    return f'"{sha256(read.encode()).hexdigest()[:32]}"'


def save_vocabulary(
    services: Services, org_id: str, name: str, terms: Sequence[str], condition: Condition = UNCONDITIONAL
) -> Vocabulary:
    """Keep the terms under the name, in place of those that are there.

    Raises:
        InvalidRequest: The terms are too long together.
        Conflict: The organisation has the largest number of vocabularies.
        PreconditionFailed: The condition does not hold, or no longer.
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
    if condition == UNCONDITIONAL:
        kept.save(vocabulary)
    else:
        present = _find(services, org_id, name)
        condition.require(name, None if present is None else present.value)
        _replace(services, present, vocabulary)
    return vocabulary


def _find(services: Services, org_id: str, name: str) -> Stored[Vocabulary] | None:
    try:
        return services.storage.vocabularies.get(org_id, name)
    except NotFound:
        return None


def _replace(services: Services, present: Stored[Vocabulary] | None, vocabulary: Vocabulary) -> None:
    """Write the vocabulary if it is still as it was found; raise PreconditionFailed."""
    try:
        if present is None:
            services.storage.vocabularies.create(vocabulary)
        else:
            services.storage.vocabularies.update(present, vocabulary)
    except (WriteConflict, NotFound) as err:
        raise PreconditionFailed(f"The vocabulary {vocabulary.name!r} was changed meanwhile; read it again.") from err


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
            terms.update(dict.fromkeys(services.storage.vocabularies.get(org_id, name).value.terms))
        except NotFound as err:
            raise UnknownVocabulary(f"There is no vocabulary {name!r}; PUT /vocabularies/{name} makes one.") from err
    _refuse_too_long(tuple(terms))
    return tuple(terms)


def _refuse_too_long(terms: Sequence[str]) -> None:
    chars = sum(map(len, terms))
    if chars > MAX_TERMS_CHARS:
        raise InvalidRequest(f"The terms have {chars} characters together; at most {MAX_TERMS_CHARS} are accepted.")
