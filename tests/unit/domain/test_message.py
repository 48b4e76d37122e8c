"""Messages between stages: small, readable, and the same after the queue."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage

QUEUE_LIMIT_BYTES = 48 * 1024  # 64 KiB in base64

names = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200)
messages = st.builds(
    StageMessage,
    job_id=names,
    org_id=names,
    session_id=names,
    stage=st.sampled_from(Stage),
    step=st.sampled_from(StepKind),
    part=st.integers(0, 99999),
    attempt=st.integers(1, 9),
    traceparent=st.none() | names,
)


@given(messages)
def test_a_message_survives_the_queue(message: StageMessage) -> None:
    text = message.to_text().encode()
    assert StageMessage.from_bytes(text) == message
    assert len(text) < QUEUE_LIMIT_BYTES


def test_a_person_can_read_it() -> None:
    message = StageMessage(job_id="j", org_id="o", session_id="s", stage=Stage.TRACKING, step=StepKind.PART, part=3)
    assert json.loads(message.to_text()) == {
        "jobId": "j",
        "orgId": "o",
        "sessionId": "s",
        "stage": "tracking",
        "step": "part",
        "part": 3,
        "attempt": 1,
    }


def test_what_a_later_release_adds_is_ignored() -> None:
    message = StageMessage(job_id="j", org_id="o", session_id="s", stage=Stage.TRACKING, step=StepKind.MERGE)
    extended = json.dumps({**json.loads(message.to_text()), "priority": 5})
    assert StageMessage.from_bytes(extended.encode()) == message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="not text"),
        pytest.param(b"hello", id="not JSON"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="fields missing"),
        pytest.param(b'{"jobId":"j","orgId":"o","sessionId":"s","stage":"cooking","step":"part"}', id="no such stage"),
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        StageMessage.from_bytes(body)
