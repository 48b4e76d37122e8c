"""Complete the API's description beyond its routes: the introduction, the tags, and an example of everything."""

import re
from typing import Any

from pydantic import BaseModel

from shared.api.http.problems import PROBLEM_JSON
from shared.api.models.job_views import EventView
from shared.api.openapi.operation_examples import JSON, PATH_VALUES, examples_of
from shared.api.openapi.problem_examples import INVALID_QUERY
from shared.api.openapi.route_docs import PROBLEM_SCHEMA, refusing

DESCRIPTION = """Rostrum turns a recording of a talk into a transcript, the instructor's track, scenes and thumbnails.

### The way of a recording

1. **Bring it.** `POST /jobs` with an address to fetch it from, `POST /sessions/import` with the file in the request,
   or, for large files, `POST /ingest/init`, PUT the blocks into storage, `POST /ingest/commit`. Each answers 202 with
   a job, and the recording becomes a session. `POST /ingest/probe` tells beforehand what would become of it.
2. **Follow the job.** `GET /jobs/{jobId}/events` streams what happens (Server-Sent Events); `GET /jobs/{jobId}` tells
   how it is, cheaply with `If-None-Match`; a `callbackUrl` is told of the end.
3. **Fetch the results** under `/sessions/{sessionId}`: transcript, instructor's track, sidecar, thumbnails. Until one
   exists it is 404 `result_not_ready`. `GET /search` finds what was said.

### Statuses

`CREATED` → `DOWNLOADED` → `TRANSCRIBED` → `DONE`; from any of the first three also `ERROR`, with a reason, or
`CANCELED`, from both of which `POST /jobs/{jobId}/retry` goes on with what was finished.

### Authentication

Every address but `/health`, `/docs` and `/openapi.json` takes `Authorization: Bearer` with a JSON Web Token that has
`org_id` and `scopes`: `jobs:read` to GET, `jobs:write` to POST, PUT, PATCH and DELETE, `admin` for everything and the
dead letters. Everything belongs to an organisation; what is another's is 404. Over the local emulator no token is
needed.

### Errors

Failures are problem details (RFC 9457, `application/problem+json`). `code` is stable and for programs, `detail` is
for people, `errors` points into the request, `retryable` says whether the same request may work later, and `traceId`
finds it in the logs. 429 and 503 say in `Retry-After` when to come again.

### Sending again

A POST may be sent again with the same `Idempotency-Key` and the same body: for 24 hours it gets the first answer,
marked `Idempotency-Replayed`. Only answers of success are kept, so that a request that was refused can be corrected.

### Lists

Newest first, `limit` items a page. `nextLink` leads to the next page, also when items are added meanwhile, and is
missing on the last.

Times are RFC 3339 in UTC; durations and media times are seconds; boxes and points are fractions of the frame, from
its top left corner."""

TAGS = [
    {"name": "jobs", "description": "Runs of the pipeline over a recording: submitting, following, canceling."},
    {"name": "sessions", "description": "Recordings and what is known of them."},
    {"name": "results", "description": "What jobs made of a recording, as files with an `ETag`."},
    {"name": "search", "description": "What was said in all recordings."},
    {"name": "ingest", "description": "Large files, straight into storage; and a look at a recording beforehand."},
    {"name": "schedules", "description": "Recordings that are submitted again and again, by cron."},
    {"name": "vocabularies", "description": "Names and terms that recordings may have."},
    {"name": "tasks", "description": "Background jobs, and the crons that repeat them."},
    {"name": "webhooks", "description": "Telling the end of a job to its `callbackUrl`."},
    {"name": "queues", "description": "For operators: queues and dead letters."},
    {"name": "health", "description": "Whether the service works."},
]

_ROOT = "/api"
_FRAMEWORKS = ("HTTPValidationError", "ValidationError")
"""How the framework describes what is wrong with parameters: not as we answer it."""

_SUCCESS = {
    "200": "Here it is",
    "201": "It was made",
    "202": "Accepted, and being done",
    "204": "Done, and nothing to be said",
}
_ETAG = {"description": "The version, for `If-None-Match`.", "schema": {"type": "string"}}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "An `ETag` that is known: answered 304 while it is that of the present version.",
    "schema": {"type": "string"},
    "example": 'W/"12"',
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Add to the description everything that cannot be said beside a route; return it, changed in place."""
    components = schema["components"]
    components |= {"examples": {}, "responses": {}}
    components["schemas"] |= {"Problem": PROBLEM_SCHEMA, "EventView": _schema_of(EventView)}
    for name in _FRAMEWORKS:
        components["schemas"].pop(name, None)
    for path, operations in schema["paths"].items():
        instance = _ROOT + re.sub(r"{(\w+)}", lambda match: PATH_VALUES.get(match[1], match[0]), path)
        for operation in operations.values():
            _describe_success(operation)
            _describe_validation(operation)
            _describe_conditional(operation)
            _add_examples(operation)
            _share_problems(operation, instance, components)
    return schema


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a model that no route uses; the schemas that it refers to are in the description already."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    return schema


def _describe_success(operation: dict[str, Any]) -> None:
    """Replace the framework's words where the route has none of its own."""
    for status, response in operation["responses"].items():
        if response["description"] == "Successful Response":
            response["description"] = _SUCCESS[status]


def _describe_validation(operation: dict[str, Any]) -> None:
    """Replace the framework's validation error by ours; drop it where only the path is given, since every bad path is
    404.
    """
    responses = operation["responses"]
    if JSON in responses.get("422", {}).get("content", {}):
        del responses["422"]
        if any(parameter["in"] != "path" for parameter in operation["parameters"]):
            responses.update({str(status): docs for status, docs in refusing(INVALID_QUERY).items()})


def _describe_conditional(operation: dict[str, Any]) -> None:
    """Describe `ETag` and `If-None-Match` wherever 304 may be answered."""
    responses = operation["responses"]
    if "304" in responses:
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        for status in ("200", "304"):
            responses[status].setdefault("headers", {})["ETag"] = _ETAG


def _add_examples(operation: dict[str, Any]) -> None:
    examples = examples_of(operation["operationId"])
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            for kind, content in response.get("content", {}).items():
                if kind in examples:
                    content["example"] = examples[kind]


def _share_problems(operation: dict[str, Any], instance: str, components: dict[str, Any]) -> None:
    """Move answers that many operations share to the components, with the path of the first operation."""
    responses = operation["responses"]
    for status, response in responses.items():
        examples = response.get("content", {}).get(PROBLEM_JSON, {}).get("examples")
        if examples is None:
            continue
        for code, example in examples.items():
            here = {**example, "value": {**example["value"], "instance": instance}}
            first = components["examples"].setdefault(code, here)
            is_same = first["value"]["detail"] == example["value"]["detail"]
            examples[code] = {"$ref": f"#/components/examples/{code}"} if is_same else here
        name = f"Problem{status}"
        if components["responses"].setdefault(name, response) == response:
            responses[status] = {"$ref": f"#/components/responses/{name}"}
