"""Write the two XML files of an Opencast media package: the manifest and the Dublin Core catalog of the episode.

The flavors are those of Opencast's own workflows: `presenter/source`, `captions/source`, `presenter/player+preview`,
`dublincore/episode`. Captions carry the tags of its subtitle conventions: `lang:`, `generator-type:`, `generator:`,
`type:`. https://docs.opencast.org/
"""

from xml.etree.ElementTree import Element, register_namespace

from shared.standards.talk import Talk
from shared.standards.xml_text import add, to_document

MANIFEST = "manifest.xml"
CATALOG = "dublincore-episode.xml"
CAPTIONS = "captions.vtt"
STILL = "preview.jpg"

_PACKAGE = "http://mediapackage.opencastproject.org"
_CATALOG = "http://www.opencastproject.org/xsd/1.0/dublincore/"
_TERMS = "http://purl.org/dc/terms/"
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"

_FROM_METADATA = (
    "creator",
    "contributor",
    "subject",
    "description",
    "publisher",
    "license",
    "rightsHolder",
    "isPartOf",
    "spatial",
    "source",
)
"""Terms of Dublin Core that are taken from the session's metadata of the same name."""


def to_catalog(talk: Talk) -> bytes:
    """Return the episode's Dublin Core catalog."""
    register_namespace("dcterms", _TERMS)
    register_namespace("xsi", _SCHEMA)
    root = Element("dublincore", {"xmlns": _CATALOG})
    _term(root, "title", talk.title)
    _term(root, "identifier", talk.session_id)
    _term(root, "created", f"{talk.created_at:%Y-%m-%dT%H:%M:%SZ}", "dcterms:W3CDTF")
    _term(root, "extent", _duration(talk.duration_sec), "dcterms:ISO8601")
    if talk.language is not None:
        _term(root, "language", talk.language)
    for name in _FROM_METADATA:
        for text in talk.texts(name):
            _term(root, name, text)
    return to_document(root)


def to_manifest(talk: Talk, recording: str) -> bytes:
    """Return the manifest of a package whose recording is the file of this name."""
    root = Element(
        "mediapackage",
        {
            "xmlns": _PACKAGE,
            "id": talk.session_id,
            "start": f"{talk.created_at:%Y-%m-%dT%H:%M:%SZ}",
            "duration": str(_milliseconds(talk.duration_sec)),
        },
    )
    add(root, "title", talk.title)
    media = add(root, "media")
    track = add(media, "track", id="presenter", type="presenter/source")
    _describe(track, talk.media_type, recording, [])
    add(track, "duration", str(_milliseconds(talk.duration_sec)))
    if talk.has_sound:
        add(track, "audio", id="audio-1")
    if talk.has_picture:
        add(add(track, "video", id="video-1"), "resolution", f"{talk.width}x{talk.height}")
    if talk.engine is not None:
        captions = add(media, "track", id="captions", type="captions/source")
        _describe(captions, "text/vtt", CAPTIONS, caption_tags(talk))
    catalog = add(add(root, "metadata"), "catalog", id="episode", type="dublincore/episode")
    _describe(catalog, "text/xml", CATALOG, [])
    attachments = add(root, "attachments")
    if talk.still is not None:
        preview = add(attachments, "attachment", id="preview", type="presenter/player+preview")
        _describe(preview, "image/jpeg", STILL, [])
    return to_document(root)


def caption_tags(talk: Talk) -> list[str]:
    """Return the tags by which Opencast and its players know what captions are."""
    language = [f"lang:{talk.language}"] if talk.language else []
    made = "manual" if talk.is_reviewed else "auto"
    return [*language, f"generator-type:{made}", f"generator:{talk.engine}", "type:caption"]


def _describe(element: Element, media_type: str, file: str, tags: list[str]) -> None:
    add(element, "mimetype", media_type)
    marks = add(element, "tags")
    for tag in tags:
        add(marks, "tag", tag)
    add(element, "url", file)


def _term(root: Element, name: str, text: str, scheme: str | None = None) -> None:
    made = add(root, f"{{{_TERMS}}}{name}", text)
    if scheme is not None:
        made.set(f"{{{_SCHEMA}}}type", scheme)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _duration(seconds: float) -> str:
    """Return a duration as ISO 8601 has it."""
    return f"PT{seconds:.3f}S"
