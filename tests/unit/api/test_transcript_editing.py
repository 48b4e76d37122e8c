"""Corrections of a transcript: versions, conflicts, imports, reviews, and everything that follows from the text."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.api.http.outer_middleware import MAX_TEXT_BYTES
from shared.domain.errors import NotFound, PreconditionFailed
from shared.domain.session import Session
from shared.domain.transcript_version import ReviewState, TranscriptVersion
from shared.job_status import JobStatus
from shared.pipeline.housekeeping.delete_results import delete_results
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.jobs.edit_transcript import Editor, edit_transcript, restore_transcript, set_review_state
from shared.pipeline.jobs.transcripts import find_transcript, list_versions, transcript_of
from shared.pipeline.stages.follow_corrections import KEPT_VERSIONS, follow_corrections
from shared.pipeline.tasks.job_manager import RetryLater
from shared.storage.ports import RESULTS, Stored
from shared.transcription.editing.operations import Delete, Replace
from tests.support.api_harness import ORG, ApiHarness, make_services, pointers
from tests.support.crashing_storage import CrashingStorage, CrashPoint, every_crash
from tests.support.scripted_store import ScriptedStore, scripted
from tests.support.spoken_job import merge_spoken

SAID = "the vorony diagram of four points. it is flat."


class Talk:
    """A session whose job is done and whose transcript is edited."""

    def __init__(self, harness: ApiHarness, said: str = SAID) -> None:
        self.harness, self.services, self.client = harness, harness.services, harness.client
        job = harness.submit(sessionName="Geometry")
        self.session_id, self.job_id = job["sessionId"], job["jobId"]
        merge_spoken(harness, job, said)
        self.end(self.job_id)
        self.path = f"/sessions/{self.session_id}/results/transcript"

    def end(self, job_id: str) -> None:
        """The job is done, and the session shows its sidecar."""
        at = self.services.clock()
        self.harness.change(job_id, lambda job: replace(job, status=JobStatus.DONE, finished_at=at))
        stored = self.services.storage.sessions.get(ORG, self.session_id)
        self.services.storage.sessions.update(stored, stored.value.evolve(sidecar_job_id=job_id))

    def read(self, query: str = "") -> Any:
        answer = self.client.get(self.path + query)
        assert answer.status_code == 200, answer.text
        return answer

    @property
    def tag(self) -> str:
        return str(self.read().headers["ETag"])

    def text(self, query: str = "") -> str:
        return " ".join(segment["text"] for segment in self.read(query).json()["segments"])

    def patch(self, *operations: dict[str, Any], tag: str | None = None) -> Any:
        headers = {"If-Match": tag or self.tag}
        return self.client.patch(self.path, json={"operations": list(operations)}, headers=headers)

    def respell(self, text: str = "Voronoi", tag: str | None = None) -> Any:
        """Correct the second word."""
        answer = self.patch({"op": "replace", "wordIds": ["w1"], "text": text}, tag=tag)
        assert answer.status_code == 200, answer.text
        return answer

    def follow(self) -> None:
        """The task of the newest version runs."""
        follow_corrections(self.services, ORG, self.session_id, self.job_id)

    def versions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{self.path}/versions").json()
        return found

    def file(self, name: str) -> str:
        """Return a file of the job as it is stored."""
        path = f"{ORG}/{self.session_id}/{self.job_id}/{name}"
        return self.services.storage.blobs.read(RESULTS, path).decode()

    def blobs(self) -> list[str]:
        prefix = f"{ORG}/{self.session_id}/"
        return [blob.name.removeprefix(prefix) for blob in self.services.storage.blobs.listing(RESULTS, prefix)]


@pytest.fixture
def talk(harness: ApiHarness) -> Talk:
    return Talk(harness)


def test_an_edit_makes_a_version(talk: Talk) -> None:
    before = talk.read()
    answer = talk.respell()
    made = answer.json()
    assert made | {"createdAt": None, "segments": None} == {
        "version": 1,
        "createdAt": None,
        "by": "local",
        "state": "inCorrection",
        "changedWords": 1,
        "kind": "edit",
        "segments": None,
        "removedSegmentIds": [],
    }
    assert [segment["text"] for segment in made["segments"]] == ["the Voronoi diagram of four points."]
    after = talk.read()
    assert after.headers["ETag"] == answer.headers["ETag"] != before.headers["ETag"]
    assert talk.text() == "the Voronoi diagram of four points. it is flat."
    assert talk.text("?version=0") == SAID
    assert talk.read("?version=0").headers["ETag"] == before.headers["ETag"]
    assert talk.client.get(talk.path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    old, new = (each.json()["segments"][0]["words"] for each in (before, after))
    same = ("id", "start", "end")
    assert [[word[name] for name in same] for word in old] == [[word[name] for name in same] for word in new]
    assert [(each["version"], each["state"], each["kind"]) for each in talk.versions()] == [
        (1, "inCorrection", "edit"),
        (0, "auto", "machine"),
    ]


def test_the_slower_of_two_editors_is_told(talk: Talk) -> None:
    tag = talk.tag
    talk.respell(tag=tag)
    late = talk.patch({"op": "delete", "wordIds": ["w0"]}, tag=tag)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert talk.text().startswith("the Voronoi")
    again = talk.patch({"op": "delete", "wordIds": ["w0"]})
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert talk.text().startswith("Voronoi diagram")


def test_an_edit_needs_the_tag_that_was_read(talk: Talk) -> None:
    body = {"operations": [{"op": "delete", "wordIds": ["w0"]}]}
    missing = talk.client.patch(talk.path, json=body)
    assert (missing.status_code, missing.json()["code"]) == (428, "precondition_required")
    for tag in ('"other"', f"W/{talk.tag}", "nonsense"):
        refused = talk.client.patch(talk.path, json=body, headers={"If-Match": tag})
        assert (refused.status_code, "newer" in refused.json()["detail"]) == (412, False)
    either = talk.client.patch(talk.path, json=body, headers={"If-Match": f'"other", {talk.tag}'})
    assert (either.status_code, either.json()["version"]) == (200, 1)
    assert talk.client.patch(talk.path, json=body, headers={"If-Match": "*"}).status_code == 422  # w0 is gone


@pytest.mark.parametrize(
    ("operation", "code", "pointer"),
    [
        ({"op": "replace", "wordIds": ["w1", "w99"], "text": "a"}, "invalid_operation", "#/operations/1/wordIds/1"),
        ({"op": "merge", "segmentIds": [1, 0]}, "invalid_operation", "#/operations/1/segmentIds/1"),
        ({"op": "replace", "wordIds": ["w1"], "text": ""}, "invalid_request", "#/operations/1/text"),
        ({"op": "replace", "wordIds": "w1", "text": "a"}, "invalid_request", "#/operations/1/wordIds"),
        ({"op": "replace", "wordIds": ["w1"]}, "invalid_request", "#/operations/1/text"),
        ({"op": "insert", "text": "a"}, "invalid_request", "#/operations/1"),
        ({"op": "delete", "words": ["w1"]}, "invalid_request", "#/operations/1/words"),
        ({"op": "delete", "word_ids": ["w1"]}, "invalid_request", "#/operations/1/word_ids"),
        ({"op": "shout"}, "invalid_request", "#/operations/1"),
    ],
)
def test_what_cannot_be_done_is_refused_whole(talk: Talk, operation: dict[str, Any], code: str, pointer: str) -> None:
    refused = talk.patch({"op": "delete", "wordIds": ["w0"]}, operation)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert pointer in pointers(refused.json())
    assert talk.text() == SAID
    assert len(talk.versions()) == 1


def test_too_many_operations_are_refused(talk: Talk) -> None:
    refused = talk.patch(*[{"op": "delete", "wordIds": ["w0"]}] * 1001)
    assert (refused.status_code, pointers(refused.json())) == (422, ["#/operations"])


def test_captions_search_and_sidecar_follow(talk: Talk) -> None:
    talk.follow()
    assert "NOTE (auto-generated)" in talk.read("?format=vtt").text
    talk.respell()
    talk.patch({"op": "setSpeaker", "segmentIds": [0], "speaker": "Ada"})
    talk.follow()
    vtt = talk.read("?format=vtt").text
    assert "<v Ada>the Voronoi diagram" in vtt
    assert "auto-generated" not in vtt
    for form in ("srt", "txt", "html", "words"):
        assert "Voronoi" in talk.read(f"?format={form}").text.replace('","', " ")
    assert "being corrected by people" in talk.read("?format=html").text
    assert talk.client.get(f"/sessions/{talk.session_id}/results/chapters").status_code == 200
    assert [each["start"] for each in talk.client.get("/search?q=Voronoi").json()["items"]] == [0.4]
    assert talk.client.get("/search?q=vorony").json()["items"] == []
    sidecar = talk.client.get(f"/sessions/{talk.session_id}/sidecar").json()
    sizes = {each["name"]: each["sizeBytes"] for each in sidecar["artefacts"]}
    assert sizes["transcript.vtt"] == len(vtt.encode())
    assert not any(name.startswith("transcript-versions/") for name in sizes)


def test_an_earlier_version_is_offered_in_every_form_but_the_page(talk: Talk) -> None:
    talk.respell()
    talk.follow()
    for form in ("vtt", "srt", "txt", "words"):
        earlier = talk.read(f"?version=0&format={form}")
        assert "vorony" in earlier.text
        assert "Voronoi" in talk.read(f"?version=1&format={form}").text
        tag = {"If-None-Match": earlier.headers["ETag"]}
        assert talk.client.get(f"{talk.path}?version=0&format={form}", headers=tag).status_code == 304
    assert talk.client.get(f"{talk.path}?version=0&format=html").status_code == 406
    missing = talk.client.get(f"{talk.path}?version=7")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_numbered_version_is_itself_before_the_files_follow(talk: Talk) -> None:
    talk.follow()
    talk.respell()
    for form in ("srt", "txt", "words"):
        assert "Voronoi" in talk.read(f"?version=1&format={form}").text
    edited = talk.read("?version=1&format=vtt")
    assert "Voronoi" in edited.text
    assert "vorony" in talk.file("transcript.vtt")
    assert "auto-generated" not in edited.text
    talk.client.put(f"{talk.path}/review", json={"state": "auto"})
    tag = {"If-None-Match": edited.headers["ETag"]}
    assert "auto-generated" in talk.client.get(f"{talk.path}?version=1&format=vtt", headers=tag).text


def test_a_replaced_transcript_keeps_its_versions(talk: Talk) -> None:
    talk.respell()
    talk.follow()
    talk.client.put(f"{talk.path}/review", json={"state": "auto"})
    again = talk.client.post(f"/sessions/{talk.session_id}/process").json()
    merge_spoken(talk.harness, again, "another engine heard this.")
    talk.end(again["jobId"])
    of_job = f"?jobId={talk.job_id}"
    assert talk.text().startswith("another")
    assert "Voronoi" in talk.text(of_job)
    for form in ("vtt", "txt"):
        assert "Voronoi" in talk.read(f"{of_job}&format={form}").text
        assert "vorony" in talk.read(f"{of_job}&version=0&format={form}").text


def test_a_review_of_a_text_that_is_edited_meanwhile_is_refused(talk: Talk) -> None:
    talk.respell()
    storage = scripted(talk.services.storage, "sessions")
    edits = iter([lambda: talk.respell("Voronoj")])

    def update(stored: Stored[Session], session: Session) -> Stored[Session]:
        for edit in edits:
            edit()
        return talk.services.storage.sessions.update(stored, session)

    cast(ScriptedStore, storage.sessions).script(update=update)
    editor = Editor(ORG, "ann", [talk.tag])
    with pytest.raises(PreconditionFailed, match="newer version, 2"):
        set_review_state(replace(talk.services, storage=storage), editor, talk.session_id, ReviewState.REVIEWED)
    assert [each["state"] for each in talk.versions()] == ["inCorrection", "inCorrection", "auto"]


def test_an_editor_that_was_slower_leaves_no_file(talk: Talk) -> None:
    storage = scripted(talk.services.storage, "transcript_versions")

    def create(version: TranscriptVersion) -> None:
        talk.respell()
        talk.services.storage.transcript_versions.create(version)

    cast(ScriptedStore, storage.transcript_versions).script(create=create)
    services = replace(talk.services, storage=storage)
    delete = Delete.model_validate({"op": "delete", "wordIds": ["w0"]})
    with pytest.raises(PreconditionFailed, match="newer version, 1"):
        edit_transcript(services, Editor(ORG, "ann", [talk.tag]), talk.session_id, [delete])
    assert sum("transcript-versions/" in name for name in talk.blobs()) == 1
    assert talk.text().startswith("the Voronoi")


def test_a_task_waits_for_its_version_and_leaves_earlier_ones_to_later_tasks(talk: Talk) -> None:
    talk.respell()
    (task,) = [
        each for each in talk.services.storage.tasks.of_organisations([ORG]) if each.name == "follow_corrections"
    ]
    assert task.arguments == {"org_id": ORG, "session_id": talk.session_id, "job_id": talk.job_id, "version": 1}
    ids = (talk.services, ORG, talk.session_id, talk.job_id)
    with pytest.raises(RetryLater):
        follow_corrections(*ids, 2, task=task)
    talk.respell("Voronoj")
    follow_corrections(*ids, 1, task=task)
    assert "vorony" in talk.file("transcript.txt")
    follow_corrections(*ids, 2, task=task)
    assert "Voronoj" in talk.file("transcript.txt")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/plain", "The Voronoi diagram of four points. It is flat."),
        ("text/vtt", "WEBVTT\n\n00:00.000 --> 00:02.000\nThe Voronoi diagram\nof four points. It is flat.\n"),
        ("application/x-subrip", "1\n00:00:00,000 --> 00:00:02,000\nThe Voronoi diagram of four points. It is flat.\n"),
        (
            "application/octet-stream",
            "WEBVTT\n\n00:00.000 --> 00:02.000\nThe Voronoi diagram of four points. It is flat.\n",
        ),
    ],
)
def test_a_corrected_file_becomes_a_version(talk: Talk, kind: str, content: str) -> None:
    answer = talk.client.post(f"{talk.path}/import", content=content.encode(), headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["kind"], answer.json()["changedWords"]) == (1, "import", 3)
    assert answer.headers["ETag"] == talk.tag
    assert talk.text() == "The Voronoi diagram of four points. It is flat."


def test_a_file_that_is_not_of_this_talk_is_refused(talk: Talk) -> None:
    def post(content: bytes, kind: str = "text/plain", **headers: str) -> Any:
        given = {"Content-Type": kind, **headers}
        return talk.client.post(f"{talk.path}/import", content=content, headers=given)

    other = post(b"A recipe for bread.")
    assert (other.status_code, other.json()["code"]) == (422, "text_does_not_fit")
    assert post(b" \n").status_code == 422
    assert post("é".encode("latin-1")).status_code == 400
    assert post(b"x" * (MAX_TEXT_BYTES + 1)).status_code == 413
    assert post(b"<p>the</p>", "text/html").status_code == 415
    assert post(SAID.encode(), **{"If-Match": '"other"'}).status_code == 412
    long = (SAID + " ").encode() * 8000
    assert (len(long) > 300_000, post(long).status_code) == (True, 200)


def test_an_earlier_version_is_restored_as_a_new_one(talk: Talk) -> None:
    talk.respell()
    talk.patch({"op": "split", "wordId": "w2"})
    for wanted, number in ((1, 3), (0, 4)):
        answer = talk.client.post(f"{talk.path}/restore", json={"version": wanted}, headers={"If-Match": talk.tag})
        assert (answer.status_code, answer.json()["version"], answer.json()["kind"]) == (200, number, "restore")
        assert talk.text(f"?version={wanted}") == talk.text()
    assert talk.text() == SAID
    split = talk.patch({"op": "split", "wordId": "w2"}).json()
    assert [segment["id"] for segment in split["segments"]] == [0, 3]  # 2 belonged to the segment that was undone
    assert talk.client.post(f"{talk.path}/restore", json={"version": 9}).status_code == 404


def test_a_review_is_kept_with_who_and_when(talk: Talk) -> None:
    review = f"{talk.path}/review"
    first = talk.client.put(review, json={"state": "reviewed"})
    assert (first.status_code, first.json()["state"], first.json()["by"]) == (200, "reviewed", "local")
    assert first.json()["at"] is not None
    talk.follow()
    assert "auto-generated" not in talk.read("?format=vtt").text
    assert "reviewed by people" in talk.read("?format=html").text
    assert talk.versions()[0]["state"] == "reviewed"
    talk.respell()
    assert talk.versions()[0]["state"] == "inCorrection"
    detail = talk.client.get(f"/sessions/{talk.session_id}").json()
    assert detail["transcriptReview"]["state"] == "inCorrection"
    assert talk.client.put(review, json={"state": "reviewed"}, headers={"If-Match": '"other"'}).status_code == 412
    assert talk.client.put(review, json={"state": "reviewed"}, headers={"If-Match": talk.tag}).status_code == 200
    talk.respell("Voronoj")
    assert [each["state"] for each in talk.versions()] == ["inCorrection", "reviewed", "auto"]
    assert talk.client.put(review, json={"state": "auto"}).json()["state"] == "auto"
    talk.follow()
    assert "NOTE (auto-generated)" in talk.read("?format=vtt").text
    assert pointers(talk.client.put(review, json={"state": "perfect"}).json()) == ["#/state"]


@pytest.mark.parametrize("state", ["auto", "inCorrection", "reviewed"])
def test_a_new_run_replaces_only_uncorrected_text(talk: Talk, state: str) -> None:
    talk.respell()
    talk.client.put(f"{talk.path}/review", json={"state": state})
    again = talk.client.post(f"/sessions/{talk.session_id}/process").json()
    merge_spoken(talk.harness, again, "another engine heard this.")
    talk.end(again["jobId"])
    kept = state != "auto"
    assert ("Voronoi" in talk.text()) is kept
    assert talk.text(f"?jobId={again['jobId']}") == "another engine heard this."
    assert talk.versions()[0]["state"] == state
    talk.follow()
    assert ("Voronoi" in talk.read("?format=vtt").text) is kept
    assert talk.patch({"op": "delete", "wordIds": ["w0"]}).status_code == 200


def test_captions_that_are_made_again_are_those_of_the_corrected_text(talk: Talk) -> None:
    talk.respell()
    job = {"jobId": talk.job_id, "sessionId": talk.session_id}
    merge_spoken(talk.harness, job, SAID)
    names = [task.name for task in talk.services.storage.tasks.of_organisations([ORG])]
    assert names.count("follow_corrections") == 2
    talk.end(talk.job_id)
    talk.follow()
    assert "Voronoi" in talk.read("?format=txt").text


def test_a_transcript_of_an_earlier_release_gets_the_same_ids_each_time(talk: Talk) -> None:
    made = talk.read().json()
    for segment in made["segments"]:
        for word in segment["words"]:
            del word["id"]
    talk.harness.put({"sessionId": talk.session_id, "jobId": talk.job_id}, "transcript.json", json.dumps(made).encode())
    first = talk.read()
    assert [word["id"] for word in first.json()["segments"][1]["words"]] == ["w6", "w7", "w8"]
    assert talk.client.get(talk.path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    talk.patch({"op": "replace", "wordIds": ["w8"], "text": "plain."})
    assert talk.text().endswith("it is plain.")
    assert talk.text("?version=0") == SAID


def test_deletions_leave_no_version(talk: Talk) -> None:
    talk.respell()
    talk.follow()
    versions = talk.services.storage.transcript_versions
    assert any(name.startswith(f"{talk.job_id}/transcript-versions/") for name in talk.blobs())
    delete_results(talk.services, ORG, talk.session_id)
    assert (talk.blobs(), list(versions.of_job(ORG, talk.job_id))) == ([], [])
    assert talk.client.get(talk.path).json()["code"] == "result_not_ready"
    talk.follow()
    assert talk.blobs() == []

    other = Talk(talk.harness)
    other.respell()
    delete_session(talk.services, ORG, other.session_id)
    assert (other.blobs(), list(versions.of_job(ORG, other.job_id))) == ([], [])
    other.follow()
    assert other.blobs() == []


def test_the_oldest_versions_are_dropped(talk: Talk) -> None:
    editor = Editor(ORG, None, ("*",))
    for number in range(KEPT_VERSIONS + 3):
        operation = Replace.model_validate({"op": "replace", "wordIds": ["w1"], "text": f"Voronoi{number}"})
        edit_transcript(talk.services, editor, talk.session_id, [operation])
    talk.follow()
    kept = [each.version for each in list_versions(talk.services, ORG, talk.session_id)]
    assert kept == [*range(KEPT_VERSIONS + 3, 3, -1), 0]
    assert sum("transcript-versions/" in name for name in talk.blobs()) == KEPT_VERSIONS
    with pytest.raises(NotFound):
        find_transcript(talk.services, ORG, talk.session_id, number=3)
    restore_transcript(talk.services, editor, talk.session_id, 0)
    assert talk.text() == SAID


def test_a_crash_while_a_version_is_written_breaks_nothing() -> None:
    point = CrashPoint()
    made = make_services()
    crashing = CrashingStorage(made.clock, point)
    services = replace(made, storage=crashing.storage)
    with TestClient(create_app(services), base_url="http://api.localhost") as client:
        talk = Talk(ApiHarness(services, client))
        talk.respell()
    snapshot = crashing.snapshot()
    operation = Delete.model_validate({"op": "delete", "wordIds": ["w0"]})

    def edit() -> None:
        found = find_transcript(services, ORG, talk.session_id)
        edit_transcript(services, Editor(ORG, "ann", [found.tag]), talk.session_id, [operation])

    def scenario(crash_at: int) -> bool:
        crashing.restore(snapshot)
        crashed = point.crashes_at(crash_at, edit)
        found = find_transcript(services, ORG, talk.session_id)
        if found.number == 1:
            edit()
        newest = find_transcript(services, ORG, talk.session_id)
        text = transcript_of(services, newest).segments[0].text
        assert (newest.number, newest.state, text) == (2, ReviewState.IN_CORRECTION, "Voronoi diagram of four points.")
        assert [each.version for each in list_versions(services, ORG, talk.session_id)] == [2, 1, 0]
        return crashed

    assert every_crash(scenario) >= 4
