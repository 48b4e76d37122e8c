"""Write a IIIF Presentation 3 manifest: a canvas with the recording, its captions, its chapters and its metadata.

https://iiif.io/api/presentation/3.0/
"""

from collections.abc import Mapping
from typing import Any

from shared.standards.talk import Talk

MEDIA_TYPE = 'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"'
CONTEXT = "http://iiif.io/api/presentation/3/context.json"

_NO_LANGUAGE = "none"
_MAX_METADATA = 50


def to_iiif(talk: Talk, base: str, *, playable_type: str | None, job_id: str | None = None) -> dict[str, Any]:
    """Return the manifest as JSON.

    Args:
        talk: the recording and what was made of it.
        base: the API's absolute address, which all ids begin with.
        playable_type: the content type of what `…/media?rendition=playable` leads to; None where it leads to nothing,
            so that the recording is painted as it came.
        job_id: the job whose captions and thumbnail are meant; None for the latest.
    """
    session = f"{base}/sessions/{talk.session_id}"
    manifest_id, canvas_id = f"{session}/manifest", f"{session}/manifest/canvas"
    manifest: dict[str, Any] = {
        "@context": CONTEXT,
        "id": manifest_id,
        "type": "Manifest",
        "label": _text(talk.title, talk.language),
        "metadata": _metadata(talk.metadata),
        "navDate": f"{talk.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "rendering": [
            {
                "id": f"{session}/package",
                "type": "Dataset",
                "label": _text("Package with the recording and its captions", "en"),
                "format": "application/zip",
            }
        ],
        "items": [_canvas(talk, session, canvas_id, playable_type, job_id)],
    }
    if talk.still is not None:
        manifest["thumbnail"] = [
            {
                "id": f"{session}/thumbnails/{talk.still.name}" + (f"?jobId={job_id}" if job_id else ""),
                "type": "Image",
                "format": "image/jpeg",
                "width": talk.still.width,
                "height": talk.still.height,
            }
        ]
    if talk.chapters:
        manifest["structures"] = [_chapters(talk, manifest_id, canvas_id)]
    return {key: value for key, value in manifest.items() if value != []}


def _canvas(talk: Talk, session: str, canvas_id: str, playable_type: str | None, job_id: str | None) -> dict[str, Any]:
    size: dict[str, Any] = {"duration": talk.duration_sec}
    if talk.has_picture:
        size |= {"width": talk.width, "height": talk.height}
    body = {
        "id": f"{session}/media?rendition=playable" if playable_type else f"{session}/media",
        "type": "Video" if talk.has_picture else "Sound",
        "format": playable_type or talk.media_type,
        **size,
    }
    canvas = {
        "id": canvas_id,
        "type": "Canvas",
        "label": _text(talk.title, talk.language),
        **size,
        "items": [_page(canvas_id, "recording", "painting", body)],
    }
    if talk.engine is not None:
        captions = {
            "id": f"{session}/results/transcript?format=vtt" + (f"&jobId={job_id}" if job_id else ""),
            "type": "Text",
            "format": "text/vtt",
            "label": _text("Captions" if talk.is_reviewed else "Captions, made automatically", "en"),
            **({"language": talk.language} if talk.language else {}),
        }
        canvas["annotations"] = [_page(canvas_id, "captions", "supplementing", captions)]
    return canvas


def _page(canvas_id: str, name: str, motivation: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page with one annotation of the whole canvas."""
    annotation = {
        "id": f"{canvas_id}/{name}/annotation",
        "type": "Annotation",
        "motivation": motivation,
        "body": dict(body),
        "target": canvas_id,
    }
    return {"id": f"{canvas_id}/{name}", "type": "AnnotationPage", "items": [annotation]}


def _chapters(talk: Talk, manifest_id: str, canvas_id: str) -> dict[str, Any]:
    ranges = [
        {
            "id": f"{manifest_id}/chapters/{number}",
            "type": "Range",
            "label": _text(chapter.title, talk.language),
            "items": [{"id": f"{canvas_id}#t={chapter.start_sec:.3f},{chapter.end_sec:.3f}", "type": "Canvas"}],
        }
        for number, chapter in enumerate(talk.chapters, 1)
    ]
    return {
        "id": f"{manifest_id}/chapters",
        "type": "Range",
        "label": _text("Chapters", "en"),
        "items": ranges,
    }


def _metadata(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the client told, as far as it is text or numbers, for people to read."""
    shown = []
    for name, value in metadata.items():
        values = [str(each) for each in (value if isinstance(value, list) else [value]) if _is_readable(each)]
        if name and values:
            shown.append({"label": _text(name), "value": {_NO_LANGUAGE: values}})
    return shown[:_MAX_METADATA]


def _is_readable(value: object) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    )


def _text(text: str, language: str | None = None) -> dict[str, list[str]]:
    return {language or _NO_LANGUAGE: [text]}
