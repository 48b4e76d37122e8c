"""docs/openapi.json: every operation has examples of what it takes, gives and refuses, and each of them is right."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import APIRoute

from shared.api.app import ROUTERS
from shared.api.openapi import document
from shared.api.openapi.operation_examples import EXAMPLES

SCHEMA: dict[str, Any] = json.loads(document.TARGET.read_text(encoding="utf-8"))
PROBLEM = "application/problem+json"
EVERYWHERE = {"401", "403", "429", "503"}
OPEN = {"health"}
TAGGED_FOR_WRITES = {"getVocabulary"}
"""The `ETag` of what these answer with is a condition of the next write alone."""


@dataclass(frozen=True)
class Operation:
    """What the description says of a method at a path."""

    path: str
    method: str
    said: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.said["operationId"])

    def responses(self) -> dict[str, dict[str, Any]]:
        return {status: resolved(response) for status, response in self.said["responses"].items()}

    def parameters(self, *places: str) -> list[str]:
        return [each["name"] for each in self.said.get("parameters", ()) if each["in"] in places]


OPERATIONS = [
    Operation(path, method, said) for path, methods in SCHEMA["paths"].items() for method, said in methods.items()
]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """The part itself, or what it refers to."""
    found: Any = part
    while "$ref" in found:
        names = found["$ref"].removeprefix("#/").split("/")
        found = SCHEMA
        for name in names:
            found = found[name]
    return dict(found)


def check(schema: dict[str, Any], example: Any) -> None:
    """Raises unless the example is one of the schema."""
    _validator(json.dumps(schema)).validate(example)


@cache
def _validator(schema: str) -> Any:
    """The validator of a schema, made once: it reads all components."""
    whole = {**json.loads(schema), "components": SCHEMA["components"]}
    return jsonschema_rs.validator_for(whole, validate_formats=True)


def examples_of(content: dict[str, Any]) -> list[Any]:
    """Those of the media type, else those of its schema."""
    if "example" in content:
        return [content["example"]]
    if "examples" in content:
        return [resolved(example)["value"] for example in content["examples"].values()]
    schemas = [content["schema"], *content["schema"].get("anyOf", ())]
    return [example for schema in schemas for example in resolved(schema).get("examples", ())]


def events_of(stream: str) -> list[dict[str, str]]:
    """The events of an event stream."""
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in stream.strip().split("\n\n")]
    found = [block for block in blocks if "data" in block]
    assert found
    return found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(SCHEMA))
    assert len(found) > 50
    for reference in found:
        assert resolved({"$ref": reference})


def test_nothing_is_kept_that_is_not_used() -> None:
    used = set(references(SCHEMA))
    for kind in ("schemas", "examples", "responses"):
        assert {f"#/components/{kind}/{name}" for name in SCHEMA["components"][kind]} <= used


def test_every_operation_has_a_name_of_its_own_and_a_tag_that_is_described() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    tags = {tag["name"] for tag in SCHEMA["tags"]}
    assert {tag for operation in OPERATIONS for tag in operation.said["tags"]} == tags
    assert all(tag["description"] for tag in SCHEMA["tags"])


def test_no_example_is_left_of_an_operation_that_is_gone() -> None:
    assert set(EXAMPLES) <= {operation.name for operation in OPERATIONS}


def _says_what_it_does(operation: Operation) -> None:
    assert operation.said["summary"]
    assert operation.said["description"]
    assert all(response["description"] for response in operation.responses().values())


def _requests_have_examples(operation: Operation) -> None:
    for content in operation.said.get("requestBody", {}).get("content", {}).values():
        examples = examples_of(content)
        assert examples
        for example in examples:
            check(content["schema"], example)


def _answers_have_examples(operation: Operation) -> None:
    given = {status: response for status, response in operation.responses().items() if status[0] in "23"}
    assert given
    for status, response in given.items():
        assert ("content" in response) == (status not in ("204", "302", "304"))
        for kind, content in response.get("content", {}).items():
            examples = examples_of(content)
            assert examples or kind.startswith("image/")
            for example in events_of(examples[0]) if kind == "text/event-stream" else examples:
                check(content["schema"], example)


def _refusals_have_examples(operation: Operation) -> None:
    for status, response in operation.responses().items():
        if status[0] not in "45" or operation.name in OPEN:
            continue
        assert set(response["content"]) == {PROBLEM}
        named = response["content"][PROBLEM]["examples"]
        assert named
        for code, example in ((code, resolved(example)["value"]) for code, example in named.items()):
            check(response["content"][PROBLEM]["schema"], example)
            assert (example["code"], example["status"]) == (code, int(status))
            assert example["type"] == f"urn:rostrum:problem:{code}"
            assert re.fullmatch(r"/api/[^{}]+", example["instance"])
            assert len(example["detail"]) > 10


def _statuses_can_come(operation: Operation) -> None:
    if operation.name in OPEN:
        return
    statuses = set(operation.responses())
    assert statuses >= EVERYWHERE
    assert "500" not in statuses
    assert ("400" in statuses) == ("requestBody" in operation.said)
    assert ({"413", "415"} <= statuses) == (operation.method in ("post", "put", "patch"))
    assert ("Idempotency-Key" in operation.parameters("header")) == (operation.method == "post")
    read_tagged = operation.method == "get" and "ETag" in operation.responses().get("200", {}).get("headers", {})
    assert ("304" in statuses) == (read_tagged and operation.name not in TAGGED_FOR_WRITES)
    asks_again = operation.method == "get" and "If-None-Match" in operation.parameters("header")
    assert ("304" in statuses) == asks_again
    assert ("422" in statuses) == (operation.method in ("post", "put", "patch") or bool(operation.parameters("query")))
    if operation.parameters("path"):
        assert "404" in statuses


def _headers_are_described(operation: Operation) -> None:
    for status, response in operation.responses().items():
        headers = set(response.get("headers", {}))
        if status in ("201", "202") and operation.method == "post" and operation.name != "announceUpload":
            assert "Location" in headers
        if status in ("401", "403"):
            assert "WWW-Authenticate" in headers
        if status in ("429", "503") and operation.name not in OPEN:
            assert "Retry-After" in headers
        if status in ("302", "303"):
            assert "Location" in headers


QUESTIONS = (
    _says_what_it_does,
    _requests_have_examples,
    _answers_have_examples,
    _refusals_have_examples,
    _statuses_can_come,
    _headers_are_described,
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_described(operation: Operation) -> None:
    for question in QUESTIONS:
        question(operation)


def test_every_route_is_described() -> None:
    served = {
        (route.path, method.lower())
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods
    }
    assert served == {(operation.path, operation.method) for operation in OPERATIONS}
    assert all(HTTPStatus(int(status)) for operation in OPERATIONS for status in operation.said["responses"])
