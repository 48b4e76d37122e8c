"""A session for other systems, over HTTP: the Opencast package and the IIIF manifest."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.types import Message

from shared.api.app import create_app
from shared.api.http.held_stream import HeldStream
from shared.api.limits import Limits
from shared.api.openapi.operation_examples import EXAMPLES
from shared.domain.errors import Busy
from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.transcript_version import ReviewState
from shared.media.payload import (
    ArtefactPayload,
    AudioStreamPayload,
    MediaPayload,
    SidecarPayload,
    ThumbnailPayload,
    VideoStreamPayload,
)
from shared.storage.ports import SOURCES
from tests.support.api_harness import ORG, ApiHarness, make_services
from tests.support.signing_keys import SECRET, signed
from tests.support.virtual_time import run_virtually

VTT = b"WEBVTT\n\n1\n00:00.400 --> 00:03.100\nGood morning\n"
STILL = b"\xff\xd8 a picture"
RECORDING = bytes(range(256)) * 4000

MEDIA = MediaPayload(
    container="mov,mp4,m4a,3gp,3g2,mj2",
    streams=[
        VideoStreamPayload(
            index=0, codec="h264", width=1920, height=1080, rotation=0, fps=25, start_sec=0, duration_sec=61.2
        ),
        AudioStreamPayload(index=1, codec="aac", sample_rate=48000, channels=2, start_sec=0, duration_sec=61.2),
    ],
    duration_sec=61.2,
    size_bytes=len(RECORDING),
    sha256="00",
)


def as_bytes(value: BaseModel | Mapping[str, str]) -> bytes:
    """Return an example of the API's description as the file that a job leaves."""
    text = value.model_dump_json(by_alias=True) if isinstance(value, BaseModel) else value["application/json"]
    return text.encode()


def finished(harness: ApiHarness, *, with_speech: bool = True) -> str:
    """A job is done; return its session."""
    job = harness.submit(sessionName="How water moves", metadata={"creator": "A. Müller"})
    finish(harness, job, spoken() if with_speech else {})
    session_id: str = job["sessionId"]
    blob = harness.session(session_id).source_blob
    harness.services.storage.blobs.write(SOURCES, blob, RECORDING, "video/mp4")
    return session_id


def spoken(captions: bytes = VTT, title: str | None = None) -> dict[str, bytes]:
    """Return the files of a transcript; with a title, there is one chapter."""
    chapters = json.loads(as_bytes(EXAMPLES["getChapters"]))
    if title is not None:
        chapters["chapters"] = [chapters["chapters"][0] | {"title": title}]
    return {
        "transcript.json": as_bytes(EXAMPLES["getTranscript"]),
        "transcript.vtt": captions,
        "chapters.json": json.dumps(chapters).encode(),
    }


def finish(harness: ApiHarness, job: dict[str, Any], text: Mapping[str, bytes], **made_by: str | None) -> None:
    """The job leaves its files and its sidecar; the session shows them, unless `made_by` names another job."""
    files = {"thumbnails/scene-0001.jpg": STILL, **text}
    sidecar = SidecarPayload(
        session_id=job["sessionId"],
        job_id=job["jobId"],
        media=MEDIA,
        thumbnails=[ThumbnailPayload(name="scene-0001.jpg", t=1.0, width=640, height=360)],
        artefacts=[
            ArtefactPayload(name=name, content_type="x/y", size_bytes=len(data), sha256="00")
            for name, data in files.items()
        ],
    )
    harness.finish(job, {**files, "sidecar.json": as_bytes(sidecar)})
    stored = harness.services.storage.sessions.get(ORG, job["sessionId"])
    harness.services.storage.sessions.update(stored, stored.value.evolve(**made_by))


