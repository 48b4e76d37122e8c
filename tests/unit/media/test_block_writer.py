"""A file written into blocks: what a muxer does to it, and what it must not ask for."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.media.block_writer import BlockWriter


def finished(writer: BlockWriter, blocks: dict[int, bytes]) -> bytes:
    """The file as it stands when all is written."""
    assert writer.finish() == len(blocks)
    return b"".join(blocks[number] for number in range(len(blocks)))


@given(st.lists(st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=25)), min_size=1, max_size=30))
def test_what_is_written_near_the_end_stands_as_in_a_file(writes: list[tuple[int, bytes]]) -> None:
    blocks: dict[int, bytes] = {}
    writer, file = BlockWriter(blocks.__setitem__, 10, 8), io.BytesIO()
    for back, data in writes:
        for each in (writer, file):
            each.seek(max(0, each.seek(0, io.SEEK_END) - back))
            each.write(data)
        assert writer.tell() == file.tell()
    assert finished(writer, blocks) == file.getvalue()


def test_the_first_block_can_be_written_to_the_last_and_few_others_are_held() -> None:
    blocks: dict[int, bytes] = {}
    writer = BlockWriter(blocks.__setitem__, 10, 2)
    writer.write(bytes(100))
    assert sorted(blocks) == [1, 2, 3, 4, 5, 6, 7]
    writer.seek(4)
    writer.write(b"size")
    assert finished(writer, blocks) == bytes(4) + b"size" + bytes(92)


def test_what_was_given_out_cannot_be_changed() -> None:
    writer = BlockWriter(lambda number, data: None, 10, 2)
    writer.write(bytes(100))
    writer.seek(35)
    with pytest.raises(OSError, match="staged already"):
        writer.write(b"x")


def test_there_is_no_place_behind_the_end() -> None:
    with pytest.raises(OSError, match="cannot seek"):
        BlockWriter(lambda number, data: None).seek(1)


def test_a_head_of_several_blocks_is_left_out_and_written_last() -> None:
    blocks: dict[int, bytes] = {}
    writer = BlockWriter(blocks.__setitem__, 10, 2, head_bytes=25)
    writer.write(b"abc")
    writer.seek(25)
    writer.write(b"x" * 75)
    assert sorted(blocks) == [3, 4, 5, 6, 7]  # the head of three blocks and the latest two are held
    writer.seek(3)
    writer.write(b"index")
    assert writer.finish() == 10
    assert b"".join(blocks[number] for number in sorted(blocks)) == b"abcindex" + bytes(17) + b"x" * 75
