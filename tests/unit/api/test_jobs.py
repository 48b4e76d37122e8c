"""Jobs over HTTP, as the contract names them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.failure import StepFailure
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.storage.ports import SOURCES
from tests.support.api_harness import ApiHarness, pointers

CONTRACT_JOB_FIELDS = {
    "jobId", "sessionId", "orgId", "status", "stage", "progress", "stages", "cancelRequested", "attempt", "error",
    "options", "callbackUrl", "createdAt", "updatedAt", "startedAt", "finishedAt", "links",
}  # fmt: skip
CONTRACT_STAGE_FIELDS = {"state", "progress", "partsDone", "parts", "attempts", "startedAt", "finishedAt"}


@pytest.mark.parametrize("path", ["/jobs", "/downloader"])
def test_a_job_is_accepted_with_the_addresses_to_follow_it_at(harness: ApiHarness, path: str) -> None:
    body = {
        "sourceUrl": "https://example.com/talk.mp4",
        "sessionName": "A talk",
        "metadata": {"course": "Algebra"},
        "options": {"engine": "pocketsphinx", "language": "en-GB"},
        "callbackUrl": "https://example.com/hook",
    }
    answer = harness.client.post(path, json=body)
    job = answer.json()
    assert answer.status_code == 202
    assert set(job) >= CONTRACT_JOB_FIELDS
    assert set(job["stages"]["download"]) >= CONTRACT_STAGE_FIELDS
    assert job["status"] == "CREATED"
    assert job["stage"] == "download"
    assert job["createdAt"].endswith("Z")
    assert job["options"] == body["options"]
    assert job["links"] == {
        "self": f"http://api.localhost/jobs/{job['jobId']}",
        "events": f"http://api.localhost/jobs/{job['jobId']}/events",
        "session": f"http://api.localhost/sessions/{job['sessionId']}",
    }
    assert answer.headers["Location"] == job["links"]["self"]
    assert answer.headers["Operation-Location"] == job["links"]["self"] + "/status"
    assert int(answer.headers["Retry-After"]) > 0
    session = harness.session(job["sessionId"])
    assert (session.name, session.metadata) == ("A talk", {"course": "Algebra"})


def test_a_job_tells_of_the_failed_attempts_at_its_steps(harness: ApiHarness) -> None:
    job = harness.submit()
    assert job["failures"] == []
    at = harness.services.clock()
    failure = StepFailure(
        code="storage_unavailable",
        title="The storage account did not answer",
        detail="The storage account did not answer for the table.",
        stage=Stage.TRACKING,
        step=StepKind.PART,
        part=3,
        attempt=2,
        job_attempt=1,
        at=at,
        retryable=True,
    )
    before = harness.client.get(f"/jobs/{job['jobId']}").headers["ETag"]
    harness.change(job["jobId"], lambda current: jobs.note_failure(current, failure, at) or current)
    answer = harness.client.get(f"/jobs/{job['jobId']}", headers={"If-None-Match": before})
    [shown] = answer.json()["failures"]
    assert shown.pop("at").startswith("2026-01-02T03:04:05")
    assert shown == {
        "code": "storage_unavailable",
        "title": "The storage account did not answer",
        "detail": "The storage account did not answer for the table.",
        "stage": "tracking",
        "step": "part",
        "part": 3,
        "attempt": 2,
        "jobAttempt": 1,
        "retryable": True,
    }


def test_the_trace_goes_on_into_the_pipeline(harness: ApiHarness) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    job = harness.client.post("/jobs", json={"sourceUrl": "https://e.org/a"}, headers={"traceparent": given}).json()
    assert harness.services.storage.jobs.get("local", job["jobId"]).value.traceparent == given


def test_links_follow_the_public_address_or_the_front_ends_scheme(harness: ApiHarness) -> None:
    job = harness.submit()
    behind_tls = harness.client.get(f"/jobs/{job['jobId']}", headers={"X-Forwarded-Proto": "https"}).json()
    assert behind_tls["links"]["self"] == f"https://api.localhost/jobs/{job['jobId']}"
    settings = harness.services.settings.model_copy(update={"public_url": "https://rostrum.example/api/"})
    object.__setattr__(harness.services, "settings", settings)
    public = harness.client.get(f"/jobs/{job['jobId']}").json()
    assert public["links"]["self"] == f"https://rostrum.example/api/jobs/{job['jobId']}"


def test_what_curl_sends_by_default_is_taken_as_json_but_not_from_a_web_page(harness: ApiHarness) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b'{"sourceUrl": "https://example.com/talk.mp4"}'
    assert harness.client.post("/downloader", content=body, headers=form).status_code == 202
    from_a_page = harness.client.post("/downloader", content=body, headers={**form, "Origin": "https://evil.example"})
    assert from_a_page.status_code == 415


def test_a_new_job_over_a_session_that_is_there(harness: ApiHarness) -> None:
    first = harness.submit()
    again = harness.client.post("/jobs", json={"sessionId": first["sessionId"]}).json()
    assert again["sessionId"] == first["sessionId"]
    assert again["jobId"] != first["jobId"]
    assert harness.client.post("/jobs", json={"sessionId": "nothing"}).status_code == 404


def test_a_job_over_an_upload(harness: ApiHarness) -> None:
    upload = harness.client.post("/ingest/init", json={"sourceName": "a.mp4", "contentLength": 3}).json()
    missing = harness.client.post("/jobs", json={"uploadId": upload["uploadId"]})
    assert (missing.status_code, missing.json()["code"]) == (409, "upload_incomplete")
    blob = harness.services.storage.uploads.get("local", upload["uploadId"]).value.source_blob
    harness.services.storage.blobs.write(SOURCES, blob, b"abc", "video/mp4")
    assert harness.client.post("/jobs", json={"uploadId": upload["uploadId"]}).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({}, "#", id="no source"),
        pytest.param({"sourceUrl": "https://e.org/a", "sessionId": "x"}, "#", id="two sources"),
        pytest.param({"sourceUrl": "ftp://e.org/a"}, "#/sourceUrl", id="not http"),
        pytest.param({"sourceUrl": "https://[::1/a"}, "#/sourceUrl", id="no address at all"),
        pytest.param({"sourceUrl": "https://e.org:99999/a"}, "#/sourceUrl", id="no port at all"),
        pytest.param({"sourceUrl": "https://e.org/" + "a" * 9000}, "#/sourceUrl", id="long address"),
        pytest.param({"sourceUrl": "https://e.org/\x0f"}, "#/sourceUrl", id="control character"),
        pytest.param({"sourceUrl": "https://e.org/100%.mp4"}, "#/sourceUrl", id="percent"),
        pytest.param({"sourceUrl": "https://e..org/"}, "#/sourceUrl", id="no host name"),
        pytest.param({"sourceUrl": 7}, "#/sourceUrl", id="wrong type"),
        pytest.param({"sessionId": "../x"}, "#/sessionId", id="an id that cannot be one"),
        pytest.param({"sourceUrl": "https://e.org/a", "surprise": 1}, "#/surprise", id="unknown field"),
        pytest.param({"sourceUrl": "https://e.org/a", "options": {"speed": 1}}, "#/options/speed", id="unknown option"),
        pytest.param(
            {"sourceUrl": "https://e.org/a", "options": {"engine": "magic"}}, "#/options/engine", id="unknown engine"
        ),
        pytest.param(
            {"sourceUrl": "https://e.org/a", "options": {"language": "english please"}},
            "#/options/language",
            id="no language tag",
        ),
        pytest.param({"sourceUrl": "https://e.org/a", "sessionName": ""}, "#/sessionName", id="empty name"),
        pytest.param({"sourceUrl": "https://e.org/a", "callbackUrl": "nowhere"}, "#/callbackUrl", id="bad callback"),
        pytest.param({"sourceUrl": "https://e.org/a", "startAt": "2027-01-01T00:00:00"}, "#/startAt", id="no zone"),
        pytest.param({"sourceUrl": "https://e.org/a", "startAt": "1900000000"}, "#/startAt", id="a number as time"),
        pytest.param({"sourceUrl": "https://e.org/a", "startAt": 1900000000}, "#/startAt", id="a number for a time"),
        pytest.param({"sourceUrl": "https://e.org/a", "delaySeconds": "5"}, "#/delaySeconds", id="a text for a number"),
        pytest.param({"sourceUrl": "https://e.org/a", "delaySeconds": -5}, "#/delaySeconds", id="negative delay"),
        pytest.param(
            {"sourceUrl": "https://e.org/a", "delaySeconds": 5, "startAt": "2027-01-01T00:00:00Z"}, "#", id="two starts"
        ),
        pytest.param([1], "#", id="no object"),
    ],
)
def test_a_request_that_is_not_valid_says_where(harness: ApiHarness, body: Any, pointer: str) -> None:
    answer = harness.client.post("/jobs", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert pointers(answer.json()) == [pointer]
    assert not harness.client.get("/jobs").json()["items"]


def test_a_start_too_far_away_is_refused(harness: ApiHarness) -> None:
    answer = harness.client.post("/jobs", json={"sourceUrl": "https://e.org/a", "startAt": "2099-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "366 days" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "start_at"),
    [
        ({"delaySeconds": 3600}, "2026-01-02T04:04:05"),
        ({"startAt": "2026-01-02T05:00:00+01:00"}, "2026-01-02T04:00:00"),
        ({"startAt": "2020-01-01T00:00:00Z"}, None),
        ({"delaySeconds": 0}, None),
        ({}, None),
    ],
)
def test_a_job_says_when_it_will_begin(harness: ApiHarness, body: dict[str, Any], start_at: str | None) -> None:
    told = harness.submit(**body)["startAt"]
    assert (told[:19] if told else None) == start_at


def test_a_queued_job_is_canceled_and_tried_again(harness: ApiHarness) -> None:
    job = harness.submit()
    canceled = harness.client.delete(f"/jobs/{job['jobId']}")
    assert (canceled.status_code, canceled.json()["status"]) == (202, "CANCELED")
    twice = harness.client.delete(f"/jobs/{job['jobId']}")
    assert (twice.status_code, twice.json()["code"]) == (409, "conflict")

    again = harness.client.post(f"/jobs/{job['jobId']}/retry")
    assert again.status_code == 202
    assert (again.json()["status"], again.json()["attempt"]) == ("CREATED", 2)
    assert again.headers["Location"] == job["links"]["self"]
    assert harness.client.post(f"/jobs/{job['jobId']}/retry").status_code == 409


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/jobs/none"), ("POST", "/jobs/none/retry")])
def test_a_job_that_is_not_there_is_not_found(harness: ApiHarness, method: str, path: str) -> None:
    assert harness.client.request(method, path).status_code == 404


def test_metadata_that_no_row_can_hold_is_refused(harness: ApiHarness) -> None:
    answer = harness.client.post("/jobs", json={"sourceUrl": "https://e.org/a", "metadata": {"a": "x" * 40_000}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("suffix", ["", "/status"])
def test_an_unchanged_job_costs_a_304(harness: ApiHarness, suffix: str) -> None:
    job = harness.submit()
    path = f"/jobs/{job['jobId']}{suffix}"
    first = harness.client.get(path)
    known = {"If-None-Match": first.headers["ETag"]}
    unchanged = harness.client.get(path, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == first.headers["ETag"]
    harness.change(job["jobId"], lambda job: jobs.note_progress(job, Stage.DOWNLOAD, 0.5, 0, job.created_at))
    assert harness.client.get(path, headers=known).status_code == 200


def test_a_failed_job_tells_why(harness: ApiHarness) -> None:
    job = harness.submit()
    error = NotMedia("This is a text file.")
    harness.change(job["jobId"], lambda job: jobs.fail(job, Stage.DOWNLOAD, error, job.created_at))
    told = {
        "code": "not_media",
        "title": "The file is not a recording",
        "detail": "This is a text file.",
        "stage": "download",
        "retryable": False,
    }
    whole = harness.client.get(f"/jobs/{job['jobId']}").json()
    assert whole["error"] == told
    assert whole["stages"]["download"]["reason"] == "This is a text file."
    assert harness.client.get(f"/jobs/{job['jobId']}/status").json() == {
        "jobId": job["jobId"],
        "status": "ERROR",
        "stage": "download",
        "progress": 0.0,
        "error": told,
    }


@pytest.mark.parametrize("job_id", ["nothing", "a%2Fb", "a%5Cb", "x" * 65, "a%0A", "%23"])
def test_an_unknown_job_is_not_found(harness: ApiHarness, job_id: str) -> None:
    for suffix in ("", "/status", "/events"):
        answer = harness.client.get(f"/jobs/{job_id}{suffix}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("member", ['{"a": NaN}', '{"a": "\\ud800"}', '{"a": ' + "[" * 32 + "]" * 32 + "}"])
def test_metadata_that_are_no_plain_json_are_refused(harness: ApiHarness, member: str) -> None:
    body = '{"sourceUrl": "https://e.org/a", "metadata": ' + member + "}"
    answer = harness.client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, pointers(answer.json())) == (422, ["#"])


def test_metadata_as_deep_as_allowed_can_be_read_again(harness: ApiHarness) -> None:
    deep: list[Any] = []
    for _ in range(30):
        deep = [deep]
    session = harness.client.get(harness.submit(metadata={"a": deep})["links"]["session"])
    assert session.json()["metadata"] == {"a": deep}


@pytest.mark.parametrize("field", ["sourceUrl", "sessionName", "callbackUrl"])
def test_a_text_that_is_none_is_refused(harness: ApiHarness, field: str) -> None:
    body = {"sourceUrl": "https://e.org/a", field: "https://e.org/\ud800"}
    answer = harness.client.post("/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (answer.status_code, pointers(answer.json())) == (422, [f"#/{field}"])


def test_another_organisations_job_is_not_found(harness: ApiHarness) -> None:
    job = harness.submit()
    stored = harness.services.storage.jobs.get("local", job["jobId"]).value
    foreign = jobs.replace(stored, org_id="acme", job_id="foreign")
    harness.services.storage.jobs.create(foreign)
    assert harness.client.get("/jobs/foreign").status_code == 404
    assert [each["jobId"] for each in harness.client.get("/jobs").json()["items"]] == [job["jobId"]]


def test_lists_are_paged_newest_first_and_keep_their_filters(harness: ApiHarness) -> None:
    made = [harness.submit()["jobId"] for _ in range(5)]
    error = NotMedia("Text.")
    harness.change(made[2], lambda job: jobs.fail(job, Stage.DOWNLOAD, error, job.created_at))
    seen, address = [], "/jobs?active=true&limit=2"
    pages = 0
    while address:
        page = harness.client.get(address).json()
        seen += [job["jobId"] for job in page["items"]]
        assert len(page["items"]) <= 2
        address = page.get("nextLink")
        assert address is None or "active=true" in address
        pages += 1
    assert seen == [job for job in reversed(made) if job != made[2]]
    assert pages == 2
    assert "nextLink" not in page
    assert [job["jobId"] for job in harness.client.get("/jobs?status=ERROR").json()["items"]] == [made[2]]
    session = harness.client.get(f"/jobs/{made[0]}").json()["sessionId"]
    assert [job["jobId"] for job in harness.client.get(f"/jobs?sessionId={session}").json()["items"]] == [made[0]]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("limit=0", "?limit"), ("limit=101", "?limit"), ("status=NEW", "?status"), ("active=maybe", "?active")],
)
def test_a_list_query_that_is_not_valid_says_which(harness: ApiHarness, query: str, pointer: str) -> None:
    answer = harness.client.get(f"/jobs?{query}")
    assert answer.status_code == 422
    assert pointers(answer.json()) == [pointer]


@pytest.mark.parametrize("path", ["/jobs", "/sessions"])
def test_a_query_parameter_that_is_empty_is_not_given(harness: ApiHarness, path: str) -> None:
    made = [harness.submit()["jobId"] for _ in range(21)][::-1]
    filters = "active=&status=&sessionId=&" if path == "/jobs" else ""
    page = harness.client.get(f"{path}?{filters}limit=&cursor=").json()
    shown = [each.get("jobId", each.get("latestJobId")) for each in page["items"]]
    assert shown == made[:20]
    assert "=&" not in page["nextLink"]
    rest = harness.client.get(page["nextLink"]).json()
    assert [each.get("jobId", each.get("latestJobId")) for each in rest["items"]] == made[20:]


def test_a_cursor_stands_at_the_same_place_under_other_filters(harness: ApiHarness) -> None:
    made = [harness.submit()["jobId"] for _ in range(6)][::-1]
    error = NotMedia("Text.")
    for job_id in made[::2]:
        harness.change(job_id, lambda job: jobs.fail(job, Stage.DOWNLOAD, error, job.created_at))
    address = harness.client.get("/jobs?limit=2").json()["nextLink"]
    cursor = address.partition("cursor=")[2]
    assert [job["jobId"] for job in harness.client.get(f"/jobs?status=ERROR&cursor={cursor}").json()["items"]] == [
        made[2],
        made[4],
    ]
    answer = harness.client.get(f"/sessions?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_foreign_cursor_is_refused(harness: ApiHarness) -> None:
    answer = harness.client.get("/jobs?cursor=bm9uc2Vuc2U")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "given", [{"sessionName": "New"}, {"metadata": {"a": 1}}, {"sessionName": "N", "metadata": {"a": 1}}]
)
@pytest.mark.parametrize(
    ("path", "wrap"),
    [
        ("/jobs", lambda job: job),
        ("/downloader", lambda job: job),
        ("/schedules", lambda job: {"cron": "0 2 * * *", "job": job}),
    ],
)
def test_a_session_that_is_there_cannot_be_renamed(
    harness: ApiHarness, path: str, wrap: Callable[[Any], Any], given: dict[str, Any]
) -> None:
    session_id = harness.submit()["sessionId"]
    answer = harness.client.post(path, json=wrap({"sessionId": session_id, **given}))
    assert answer.status_code == 422
    prefix = "#/job/" if path == "/schedules" else "#/"
    assert pointers(answer.json()) == [prefix + name for name in given]
    assert "keeps its name and metadata" in answer.json()["detail"]
    empty = {"sessionId": session_id, "sessionName": None, "metadata": {}}
    assert harness.client.post(path, json=wrap(empty)).status_code in (201, 202)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://e.org/my talk.mp4?sig=a b#c d", "https://e.org/my%20talk.mp4?sig=a%20b#c%20d"),
        (" https://e.org/a.mp4\n", "https://e.org/a.mp4"),
        ("https://e.org/at 4\u202fpm\u00a0.mp4", "https://e.org/at%204%E2%80%AFpm%C2%A0.mp4"),
        ('https://e.org/{a}|b^`<c>".mp4', "https://e.org/%7Ba%7D%7Cb%5E%60%3Cc%3E%22.mp4"),
        ("https://e.org/tälk.mp4", "https://e.org/tälk.mp4"),
        ("https://e.org/a.mp4?sig=" + "x" * 8168, "https://e.org/a.mp4?sig=" + "x" * 8168),
    ],
    ids=["blanks", "around it", "other blanks", "marks", "another script", "8,192 characters"],
)
def test_addresses_as_people_copy_them_are_taken(harness: ApiHarness, given: str, kept: str) -> None:
    job = harness.submit(sourceUrl=given, callbackUrl=given)
    assert harness.session(job["sessionId"]).source_url == kept
    assert harness.services.storage.jobs.get("local", job["jobId"]).value.callback_url == kept
    schedule = {"cron": "0 0 * * *", "job": {"sourceUrl": given, "callbackUrl": given}}
    assert harness.client.post("/schedules", json=schedule).status_code == 201
    message = harness.services.storage.queues.pop("downloads")
    assert message is not None
    assert len(message.to_text()) < 1000  # the address is on the row alone


@pytest.mark.parametrize(
    "given",
    [
        "https://e.org/a.mp4?sig=" + "x" * 8169,
        "https://e .org/a.mp4",
        "https://e.org\\@f.org/a.mp4",
        "https://e.org/a\nb.mp4",
        "https://e.org/a\tb.mp4",
        "javascript:alert(1) ",
        "//e.org/a b",
    ],
)
def test_what_is_no_address_is_refused(harness: ApiHarness, given: str) -> None:
    answer = harness.client.post("/jobs", json={"sourceUrl": given})
    assert (answer.status_code, pointers(answer.json())) == (422, ["#/sourceUrl"])
