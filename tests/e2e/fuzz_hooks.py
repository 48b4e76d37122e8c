"""What Schemathesis is told of this API when it runs: values of formats of ours, and refusals that are right.

Nothing else is left out: every check is on, for every operation.
"""

import os
import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

from shared.api.dependencies import ID_PATTERN
from shared.api.models.fields import MAX_URL_CHARS

RIGHT_CODES = {
    "idempotency_key_reused": "two requests that differ may come up with the same key",
    "engine_unavailable": "a language may be well-formed, and the embedded engine knows English only",
    "address_refused": "an address may be well-formed and lead into this machine",
    "source_not_found": "an address may be well-formed and lead nowhere",
    "source_unavailable": "an address may be well-formed and its server keep silent",
    "not_media": "a file may be anything",
    "empty_recording": "a file may be empty",
    "unknown_vocabulary": "a name may be well-formed and belong to no vocabulary",
    "track_not_found": "an index may be well-formed and belong to no track",
    "precondition_required": "an edit has to name the version that was read",
    "precondition_failed": "a tag may be well-formed and belong to no version",
    "invalid_operation": "an id may be well-formed and belong to no word",
    "text_does_not_fit": "a text may be well-formed and belong to no recording",
    "not_acceptable": "the text of a job that runs is offered as JSON alone",
}
"""Codes of refusals of requests that fit the schema."""

RIGHT_DETAILS = {
    "The cursor ": "a cursor is known by the list that gave it out alone",
    "startAt may be at most": "how far a year from now is depends on when it is asked",
    "There is no word to search for": "what a word is, in every script, is no pattern",
    "words can be searched for at once": "how many words a text has, in every script, is no pattern",
    "Give either wordIds or segmentIds": "that one of two fields is given is said in words",
    "Give one place": "that one of three places is given is said in words",
    "A new segment needs a start": "that a time is later than another is no pattern",
    "Only a new segment takes a speaker": "which fields go together is said in words",
    "must have visible characters": "what is visible, in every script, is no pattern",
    "The file has no text": "what is visible, in every script, is no pattern",
    "A zone has a width": "where a zone ends is the sum of two numbers",
    "The recording has": "how large a recording may be is a setting",
}
"""What stands in refusals with the code `invalid_request` that a schema cannot foresee."""

_LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["bücher", "xn--bcher-kva"]
)
_ADDRESSES = st.builds(
    "{}://{}.example{}/{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    _LABELS,
    st.sampled_from(["", ":8080", ":65535"]),
    st.from_regex(
        r"[A-Za-zÄöü0-9._~!$&'()*+,;=:@/-]{0,60}(\?[a-z0-9=&%20]{0,20})?(#[a-z]{0,9})?", fullmatch=True
    ).filter(lambda path: path.count("%") == path.count("%20")),
)
_LONGEST_ADDRESSES = st.sampled_from(
    ["https://example.com/".ljust(length, "a") for length in (MAX_URL_CHARS - 1, MAX_URL_CHARS)]
)
"""Schemathesis asks for the longest texts that the schema allows; no draw of the addresses above is so long."""

schemathesis.openapi.format("iri", _ADDRESSES | _LONGEST_ADDRESSES)
schemathesis.openapi.format("cron", st.sampled_from(["0 2 * * MON-FRI", "*/5 * * * *", "59 23 31 12 0", "0 0 29 2 *"]))
schemathesis.openapi.format("time-zone", st.sampled_from(["UTC", "Europe/Zurich", "Asia/Kathmandu"]))


@schemathesis.serializer("application/x-subrip")
def as_text(context: Any, value: Any) -> bytes:
    """Return a body that is a text as it is sent."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """There is a recording to probe."""
    operation = context.operation.definition.raw["operationId"]
    if operation == "probeRecording" and isinstance(body, dict) and _is_id(body.get("sessionId")):
        body["sessionId"] = os.environ["FUZZ_SESSION"]
    return body


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """What was laid out for the run stays there."""
    ids = (case.path_parameters or {}).values()
    deletes = case.operation.definition.raw["operationId"] in ("deleteSession", "deleteResults")
    return not deletes or os.environ["FUZZ_SESSION"] not in ids


def _is_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(ID_PATTERN, value) is not None


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Whether it is one: a request that fits the schema may be refused for the reasons above, and only for them."""
    if isinstance(failure, UseAfterFree):  # what is deleted at a job's address is its going on; the job stays
        return not (case.operation.path.startswith("/jobs/") or case.operation.path.endswith("/results"))
    if response.status_code == 413:  # refused before it was read, so that no other fault is looked for
        return False
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    if problem["code"] == "invalid_request":
        return not any(right in problem["detail"] for right in RIGHT_DETAILS)
    return problem["code"] not in RIGHT_CODES
