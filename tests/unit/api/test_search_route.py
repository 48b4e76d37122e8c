"""Search over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.api.routes.search import EXAMPLE
from shared.pipeline.stages.search_index import index_transcript
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from tests.support.api_harness import ORG, ApiHarness


def talk(harness: ApiHarness, text: str, name: str = "A talk") -> str:
    """A session in which the text is said, a word a second; its id."""
    job = harness.submit(sessionName=name)
    words = tuple(TranscriptWord(word=word, start=at, end=at + 1, confidence=1) for at, word in enumerate(text.split()))
    transcript = Transcript(
        session_id=job["sessionId"],
        job_id=job["jobId"],
        language="en",
        duration_sec=len(words),
        engine=TranscriptEngine(name="e", version="1", model="m"),
        segments=(TranscriptSegment(id=0, start=0, end=len(words), text=text, confidence=1, words=words),),
        speech_sec=len(words),
        warnings=(),
    )
    harness.finish(job, {"transcript.json": transcript.model_dump_json(by_alias=True).encode()})
    index_transcript(harness.services, ORG, job["sessionId"], job["jobId"])
    session_id: str = job["sessionId"]
    return session_id


def search(harness: ApiHarness, query: str) -> dict[str, Any]:
    answer = harness.client.get(f"/search?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_find_tells_where_it_is_and_shows_it(harness: ApiHarness) -> None:
    session_id = talk(harness, "So: gradient Descent, step by step.", "Lecture 4")
    body = search(harness, "q=gradient+descent")
    (item,) = body["items"]
    assert item.pop("score") > 2
    assert item == {
        "sessionId": session_id,
        "sessionName": "Lecture 4",
        "jobId": harness.session(session_id).transcript_job_id,
        "source": "speech",
        "start": 1.0,
        "end": 3.0,
        "snippet": "So: gradient Descent, step by step.",
        "highlights": [[4, 20]],
    }
    assert body["complete"] is True
    assert "nextLink" not in body


def test_nothing_found_is_an_empty_list(harness: ApiHarness) -> None:
    talk(harness, "gradient descent")
    assert search(harness, "q=elsewhere") == {"items": [], "complete": True}
    assert search(harness, "q=gradient&sessionId=nothing") == {"items": [], "complete": True}


def test_pages_lead_to_each_other_and_keep_the_question(harness: ApiHarness) -> None:
    made = [talk(harness, "“Übung” macht den Meister & mehr") for _ in range(5)]
    question = quote('"übung macht" & meister')
    link: str | None = f"/search?q={question}&limit=2"
    got: list[str] = []
    pages = 0
    while link is not None:
        answer = harness.client.get(link)
        assert answer.status_code == 200
        got += [item["sessionId"] for item in answer.json()["items"]]
        link, pages = answer.json().get("nextLink"), pages + 1
    assert got == made[::-1]
    assert pages == 3


def test_one_session_alone_is_searched_page_by_page(harness: ApiHarness) -> None:
    talk(harness, "gradient")
    session_id = talk(harness, ("gradient " + "x " * 40) * 3)
    first = search(harness, f"q=gradient&sessionId={session_id}&limit=2")
    second = harness.client.get(first["nextLink"]).json()
    assert [item["start"] for item in first["items"] + second["items"]] == [0.0, 41.0, 82.0]
    assert {item["sessionId"] for item in first["items"] + second["items"]} == {session_id}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="none"),
        pytest.param("q=", id="empty"),
        pytest.param("q=%3F%21", id="no word"),
        pytest.param(f"q={'x' * 201}", id="too long"),
        pytest.param(f"q={quote('字' * 41)}", id="too many words"),
        pytest.param("q=a&limit=0", id="limit too small"),
        pytest.param("q=a&limit=101", id="limit too large"),
        pytest.param("q=a&cursor=x", id="a foreign cursor"),
        pytest.param("q=a&sessionId=a%2Fb", id="no session's id"),
    ],
)
def test_what_cannot_be_asked_is_refused(harness: ApiHarness, query: str) -> None:
    answer = harness.client.get(f"/search?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_the_example_in_the_description_is_one_that_could_be_given() -> None:
    (item,) = EXAMPLE["items"]
    ((start, end),) = item["highlights"]
    assert item["snippet"][start:end] == "gradient descent"
