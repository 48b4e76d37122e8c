"""Entity tags: what `If-None-Match` may look like, and where a 304 is answered."""

import pytest

from shared.domain import job as jobs
from shared.domain.stage import Stage
from tests.support.api_harness import ApiHarness


@pytest.mark.parametrize(
    ("known", "status"),
    [
        pytest.param("{tag}", 304, id="the tag"),
        pytest.param("{strong}", 304, id="the same as a strong one"),
        pytest.param('"a", {tag} , W/"b"', 304, id="in a list"),
        pytest.param('"a,b",{tag}', 304, id="after one with a comma"),
        pytest.param("*", 304, id="any"),
        pytest.param(" * ", 304, id="any, with spaces"),
        pytest.param('"*"', 200, id="a star that is a tag"),
        pytest.param("", 200, id="none"),
        pytest.param('W/"other"', 200, id="another"),
        pytest.param('"a", "b"', 200, id="others"),
        pytest.param("{bare}", 200, id="without its quotes"),
        pytest.param('"a,{bare},b"', 200, id="within another"),
        pytest.param('"', 200, id="no tag at all"),
    ],
)
@pytest.mark.parametrize("what", ["self", "status", "session"])
def test_a_caller_that_has_the_present_version_is_told_so(
    harness: ApiHarness, what: str, known: str, status: int
) -> None:
    job = harness.submit()
    path = {**job["links"], "status": job["links"]["self"] + "/status"}[what]
    tag = harness.client.get(path).headers["ETag"]
    strong = tag.removeprefix("W/")
    header = known.format(tag=tag, strong=strong, bare=strong.strip('"'))
    answer = harness.client.get(path, headers={"If-None-Match": header})
    assert answer.status_code == status
    assert answer.headers["ETag"] == tag
    assert bool(answer.content) == (status == 200)


def test_the_header_may_come_in_several_lines(harness: ApiHarness) -> None:
    path = harness.submit()["links"]["self"]
    tag = harness.client.get(path).headers["ETag"]
    lines = [("If-None-Match", '"other"'), ("If-None-Match", tag)]
    assert harness.client.get(path, headers=lines).status_code == 304


def test_a_sessions_tag_changes_with_the_session_and_with_its_jobs(harness: ApiHarness) -> None:
    job = harness.submit()
    path = job["links"]["session"]
    tags = [harness.client.get(path).headers["ETag"]]
    harness.change(job["jobId"], lambda job: jobs.note_progress(job, Stage.DOWNLOAD, 0.5, 0, job.created_at))
    tags.append(harness.client.get(path).headers["ETag"])
    harness.finish(job, {})
    tags.append(harness.client.get(path).headers["ETag"])
    assert harness.client.post("/jobs", json={"sessionId": job["sessionId"]}).status_code == 202
    tags.append(harness.client.get(path).headers["ETag"])
    assert len(set(tags)) == 4
    assert harness.client.get(path, headers={"If-None-Match": tags[0]}).status_code == 200
    assert harness.client.get(path, headers={"If-None-Match": tags[-1]}).status_code == 304


def test_a_304_of_a_file_says_how_it_may_be_kept(harness: ApiHarness) -> None:
    job = harness.submit()
    harness.finish(job, {"transcript.json": b"{}"})
    path = f"/sessions/{job['sessionId']}/results/transcript"
    first = harness.client.get(path)
    for known in (first.headers["ETag"], "W/" + first.headers["ETag"], "*"):
        answer = harness.client.get(path, headers={"If-None-Match": known})
        assert answer.status_code == 304
        assert [answer.headers[name] for name in ("ETag", "Cache-Control", "Vary")] == [
            first.headers[name] for name in ("ETag", "Cache-Control", "Vary")
        ]
