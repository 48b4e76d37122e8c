"""The tree of errors: the drawing at its top names every class, and codes tell them apart."""

import re

from shared.domain import errors
from shared.domain.errors import FinalError, RequestError, RostrumError, TransientError


def all_errors(root: type[RostrumError] = RostrumError) -> list[type[RostrumError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


OURS = [found for found in all_errors() if found.__module__ == errors.__name__]


def test_the_drawing_names_every_error() -> None:
    drawing = (errors.__doc__ or "").partition("\n\nA class gives")[0]
    drawn = re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b|\bConflict\b|\bUnauthenticated\b|\bBusy\b", drawing)
    assert sorted(set(drawn)) == sorted(found.__name__ for found in OURS)


def test_codes_are_stable_names_and_told_apart() -> None:
    codes = [found.code for found in OURS if "code" in vars(found)]  # the others are their parent's, told more exactly
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", code) for code in codes)


def test_titles_say_it_in_a_few_words() -> None:
    for found in OURS:
        title = found("a detail").title
        assert 5 < len(title) < 80
        assert not title.endswith(".")


def test_what_is_transient_may_be_tried_again() -> None:
    assert all(found.retryable for found in all_errors(TransientError))
    assert [found.__name__ for found in all_errors(FinalError) if found.retryable] == ["StageExhausted"]
    retryable = {found.__name__ for found in all_errors(RequestError) if found.retryable}
    assert retryable == {
        "StorageFull",
        "RateLimited",
        "TooManyStreams",
        "RedeliveryWaiting",
        "IdempotencyKeyInUse",
        "Busy",
        "RequestTimedOut",
        "ResultInTheMaking",
    }


def test_the_detail_is_the_message() -> None:
    error = errors.NotMedia("It is a text file.")
    assert (str(error), error.detail) == ("It is a text file.", "It is a text file.")
