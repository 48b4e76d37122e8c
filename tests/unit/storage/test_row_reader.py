"""A row that did not change is decoded once; one that changed, or that was not remembered, is decoded anew."""

from dataclasses import replace

import pytest

from shared.domain.errors import UnreadableRow
from shared.storage.row_reader import RowReader
from shared.storage.table import Columns, Row

ROW = Row("acme", "j1", {"schemaVersion": 1, "name": "A talk"}, "e1")


class Decoder:
    """Decodes rows to their names; `decoded` has one entry for each time."""

    def __init__(self) -> None:
        self.decoded: list[str] = []

    def __call__(self, columns: Columns) -> str:
        self.decoded.append(str(columns["name"]))
        return self.decoded[-1]


def named(row: Row, name: str) -> Row:
    return replace(row, columns={**row.columns, "name": name})


def test_an_unchanged_row_is_decoded_once_and_a_changed_one_anew() -> None:
    decoder = Decoder()
    reader = RowReader("parts", decoder, remembers=2)
    assert [reader.read(row) for row in (ROW, named(ROW, "A talk"), replace(ROW, etag="e2"))] == ["A talk"] * 3
    assert decoder.decoded == ["A talk"]
    assert [reader.read(row) for row in (named(ROW, "Renamed"), ROW)] == ["Renamed", "A talk"]
    assert decoder.decoded == ["A talk", "Renamed", "A talk"]


def test_no_more_rows_are_remembered_than_said() -> None:
    decoder = Decoder()
    reader = RowReader("parts", decoder, remembers=2)
    for key in ("j1", "j2", "j3", "j1", "j3"):
        assert reader.read(replace(ROW, key=key)) == "A talk"
    assert len(decoder.decoded) == 4


def test_a_row_that_cannot_be_read_any_more_is_not_answered_from_memory() -> None:
    reader = RowReader("parts", Decoder(), remembers=2)
    reader.read(ROW)
    with pytest.raises(UnreadableRow):
        reader.read(replace(ROW, columns={"schemaVersion": 1}))


def test_without_memory_each_read_decodes() -> None:
    decoder = Decoder()
    reader = RowReader("parts", decoder)
    assert [reader.read(ROW), reader.read(ROW)] == ["A talk"] * 2
    assert len(decoder.decoded) == 2
