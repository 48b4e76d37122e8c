"""Server-Sent Events, however their bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rostrum_client.sse import Message, Parser

STREAM = "retry: 1500\n\nid: 1\nevent: status\ndata: Grüße\u2028\u0085\n\n: ping\r\n\r\n"
STREAM += "data:two\rdata: lines\r\rid: 3\ndata\n\n"
MESSAGES = [
    Message("status", "Grüße\u2028\u0085", "1"),
    Message("message", "two\nlines", "1"),
    Message("message", "", "3"),
]


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=12))
def test_cuts_make_no_difference(cuts: list[int]) -> None:
    data, parser = STREAM.encode(), Parser()
    pieces = [data[start:end] for start, end in pairwise([0, *sorted(cuts), len(data)])]

    assert [message for piece in pieces for message in parser.feed(piece)] == MESSAGES
    assert parser.retry_sec == 1.5


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        ("data: half", []),
        ("id: 1\n\n", []),
        ("event: status\n\ndata: x\n\n", [Message("message", "x", "")]),
        ("data:  two spaces\n\n", [Message("message", " two spaces", "")]),
        ("retry: soon\nunknown: field\ndata: x\n\n", [Message("message", "x", "")]),
        ("id: 1\nid: nul\0\ndata: x\n\n", [Message("message", "x", "1")]),
    ],
    ids=["cut off", "without data", "an event's name is forgotten", "spaces", "unknown fields", "an id with NUL"],
)
def test_the_standards_corners(stream: str, messages: list[Message]) -> None:
    assert Parser().feed(stream.encode()) == messages