def test_the_package_holds_the_recording_and_what_is_known_of_it(harness: ApiHarness) -> None:
    answer = harness.client.get(f"/sessions/{finished(harness)}/package")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"].endswith('.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["manifest.xml", "dublincore-episode.xml", "captions.vtt", "preview.jpg", "talk.mp4"]
        assert archive.read("talk.mp4") == RECORDING
        assert archive.read("captions.vtt") == VTT
        assert archive.read("preview.jpg") == STILL
        listed = [each.text for each in fromstring(archive.read("manifest.xml")).iter() if each.tag.endswith("}url")]
        assert set(listed) == set(names) - {"manifest.xml"}
        catalog = fromstring(archive.read("dublincore-episode.xml"))
    assert catalog.findtext("{http://purl.org/dc/terms/}title") == "How water moves"
    assert catalog.findtext("{http://purl.org/dc/terms/}creator") == "A. Müller"


def test_without_speech_there_are_no_captions(harness: ApiHarness) -> None:
    session_id = finished(harness, with_speech=False)
    answer = harness.client.get(f"/sessions/{session_id}/package")

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "captions.vtt" not in archive.namelist()
    (canvas,) = harness.client.get(f"/sessions/{session_id}/manifest").json()["items"]
    assert "annotations" not in canvas


def test_a_corrected_text_stands_beside_the_sidecar_of_a_new_run(harness: ApiHarness) -> None:
    session_id = finished(harness)
    corrected = harness.session(session_id).transcript_job_id
    stored = harness.services.storage.sessions.get(ORG, session_id)
    harness.services.storage.sessions.update(stored, stored.value.evolve(review_state=ReviewState.REVIEWED))
    again = harness.client.post(f"/sessions/{session_id}/process").json()
    finish(harness, again, spoken(b"WEBVTT\n\nby a machine\n", "Another chapter"), transcript_job_id=corrected)

    answer = harness.client.get(f"/sessions/{session_id}/package")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("captions.vtt") == VTT
        assert b"generator-type:manual" in archive.read("manifest.xml")
    shown = {None: (VTT, "Captions"), again["jobId"]: (b"WEBVTT\n\nby a machine\n", "Captions, made automatically")}
    for job_id, (captions, label) in shown.items():
        wanted = {"params": {"jobId": job_id}} if job_id else {}
        manifest = harness.client.get(f"/sessions/{session_id}/manifest", **wanted).json()
        body = manifest["items"][0]["annotations"][0]["items"][0]["body"]
        assert body["label"] == {"en": [label]}
        assert harness.client.get(body["id"]).content == captions
        assert harness.client.get(manifest["thumbnail"][0]["id"]).status_code == 200
        titles = [each["label"]["en"] for each in manifest["structures"][0]["items"]]
        assert (titles == [["Another chapter"]]) is (job_id is not None)


def test_the_manifest_leads_to_the_api(harness: ApiHarness) -> None:
    session_id = finished(harness)
    answer = harness.client.get(f"/sessions/{session_id}/manifest")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/ld+json;profile=")
    manifest = answer.json()
    assert manifest["id"] == f"http://api.localhost/sessions/{session_id}/manifest"
    assert manifest["label"] == {"en": ["How water moves"]}
    assert manifest["structures"][0]["items"]
    followed = harness.client.get(manifest["items"][0]["annotations"][0]["items"][0]["body"]["id"])
    assert (followed.status_code, followed.content) == (200, VTT)
    still = harness.client.get(manifest["thumbnail"][0]["id"])
    assert (still.status_code, still.content) == (200, STILL)


PICTURE = VideoStream(0, "h264", 1920, 1080, 0, 25.0, 0.0, 61.2)
SOUND = AudioStream(1, "aac", 48000, 2, 0.0, 61.2)
PLAYS = ("video/mp4", "/media?rendition=playable")


