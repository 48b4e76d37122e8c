"""Cursors: what was put in comes out, and nothing else gets in."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.storage.cursor import decode_cursor, encode_cursor, first_page
from shared.storage.table import is_possible_key

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(is_possible_key)
kinds = st.sampled_from(["jobs", "sessions"])


@given(kinds, keys)
def test_a_cursor_gives_its_key_back(kind: str, key: str) -> None:
    cursor = encode_cursor(kind, key)
    assert decode_cursor(kind, cursor) == key
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(keys)
def test_a_cursor_belongs_to_its_kind_of_list(key: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor("sessions", encode_cursor("jobs", key))


@given(st.text())
def test_any_other_text_is_refused_or_one_of_ours(text: str) -> None:
    try:
        key = decode_cursor("jobs", text)
    except InvalidRequest:
        return
    assert decode_cursor("jobs", encode_cursor("jobs", key)) == key


@pytest.mark.parametrize("key", ["a/b", "a?", "a\n", "x" * 513])
def test_a_cursor_with_a_key_that_no_row_has_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor("jobs", encode_cursor("jobs", key))


def test_no_cursor_means_the_beginning() -> None:
    assert decode_cursor("jobs", None) == ""


@given(st.lists(st.integers(), unique=True, max_size=30).map(sorted), st.integers(1, 10))
def test_pages_one_after_another_make_the_list(rows: list[int], limit: int) -> None:
    gathered: list[int] = []
    cursor: str | None = None
    for _ in range(len(rows) + 1):
        begin = 0 if cursor is None else [str(row) for row in rows].index(decode_cursor("jobs", cursor)) + 1
        page = first_page("jobs", ((str(row), row) for row in rows[begin:]), limit)
        assert len(page.items) == limit or page.cursor is None
        gathered.extend(page.items)
        cursor = page.cursor
        if cursor is None:
            break
    assert gathered == rows


def test_a_page_takes_one_item_too_many_at_most() -> None:
    taken: list[int] = []

    def rows() -> Iterator[tuple[str, int]]:
        for number in range(100):
            taken.append(number)
            yield str(number), number

    first_page("jobs", rows(), 5)
    assert taken == list(range(6))
