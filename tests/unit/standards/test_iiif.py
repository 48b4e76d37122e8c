"""A IIIF manifest keeps the rules of the Presentation 3 schema, written down here as a JSON schema."""

import json
from typing import Any

import jsonschema_rs
import pytest

from shared.standards.iiif import to_iiif
from tests.support.talks import make_talk

BASE = "https://rostrum.example/api"
ID = {"type": "string", "format": "uri", "pattern": "^https?://"}
LANGUAGE_MAP = {
    "type": "object",
    "minProperties": 1,
    "patternProperties": {"^([a-zA-Z-]+|none|@none)$": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    "additionalProperties": False,
}
PAIR = {
    "type": "object",
    "required": ["label", "value"],
    "properties": {"label": LANGUAGE_MAP, "value": LANGUAGE_MAP},
    "additionalProperties": False,
}
RESOURCE = {
    "type": "object",
    "required": ["id", "type"],
    "properties": {
        "id": ID,
        "type": {"enum": ["Image", "Video", "Sound", "Text", "Dataset"]},
        "format": {"type": "string", "pattern": r"^[\w.+-]+/[\w.+-]+$"},
        "label": LANGUAGE_MAP,
        "width": {"type": "integer", "exclusiveMinimum": 0},
        "height": {"type": "integer", "exclusiveMinimum": 0},
        "duration": {"type": "number", "exclusiveMinimum": 0},
        "language": {"type": "string"},
    },
    "additionalProperties": False,
}
ANNOTATION = {
    "type": "object",
    "required": ["id", "type", "motivation", "body", "target"],
    "properties": {
        "id": ID,
        "type": {"const": "Annotation"},
        "motivation": {"enum": ["painting", "supplementing"]},
        "body": RESOURCE,
        "target": ID,
    },
    "additionalProperties": False,
}
PAGE = {
    "type": "object",
    "required": ["id", "type", "items"],
    "properties": {"id": ID, "type": {"const": "AnnotationPage"}, "items": {"type": "array", "items": ANNOTATION}},
    "additionalProperties": False,
}
CANVAS = {
    "type": "object",
    "required": ["id", "type", "items"],
    "properties": {
        "id": {**ID, "not": {"pattern": "#"}},
        "type": {"const": "Canvas"},
        "label": LANGUAGE_MAP,
        "duration": {"type": "number", "exclusiveMinimum": 0},
        "width": {"type": "integer", "exclusiveMinimum": 0},
        "height": {"type": "integer", "exclusiveMinimum": 0},
        "items": {"type": "array", "items": PAGE, "minItems": 1},
        "annotations": {"type": "array", "items": PAGE, "minItems": 1},
    },
    "dependentRequired": {"width": ["height"], "height": ["width"]},
    "anyOf": [{"required": ["duration"]}, {"required": ["width", "height"]}],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "$defs": {
        "range": {
            "type": "object",
            "required": ["id", "type", "items"],
            "properties": {
                "id": ID,
                "type": {"const": "Range"},
                "label": LANGUAGE_MAP,
                "items": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [
                            {"$ref": "#/$defs/range"},
                            {
                                "type": "object",
                                "required": ["id", "type"],
                                "properties": {"id": ID, "type": {"const": "Canvas"}},
                                "additionalProperties": False,
                            },
                        ]
                    },
                },
            },
            "additionalProperties": False,
        }
    },
    "type": "object",
    "required": ["@context", "id", "type", "label", "items"],
    "properties": {
        "@context": {"const": "http://iiif.io/api/presentation/3/context.json"},
        "id": ID,
        "type": {"const": "Manifest"},
        "label": LANGUAGE_MAP,
        "metadata": {"type": "array", "items": PAIR, "minItems": 1},
        "navDate": {"type": "string", "format": "date-time"},
        "thumbnail": {"type": "array", "items": RESOURCE, "minItems": 1},
        "rendering": {"type": "array", "items": {**RESOURCE, "required": ["id", "type", "label"]}, "minItems": 1},
        "structures": {"type": "array", "items": {"$ref": "#/$defs/range"}, "minItems": 1},
        "items": {"type": "array", "items": CANVAS, "minItems": 1},
    },
    "additionalProperties": False,
}
"""The part of https://iiif.io/api/presentation/3.0/ that this manifest uses, and nothing besides."""

VALIDATOR = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)


def made(**changes: Any) -> dict[str, Any]:
    written = json.dumps(to_iiif(make_talk(**changes), BASE, playable_type="video/mp4"))
    manifest: dict[str, Any] = json.loads(written)
    return manifest


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="everything"),
        pytest.param({"width": None, "height": None, "still": None}, id="sound alone"),
        pytest.param({"engine": None, "language": None, "chapters": ()}, id="without speech"),
        pytest.param({"metadata": {}}, id="without metadata"),
        pytest.param({"metadata": {"": "x", "empty": "", "none": None, "list": [], "flag": True}}, id="odd metadata"),
    ],
)
def test_the_manifest_keeps_the_rules(changes: dict[str, Any]) -> None:
    VALIDATOR.validate(made(**changes))


def test_the_rules_refuse_a_manifest_with_a_fault() -> None:
    for fault in ({"id": "/sessions/s-1"}, {"label": "a text"}, {"items": []}, {"unknown": 1}):
        with pytest.raises(jsonschema_rs.ValidationError):
            VALIDATOR.validate({**made(), **fault})


def ids(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["id"]] if "items" in part or part.get("type") == "Annotation" else []
        return own + [each for value in part.values() for each in ids(value)]
    return [each for value in part for each in ids(value)] if isinstance(part, list) else []


def test_ids_are_unique_and_annotations_are_about_the_canvas() -> None:
    manifest = made()
    (canvas,) = manifest["items"]
    found = ids(manifest)

    assert len(found) == len(set(found))
    (painting,) = canvas["items"][0]["items"]
    (captions,) = canvas["annotations"][0]["items"]
    assert painting["target"] == captions["target"] == canvas["id"]
    assert painting["body"]["id"] == f"{BASE}/sessions/s-1/media?rendition=playable"
    assert captions["body"]["format"] == "text/vtt"
    assert captions["body"]["language"] == "de"


def test_chapters_are_ranges_of_the_canvas_that_cover_it() -> None:
    manifest = made()
    (chapters,) = manifest["structures"]
    canvas_id = manifest["items"][0]["id"]

    assert [each["label"]["de"] for each in chapters["items"]] == [["Anfang"], ["Ende"]]
    assert [each["items"][0]["id"] for each in chapters["items"]] == [
        f"{canvas_id}#t=0.000,30.000",
        f"{canvas_id}#t=30.000,61.250",
    ]


def test_metadata_that_people_can_read_is_told() -> None:
    told = {pair["label"]["none"][0]: pair["value"]["none"] for pair in made()["metadata"]}

    assert told == {"creator": ["A. Müller", "B. Li"], "course": ["Earth 101"], "year": ["2026"]}