@pytest.mark.parametrize(
    ("container", "video", "is_rendered", "expected"),
    [
        pytest.param("mov,mp4,m4a,3gp,3g2,mj2", PICTURE, False, PLAYS, id="playable as it came"),
        pytest.param("matroska,webm", PICTURE, True, PLAYS, id="rendered"),
        pytest.param("matroska,webm", PICTURE, False, ("video/x-matroska", "/media"), id="not rendered"),
        pytest.param("mp3", None, False, ("audio/mpeg", "/media"), id="sound alone"),
    ],
)
def test_what_is_painted_on_the_canvas_can_be_had(
    harness: ApiHarness, container: str, video: VideoStream | None, is_rendered: bool, expected: tuple[str, str]
) -> None:
    session_id = finished(harness)
    recording = Recording(container=container, size_bytes=1, start_sec=0.0, duration_sec=61.2, video=video, audio=SOUND)
    stored = harness.services.storage.sessions.get(ORG, session_id)
    harness.services.storage.sessions.update(stored, stored.value.evolve(recording=recording))
    if is_rendered:
        harness.put({"sessionId": session_id, "jobId": stored.value.tracking_job_id}, "rendition.mp4", b"a video")
    manifest = harness.client.get(f"/sessions/{session_id}/manifest").json()
    body = manifest["items"][0]["items"][0]["items"][0]["body"]
    assert (body["format"], body["id"].partition(session_id)[2]) == expected
    assert harness.client.get(body["id"], follow_redirects=False).status_code == 302


def test_outside_the_emulator_a_manifest_needs_the_public_address() -> None:
    account = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9v;EndpointSuffix=core.windows.net"
    services = make_services(AzureWebJobsStorage=account, auth="jwt", jwt_secret=SECRET)
    token = signed(org_id="acme", scopes=["jobs:read"])
    with TestClient(create_app(services)) as client:
        answer = client.get("/sessions/s-1/manifest", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "ROSTRUM_PUBLIC_URL" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["package", "manifest"])
def test_before_a_job_is_done_there_is_none(harness: ApiHarness, path: str) -> None:
    job = harness.submit()
    answer = harness.client.get(f"/sessions/{job['sessionId']}/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_an_overwritten_recording_is_not_handed_over(harness: ApiHarness) -> None:
    session_id = finished(harness)
    stored = harness.services.storage.sessions.get(ORG, session_id)
    blobs, name = harness.services.storage.blobs, stored.value.source_blob
    facts = blobs.facts(SOURCES, name)
    assert facts is not None
    harness.services.storage.sessions.update(stored, stored.value.evolve(source_etag=facts.etag, source_url=None))
    assert harness.client.get(f"/sessions/{session_id}/package").status_code == 200
    blobs.write(SOURCES, name, b"another one", "video/mp4")
    answer = harness.client.get(f"/sessions/{session_id}/package")
    assert (answer.status_code, answer.json()["code"]) == (409, "checksum_mismatch")


def test_an_organisation_receives_so_many_packages_at_once() -> None:
    places = Limits().packages

    async def receive_all() -> list[int]:
        begun: list[int] = []
        may_end = asyncio.Event()

        async def slow_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message["status"])
            await may_end.wait()

        async def get(org_id: str) -> None:
            await HeldStream(pieces(), places.take(org_id))({"type": "http"}, never, slow_send)

        async def pieces() -> AsyncIterator[bytes]:
            yield b"PK"

        async def never() -> Message:
            await asyncio.Event().wait()
            raise AssertionError("there is no message")

        clients = [asyncio.create_task(get(org_id)) for org_id in ("acme",) * 6 + ("globex",)]
        await asyncio.sleep(3)  # of virtual time: longer than a client waits for a place
        may_end.set()
        outcomes = await asyncio.gather(*clients, return_exceptions=True)
        return [len(begun), sum(isinstance(each, Busy) for each in outcomes)]

    assert run_virtually(receive_all()) == [5, 2]


def test_a_package_without_its_recording_says_so(harness: ApiHarness) -> None:
    session_id = finished(harness)
    harness.services.storage.blobs.delete(SOURCES, harness.session(session_id).source_blob)
    answer = harness.client.get(f"/sessions/{session_id}/package")

    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")
