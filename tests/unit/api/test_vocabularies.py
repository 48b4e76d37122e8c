"""Vocabularies: kept for an organisation, and copied by jobs when they are accepted."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import PreconditionFailed
from shared.domain.options import JobOptions
from shared.domain.vocabulary import MAX_VOCABULARIES, Vocabulary
from shared.pipeline.jobs.submit import retry_job
from shared.pipeline.jobs.vocabularies import Condition, save_vocabulary
from shared.pipeline.stages.transcription import hints_for
from tests.support.api_harness import ORG, ApiHarness

PATH = "/vocabularies/algebra"


def test_a_vocabulary_is_kept_replaced_listed_and_deleted(harness: ApiHarness) -> None:
    client = harness.client
    assert client.get(PATH).status_code == 404
    kept = client.put(PATH, json={"terms": ["Noether", " Emmy  Noether ", "Noether", "理想"]})
    assert kept.status_code == 200, kept.text
    assert kept.json()["terms"] == ["Noether", "Emmy Noether", "理想"]
    assert client.get(PATH).json() == kept.json()
    assert client.put("/vocabularies/a-1", json={"terms": ["x"]}).json()["terms"] == ["x"]
    listed = client.get("/vocabularies").json()["items"]
    assert [(each["name"], each["termCount"]) for each in listed] == [("a-1", 1), ("algebra", 3)]
    assert client.put(PATH, json={"terms": ["Artinian"]}).json()["terms"] == ["Artinian"]
    assert client.delete(PATH).status_code == 204
    assert client.delete(PATH).status_code == client.get(PATH).status_code == 404


def test_of_two_callers_who_add_a_term_none_is_lost(harness: ApiHarness) -> None:
    client, new = harness.client, {"If-None-Match": "*"}
    made = client.put(PATH, json={"terms": ["Noether"]}, headers=new)
    assert made.status_code == 200, made.text
    refused = client.put(PATH, json={"terms": ["Artin"]}, headers=new)
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    held = {"If-Match": client.get(PATH).headers["ETag"]}
    assert held["If-Match"] == made.headers["ETag"]
    first = client.put(PATH, json={"terms": ["Noether", "Artin"]}, headers=held)
    assert (first.status_code, first.headers["ETag"] == held["If-Match"]) == (200, False)
    assert client.put(PATH, json={"terms": ["Noether", "Krull"]}, headers=held).status_code == 412
    assert client.get(PATH).json()["terms"] == ["Noether", "Artin"]
    assert client.put("/vocabularies/absent", json={"terms": ["x"]}, headers={"If-Match": "*"}).status_code == 412


def test_a_write_between_the_callers_read_and_its_write_is_seen(harness: ApiHarness) -> None:
    save_vocabulary(harness.services, ORG, "algebra", ["Noether"])
    read = harness.services.storage.vocabularies.get(ORG, "algebra")

    class Late(Condition):
        def require(self, name: str, found: Vocabulary | None) -> None:
            harness.services.storage.vocabularies.save(replace(read.value, terms=("Artin",)))

    with pytest.raises(PreconditionFailed):
        save_vocabulary(harness.services, ORG, "algebra", ["Krull"], Late(["*"]))
    assert harness.client.get(PATH).json()["terms"] == ["Artin"]


@pytest.mark.parametrize(
    "terms",
    [[], ["x" * 61], [""], ["  "], ["two\nlines"], ["a"] * 501, [7], "Noether", ["x" * 60 + str(n) for n in range(9)]],
    ids=["none", "long", "empty", "blank", "a line feed", "many", "a number", "a text", "a little long"],
)
def test_terms_out_of_bounds_are_refused(harness: ApiHarness, terms: Any) -> None:
    assert harness.client.put(PATH, json={"terms": terms}).status_code == 422
    assert harness.client.get(PATH).status_code == 404


def test_terms_that_are_too_long_together_are_refused(harness: ApiHarness) -> None:
    answer = harness.client.put(PATH, json={"terms": [f"{number:05}".rjust(60, "x") for number in range(201)]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "12060 characters" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["Algebra", "a b", "-a", "a" * 41, "..", "a%2Fb"])
def test_a_name_that_cannot_be_one_is_not_found(harness: ApiHarness, name: str) -> None:
    assert harness.client.put(f"/vocabularies/{name}", json={"terms": ["x"]}).status_code in (404, 405)


def test_an_organisation_has_so_many_and_no_more(harness: ApiHarness) -> None:
    for number in range(MAX_VOCABULARIES):
        save_vocabulary(harness.services, ORG, f"v{number}", ["a"])
    assert harness.client.put(PATH, json={"terms": ["x"]}).status_code == 409
    assert harness.client.put("/vocabularies/v7", json={"terms": ["b"]}).status_code == 200


def test_a_job_takes_a_copy_of_the_terms(harness: ApiHarness) -> None:
    save_vocabulary(harness.services, ORG, "algebra", ["Noether", "ideal"])
    save_vocabulary(harness.services, ORG, "names", ["ideal", "Artin"])
    job = harness.submit(options={"vocabularies": ["algebra", "names"]})
    assert job["options"] == {"vocabularies": ["algebra", "names"]}
    harness.client.put(PATH, json={"terms": ["other"]})
    harness.client.delete("/vocabularies/names")
    stored = harness.services.storage.jobs.get(ORG, job["jobId"]).value
    assert stored.terms == ("Noether", "ideal", "Artin")
    harness.client.delete(f"/jobs/{job['jobId']}")
    again = retry_job(harness.services, ORG, job["jobId"])
    assert again.terms == stored.terms


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs", {"sourceUrl": "https://example.com/talk.mp4", "options": {"vocabularies": ["absent"]}}),
        ("/ingest/init", {"sourceName": "a.mp4", "contentLength": 3, "options": {"vocabularies": ["absent"]}}),
        (
            "/schedules",
            {
                "cron": "0 0 * * *",
                "job": {"sourceUrl": "https://example.com/a.mp4", "options": {"vocabularies": ["absent"]}},
            },
        ),
    ],
)
def test_a_vocabulary_that_is_not_there_is_refused(harness: ApiHarness, path: str, body: dict[str, Any]) -> None:
    save_vocabulary(harness.services, "others", "absent", ["a"])
    answer = harness.client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_vocabulary")
    assert list(harness.services.storage.sessions.page(ORG, limit=5).items) == []


def test_engines_that_take_hints_get_the_terms_after_the_hotwords() -> None:
    options = JobOptions(hotwords=("ring",))
    assert hints_for(options, ("ideal", "ring"), {"speaker": "Emmy"}).hotwords == ("ring", "Emmy", "ideal")
    assert len(hints_for(options, [f"t{number}" for number in range(99)], {}).hotwords) == 60
