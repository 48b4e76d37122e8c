"""`sidecar.json` on the wire."""

import json

from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.warning import About, RecordingWarning
from shared.media.payload import ArtefactPayload, MediaPayload, ScenePayload, SidecarPayload, ThumbnailPayload

RECORDING = Recording(
    container="mov,mp4,m4a,3gp,3g2,mj2",
    size_bytes=1234,
    start_sec=0.0,
    duration_sec=61.2,
    video=VideoStream(0, "h264", 1080, 1920, 90, 29.97, 0.0, 61.2),
    audio=AudioStream(1, "aac", 48000, 2, 0.02, 61.1),
    warnings=(RecordingWarning("sound_cut_off", About.SOUND, "The sound is cut off."),),
)


def test_names_on_the_wire() -> None:
    sidecar = SidecarPayload(
        session_id="s",
        job_id="j",
        media=MediaPayload.of(RECORDING, "ab" * 32),
        scenes=[ScenePayload(start=0.0, end=61.2, thumbnail="scene-000.jpg")],
        thumbnails=[ThumbnailPayload(name="scene-000.jpg", t=1.0, width=480, height=853)],
        artefacts=[ArtefactPayload(name="transcript.json", content_type="application/json", size_bytes=9, sha256="cd")],
    )
    wire = json.loads(sidecar.model_dump_json(by_alias=True))
    assert wire["version"] == "v1"
    assert wire["media"] == {
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "streams": [
            {
                "kind": "video",
                "index": 0,
                "codec": "h264",
                "width": 1080,
                "height": 1920,
                "rotation": 90,
                "fps": 29.97,
                "startSec": 0.0,
                "durationSec": 61.2,
            },
            {
                "kind": "audio",
                "index": 1,
                "codec": "aac",
                "sampleRate": 48000,
                "channels": 2,
                "startSec": 0.02,
                "durationSec": 61.1,
            },
        ],
        "durationSec": 61.2,
        "sizeBytes": 1234,
        "sha256": "ab" * 32,
        "warnings": ["The sound is cut off."],
        "warningDetails": [{"code": "sound_cut_off", "about": "sound", "text": "The sound is cut off."}],
    }
    assert wire["scenes"] == [{"start": 0.0, "end": 61.2, "thumbnail": "scene-000.jpg"}]
    assert wire["renditions"] == []
    assert wire["artefacts"][0]["contentType"] == "application/json"
    assert SidecarPayload.model_validate(wire) == sidecar
