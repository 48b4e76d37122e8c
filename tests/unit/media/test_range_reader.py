"""The range reader is a file: every operation answers as a file with the same bytes would."""

import io
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.media.range_reader import DEFAULT_BLOCK_BYTES, FEW_PLACES_FROM_BYTES, SMALL_BLOCK_BYTES, RangeReader

DATA = random.Random(7).randbytes(5000)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 2000)),
        st.tuples(st.just("read1"), st.integers(0, 2000)),
        st.tuples(st.just("start"), st.integers(0, 6000)),
        st.tuples(st.just("end"), st.integers(-5000, 100)),
        st.tuples(st.just("step"), st.integers(0, 500)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 5000), block_bytes=st.integers(1, 1500), blocks=st.integers(2, 5), steps=steps)
def test_answers_as_a_file_with_the_same_bytes(
    size: int, block_bytes: int, blocks: int, steps: list[tuple[str, int]]
) -> None:
    data = DATA[:size]
    expected = io.BytesIO(data)
    with RangeReader(lambda at, length: data[at : at + length], size, block_bytes, blocks) as reader:
        for kind, number in steps:
            if kind == "read":
                assert reader.read(number) == expected.read(number)
            elif kind == "read1":  # may stop early, but never gives wrong bytes, and none only at the end
                piece = reader.read1(number)
                assert piece == expected.read(len(piece))
                assert piece or number == 0 or expected.tell() >= size
            elif kind == "end" and size + number < 0:
                with pytest.raises(ValueError, match="before the start"):
                    reader.seek(number, io.SEEK_END)
            else:
                whence = {"start": io.SEEK_SET, "end": io.SEEK_END, "step": io.SEEK_CUR}[kind]
                assert reader.seek(number, whence) == expected.seek(number, whence)
            assert reader.tell() == expected.tell()


def test_readinto_and_context_manager() -> None:
    target = bytearray(10)
    with RangeReader(lambda at, length: DATA[at : at + length], 25, 8) as reader:
        reader.seek(20)
        assert reader.readinto(target) == 5
        assert target[:5] == DATA[20:25]
    assert reader.closed
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_never_asks_twice_for_a_block_when_reading_straight_on() -> None:
    asked: list[int] = []
    lock = threading.Lock()

    def read_range(offset: int, length: int) -> bytes:
        with lock:
            asked.append(offset)
        return DATA[offset : offset + length]

    with RangeReader(read_range, len(DATA), 100, 3) as reader:
        while reader.read(37):
            pass
    assert sorted(asked) == list(range(0, 5000, 100))


def test_reads_ahead_before_it_is_asked() -> None:
    second_block = threading.Event()

    def read_range(offset: int, length: int) -> bytes:
        if offset == 100:
            second_block.set()
        return DATA[offset : offset + length]

    with RangeReader(read_range, 1000, 100, 3) as reader:
        reader.read(1)
        assert second_block.wait(10)


def test_keeps_no_more_than_its_blocks() -> None:
    with RangeReader(lambda at, length: DATA[at : at + length], len(DATA), 100, 3) as reader:
        for at in (0, 1500, 300, 2000, 2100, 2200, 4900, 0, 100, 200):
            reader.seek(at)
            reader.read(100)
            assert len(reader._cache) + (reader._ahead is not None) <= 3


def test_failures_of_the_storage_pass_through_and_can_be_tried_again() -> None:
    failures = [OSError("gone"), OSError("still gone")]

    def read_range(offset: int, length: int) -> bytes:
        if offset == 100 and failures:
            raise failures.pop()
        return DATA[offset : offset + length]

    with RangeReader(read_range, 300, 100, 3) as reader:
        assert reader.read(100) == DATA[:100]
        with pytest.raises(OSError, match="gone"):
            reader.read(100)
        assert reader.read(100) == DATA[100:200]


def test_a_short_answer_is_an_error_not_the_end() -> None:
    with RangeReader(lambda at, length: b"", 300, 100) as reader, pytest.raises(EOFError, match="asked for 100"):
        reader.read(1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param((-1, 10, 3), "size_bytes", id="negative size"),
        pytest.param((10, 0, 3), "block_bytes", id="no block"),
        pytest.param((10, 10, 1), "blocks", id="no block to read ahead"),
    ],
)
def test_says_which_argument_was_wrong(arguments: tuple[int, int, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        RangeReader(lambda at, length: b"", *arguments)


def test_where_a_read_is_dear_only_what_is_asked_for_is_read() -> None:
    asked: list[int] = []

    def read_range(at: int, length: int) -> bytes:
        asked.append(at)
        return DATA[at : at + length]

    with RangeReader(read_range, len(DATA), 100, 3, read_ahead=False) as reader:
        assert reader.read(250) == DATA[:250]
        reader.seek(-50, io.SEEK_END)
        assert reader.read() == DATA[-50:]
        reader.seek(200)
        assert reader.read(1) == DATA[200:201]
    assert asked == [0, 100, 200, 4900]


def test_few_places_of_a_large_file_are_read_in_small_pieces() -> None:
    read: list[tuple[int, int]] = []

    def read_range(offset: int, length: int) -> bytes:
        read.append((offset, length))
        return bytes(length)

    for size_bytes in (FEW_PLACES_FROM_BYTES - 1, FEW_PLACES_FROM_BYTES):
        with RangeReader.for_few_places(read_range, size_bytes) as reader:
            reader.seek(20 * 1024 * 1024)
            reader.read(10)
    large = DEFAULT_BLOCK_BYTES
    assert read == [(5 * large, large), (20 * 1024 * 1024, SMALL_BLOCK_BYTES)]
