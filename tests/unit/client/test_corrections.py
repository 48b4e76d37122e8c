"""Corrections through the client, against the real API."""

from pathlib import Path

import pytest

from rostrum_client import RostrumApiError, RostrumClient
from shared.pipeline.context import blob_name
from shared.storage.ports import RESULTS
from tests.support.api_harness import ORG
from tests.support.served_api import Served
from tests.unit.transcription.test_editing import TALK


def test_a_transcript_is_corrected(caller: RostrumClient, served: Served, tmp_path: Path) -> None:
    recording = tmp_path / "talk.mp4"
    recording.write_bytes(b"0123456789")
    job = caller.upload(recording)
    served.work_on(job.job_id)
    session_id = job.session_id
    blob = blob_name(ORG, session_id, job.job_id, "transcript.json")
    served.blobs.write(RESULTS, blob, TALK.model_dump_json(by_alias=True).encode(), "application/json")

    etag = caller.transcript_etag(session_id)
    word = caller.transcript(session_id).segments[0].words[1]
    respell = {"op": "replace", "wordIds": [word.id], "text": "Voronoi"}
    first = caller.edit_transcript(session_id, [respell], etag=etag)
    assert (first.version, first.changed_words, first.state) == (1, 1, "inCorrection")
    with pytest.raises(RostrumApiError) as late:
        caller.edit_transcript(session_id, [respell], etag=etag)
    assert late.value.code == "precondition_failed"
    second = caller.edit_transcript(session_id, [{"op": "split", "wordId": word.id}], etag=str(first.etag))
    assert caller.transcript_etag(session_id) == second.etag
    caller.import_transcript(session_id, "The Voronoi diagram of four points is flat.")
    assert caller.transcript(session_id).segments[0].text == "The"
    assert caller.restore_transcript(session_id).kind == "restore"
    assert caller.review_transcript(session_id, "reviewed").state == "reviewed"
    assert [(each.version, each.kind) for each in caller.transcript_versions(session_id)] == [
        (4, "restore"),
        (3, "import"),
        (2, "edit"),
        (1, "edit"),
        (0, "machine"),
    ]
