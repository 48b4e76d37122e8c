"""The small table below the stores: keys, kinds of values, conditions, and the order of scans."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import NotFound, WriteConflict
from shared.storage.table import Row, Table

NewTable = Callable[[], Table]

CELLS = {
    "text": "Übung “1”\nline",
    "empty": "",
    "small": 0,
    "large": 2**53,
    "yes": True,
    "no": False,
    "whole": 2.0,
    "third": 1 / 3,
    "tiny": 5e-324,
    "at": datetime(2026, 11, 21, 9, 30, 0, 1, UTC),
}


@pytest.fixture
def table(new_table: NewTable) -> Table:
    return new_table()


def test_every_kind_of_value_comes_back_as_itself(table: Table) -> None:
    etag = table.insert(Row("p", "k", CELLS))
    row = table.get("p", "k")
    assert row.columns == CELLS
    assert {name: type(cell) for name, cell in row.columns.items()} == {name: type(CELLS[name]) for name in CELLS}
    assert row.etag == etag
    assert row.written_at is not None
    assert abs(row.written_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("key", ["a'b", "a b", "a%20b", "a+b&c=d", "ä–😀", ":", "a" * 512, "😀" * 256, "--", "()"])
def test_odd_keys_are_keys(table: Table, key: str) -> None:
    etag = table.insert(Row(key, key, {"n": 1}))
    etag = table.replace(Row(key, key, {"n": 2}), etag)
    assert [row.columns["n"] for row in table.scan(key)] == [2]
    table.delete(key, key, etag)
    with pytest.raises(NotFound):
        table.get(key, key)


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\tb", "a\x85b", "a" * 513, "😀" * 257, "a\ud800"])
def test_impossible_keys_are_refused_before_they_are_sent(table: Table, key: str) -> None:
    with pytest.raises(ValueError, match="keys"):
        Row(key, "k", {})
    with pytest.raises(ValueError, match="keys"):
        Row("p", key, {})
    with pytest.raises(NotFound):
        table.get("p", key)
    with pytest.raises(NotFound):
        table.get(key, "k")


def test_replacing_takes_away_columns(table: Table) -> None:
    etag = table.insert(Row("p", "k", {"a": 1, "b": 2}))
    table.replace(Row("p", "k", {"b": 3}), etag)
    assert table.get("p", "k").columns == {"b": 3}
    table.upsert(Row("p", "k", {"c": 4}))
    assert table.get("p", "k").columns == {"c": 4}


def test_every_write_gives_a_new_etag(table: Table) -> None:
    etags = [table.insert(Row("p", "k", {"a": 1}))]
    etags.append(table.replace(Row("p", "k", {"a": 1}), etags[-1]))
    table.upsert(Row("p", "k", {"a": 1}))
    etags.append(table.get("p", "k").etag)
    assert len(set(etags)) == 3


def test_an_old_etag_changes_nothing(table: Table) -> None:
    old = table.insert(Row("p", "k", {"a": 1}))
    table.replace(Row("p", "k", {"a": 2}), old)
    with pytest.raises(WriteConflict):
        table.replace(Row("p", "k", {"a": 3}), old)
    with pytest.raises(WriteConflict):
        table.delete("p", "k", old)
    with pytest.raises(WriteConflict):
        table.insert(Row("p", "k", {"a": 4}))
    assert table.get("p", "k").columns == {"a": 2}


def test_a_row_that_is_gone(table: Table) -> None:
    etag = table.insert(Row("p", "k", {"a": 1}))
    table.delete("p", "k", etag)
    table.delete("p", "k", etag)
    with pytest.raises(NotFound):
        table.replace(Row("p", "k", {"a": 2}), etag)


def test_a_table_that_was_never_written_is_empty(table: Table) -> None:
    assert list(table.scan("p")) == []
    assert list(table.scan_partitions("p")) == []
    table.delete("p", "k", 'W/"1"')
    with pytest.raises(NotFound):
        table.get("p", "k")


@pytest.fixture
def filled(table: Table) -> Table:
    for partition, keys in (("a:1", "dbca"), ("a:2", "x"), ("a", "y"), ("b", "z")):
        for key in keys:
            table.insert(Row(partition, key, {"kind": "vowel" if key == "a" else "consonant", "key": key}))
    return table


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000, 5000])
def test_a_scan_goes_by_key_through_one_partition(filled: Table, page_size: int) -> None:
    assert [row.key for row in filled.scan("a:1", page_size=page_size)] == ["a", "b", "c", "d"]
    assert [row.key for row in filled.scan("a:1", after="b", page_size=page_size)] == ["c", "d"]
    assert [row.key for row in filled.scan("a:1", after="a", before="d", page_size=page_size)] == ["b", "c"]


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        pytest.param({"kind": {"vowel"}}, ["a"], id="one value"),
        pytest.param({"kind": ["vowel", "consonant"]}, ["a", "b", "c", "d"], id="two values"),
        pytest.param({"kind": {"consonant"}, "key": {"a", "b", "d"}}, ["b", "d"], id="two columns"),
        pytest.param({"kind": {"it's @x"}}, [], id="a value with signs"),
        pytest.param({"missing": {"vowel"}}, [], id="no such column"),
    ],
)
def test_a_scan_leaves_out_what_was_not_asked_for(filled: Table, where: dict[str, list[str]], keys: list[str]) -> None:
    assert [row.key for row in filled.scan("a:1", where=where, page_size=2)] == keys


@pytest.mark.parametrize(
    ("select", "columns"),
    [
        pytest.param(None, {"kind", "key"}, id="all"),
        pytest.param(["kind"], {"kind"}, id="one"),
        pytest.param(["missing"], set(), id="one that no row has"),
        pytest.param([], set(), id="none"),
    ],
)
def test_a_scan_fetches_only_the_columns_that_were_asked_for(
    filled: Table, select: list[str] | None, columns: set[str]
) -> None:
    rows = list(filled.scan("a:1", where={"kind": ["consonant"]}, select=select))
    assert [(row.partition, row.key, set(row.columns)) for row in rows] == [("a:1", key, columns) for key in "bcd"]
    whole = filled.get("a:1", "b")
    assert (rows[0].etag, rows[0].written_at) == (whole.etag, whole.written_at)


def test_partitions_are_found_by_how_they_begin(filled: Table) -> None:
    assert [(row.partition, row.key) for row in filled.scan_partitions("a:")] == [
        ("a:1", "a"),
        ("a:1", "b"),
        ("a:1", "c"),
        ("a:1", "d"),
        ("a:2", "x"),
    ]


def test_rows_may_be_deleted_while_they_are_scanned(filled: Table) -> None:
    for row in filled.scan("a:1", page_size=1):
        filled.delete(row.partition, row.key, row.etag)
    assert list(filled.scan("a:1")) == []
