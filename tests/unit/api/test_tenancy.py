"""Another organisation sees nothing, on any route; and no route forgets to ask who calls.

The routes are found, not listed: one that takes an id of a new kind fails here until `Acme` has such a thing.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from shared.api.app import ROUTERS, create_app
from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.stage import Stage
from shared.domain.task import Task
from shared.media.payload import MediaPayload, SidecarPayload
from shared.pipeline.jobs.vocabularies import save_vocabulary
from shared.storage.ports import SOURCES
from tests.support.api_client import ApiClient
from tests.support.api_harness import ORG, ApiHarness, make_services
from tests.support.signing_keys import SECRET, signed
from tests.unit.transcription.test_editing import TALK

NOTHING = MediaPayload(container="mp4", streams=[], duration_sec=1.0, size_bytes=3, sha256="00")

OPEN = {"/health", "/docs", "/docs/{name}"}
"""Anybody may read these."""

OF_THE_SERVICE = {"/jobs/poison/{queue}/requeue", "/jobs/poison/{queue}", "/jobs/poison/{queue}/{letterId}"}
"""What they take belongs to no organisation, but to the service's administrators."""

FOR_ADMINS = {*OF_THE_SERVICE, "/removals"}

FORM = {"/sessions/import"}

TEXTS = {"/sessions/{sessionId}/results/transcript/import"}

BODIES: dict[str, Any] = {
    "/jobs": {"sessionId": "{sessionId}"},
    "/downloader": {"sessionId": "{sessionId}"},
    "/ingest/init": {"sourceName": "a.mp4", "contentLength": 3},
    "/ingest/commit": {"uploadId": "{uploadId}"},
    "/ingest/probe": {"sessionId": "{sessionId}"},
    "/schedules": {"cron": "0 0 * * *", "job": {"sessionId": "{sessionId}"}},
    "/vocabularies/{vocabulary}": {"terms": ["Delaunay"]},
    "/sessions/{sessionId}/results/transcript": {"operations": [{"op": "delete", "wordIds": ["w0"]}]},
    "/sessions/{sessionId}/results/transcript/restore": {"version": 0},
    "/sessions/{sessionId}/results/transcript/review": {"state": "reviewed"},
}
"""What a POST needs so that it is not refused for its body."""

NAMES = {
    "/sessions/{sessionId}/pictures/{name}": "track-x.png",
    "/sessions/{sessionId}/renditions/{name}": "follow.mp4",
    "/sessions/{sessionId}/sprites/{name}": "sprite.vtt",
}
"""Names that are no others than these."""

BY_BODY = [
    ("/jobs", {"sessionId": "{sessionId}"}),
    ("/jobs", {"uploadId": "{uploadId}"}),
    ("/downloader", {"sessionId": "{sessionId}"}),
    ("/downloader", {"uploadId": "{uploadId}"}),
    ("/ingest/commit", {"uploadId": "{uploadId}"}),
    ("/ingest/probe", {"sessionId": "{sessionId}"}),
    ("/ingest/probe", {"uploadId": "{uploadId}"}),
]

ROUTES = sorted(
    (route.path, method)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, Route) and route.path not in OPEN
    for method in (route.methods or set()) - {"HEAD"}
)
PATHS = {path for path, _ in ROUTES}
CHOSEN = {("/vocabularies/{vocabulary}", "PUT")}
"""What makes a thing under a name that its organisation chooses: others may have the same."""

WITH_IDS = [
    (path, method)
    for path, method in ROUTES
    if "{" in path and path not in OF_THE_SERVICE and (path, method) not in CHOSEN
]
LISTS = [path for path, method in ROUTES if method == "GET" and "{" not in path]


@dataclass
class Acme:
    """An organisation with one of everything, and the API that it shares with others."""

    client: ApiClient
    ids: dict[str, str]

    def ask(self, method: str, path: str, token: str | None, body: Any = None) -> httpx.Response:
        """Asks at the path, with Acme's ids in the path and the body."""
        unknown = set(re.findall(r"{(\w+)}", path)) - set(self.ids)
        assert not unknown, f"Acme has no {unknown}: give it one, so that {path} is tried with it"
        body = BODIES.get(path, {}) if body is None else body
        arguments: dict[str, Any] = {"json": self._filled(body)} if method in ("POST", "PUT", "PATCH") else {}
        if path in TEXTS:
            arguments = {"content": "Hello", "headers": {"Content-Type": "text/plain"}}
        if path in FORM:
            arguments = {"files": {"video": ("a.mp4", b"abc", "video/mp4")}}
        headers = arguments.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        names = {**self.ids, "name": NAMES.get(path, self.ids["name"])}
        return self.client.request(method, path.format_map(names), headers=headers, follow_redirects=False, **arguments)

    def _filled(self, body: Any) -> Any:
        if isinstance(body, dict):
            return {name: self._filled(value) for name, value in body.items()}
        return body.format_map(self.ids) if isinstance(body, str) and "{" in body else body


OWNER = signed(org_id=ORG, scopes=["jobs:read", "jobs:write"])
OTHERS = signed(org_id="others", scopes=["jobs:read", "jobs:write"])
OTHERS_ADMIN = signed(org_id="others", scopes=["admin"])


@contextmanager
def _organisation() -> Iterator[Acme]:
    services = make_services(auth="jwt", jwt_secret=SECRET.decode(), jwt_issuer=None, jwt_audience=None)
    with ApiClient(create_app(services), base_url="http://api.localhost") as client:
        client.headers["Authorization"] = f"Bearer {OWNER}"
        harness = ApiHarness(services, client)
        job = harness.submit(sessionName="A talk")
        session = harness.session(job["sessionId"])
        services.storage.blobs.write(SOURCES, session.source_blob, b"abc", "video/mp4")
        files = ("transcript.json", "instructor-tracking.json", "instructor-by-segment.json")
        files += ("quality.json", "slides.json", "slides/scene-001.jpg", "sidecar.json", "thumbnails/scene-001.jpg")
        talk = TALK.model_dump_json(by_alias=True).encode()
        sidecar = SidecarPayload(session_id=session.session_id, job_id=job["jobId"], media=NOTHING)
        made_files = {"transcript.json": talk, "sidecar.json": sidecar.model_dump_json(by_alias=True).encode()}
        harness.finish(job, {**dict.fromkeys(files, b'{"segments": []}'), **made_files})
        harness.change(job["jobId"], lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), job.created_at))
        upload = client.post("/ingest/init", json=BODIES["/ingest/init"]).json()
        ids = {"jobId": job["jobId"], "sessionId": job["sessionId"], "name": "scene-001"}
        at = services.clock()
        task = Task(task_id="some-task", org_id=ORG, name="work", created_at=at, due_at=at + timedelta(days=1))
        services.storage.tasks.create(task)
        save_vocabulary(services, ORG, "algebra", ["Noether"])
        ids["vocabulary"] = "algebra"
        made = Acme(client, {**ids, "uploadId": upload["uploadId"], "taskId": task.task_id})
        if "/schedules" in PATHS:
            made.ids["scheduleId"] = made.ask("POST", "/schedules", OWNER).json()["scheduleId"]
        del client.headers["Authorization"]
        yield made


@pytest.fixture
def acme() -> Iterator[Acme]:
    with _organisation() as made:
        yield made


@pytest.fixture(scope="module")
def unharmed_acme() -> Iterator[Acme]:
    """An organisation for the requests that are all refused; after them it has what it had."""
    with _organisation() as made:
        before = _readable(made)
        yield made
        assert _readable(made) == before


def _readable(acme: Acme) -> dict[str, bytes]:
    """What the organisation can read of its own, by path."""
    paths = [path for path, method in WITH_IDS if method == "GET" and path != "/jobs/{jobId}/events"]
    answers = {path: acme.ask("GET", path, OWNER) for path in paths}
    return {path: answer.content for path, answer in answers.items() if answer.status_code == 200}


def test_the_routes_were_found() -> None:
    assert len(WITH_IDS) >= 11
    assert {"/jobs/{jobId}", "/sessions/{sessionId}/media", "/jobs/{jobId}/events"} <= PATHS


@pytest.mark.parametrize(("path", "method"), WITH_IDS)
def test_anothers_id_is_not_found(acme: Acme, path: str, method: str) -> None:
    for token in (OTHERS, OTHERS_ADMIN):
        refused = acme.ask(method, path, token)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    owner = acme.ask(method, path, OWNER)
    assert owner.status_code < 500
    assert b'"not_found"' not in owner.content


@pytest.mark.parametrize(("path", "method"), WITH_IDS)
def test_anothers_id_is_answered_as_one_that_is_none(unharmed_acme: Acme, path: str, method: str) -> None:
    known = unharmed_acme.ask(method, path, OTHERS).json()
    nothing = replace(unharmed_acme, ids=dict.fromkeys(unharmed_acme.ids, "nothing"))
    unknown = nothing.ask(method, path, OTHERS).json()
    own = ("traceId", "instance", "detail")
    assert {name: known[name] for name in known if name not in own} == {
        name: unknown[name] for name in unknown if name not in own
    }


@pytest.mark.parametrize(("path", "method"), sorted(CHOSEN))
def test_anothers_thing_under_the_same_name_stays_as_it_is(acme: Acme, path: str, method: str) -> None:
    before = acme.ask("GET", path, OWNER).json()
    theirs = acme.ask(method, path, OTHERS).json()
    assert acme.ask("GET", path, OTHERS).json() == theirs
    assert acme.ask("GET", path, OWNER).json() == before != theirs
    assert acme.ask("DELETE", path, OTHERS).status_code == 204
    assert acme.ask("GET", path, OWNER).json() == before


@pytest.mark.parametrize(("path", "body"), [each for each in BY_BODY if each[0] in PATHS])
def test_anothers_id_in_a_body_is_not_found(acme: Acme, path: str, body: dict[str, str]) -> None:
    answer = acme.ask("POST", path, OTHERS, body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert acme.ask("POST", path, OWNER, body).status_code != 404


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_nothing_of_another(unharmed_acme: Acme, path: str) -> None:
    query = "?q=talk" if path == "/search" else ""
    answer = unharmed_acme.ask("GET", path + query, OTHERS_ADMIN if path in FOR_ADMINS else OTHERS)
    assert answer.status_code == 200
    assert not [each for name, each in unharmed_acme.ids.items() if name != "name" and each in answer.text]
    assert answer.json().get("items", []) == []
    filtered = unharmed_acme.ask("GET", f"/jobs?sessionId={unharmed_acme.ids['sessionId']}", OTHERS)
    assert filtered.json()["items"] == []


def test_a_removal_is_shown_to_its_organisation_alone(acme: Acme) -> None:
    assert acme.ask("DELETE", "/sessions/{sessionId}", OWNER).status_code == 204
    owner = acme.ask("GET", "/removals", signed(org_id=ORG, scopes=["admin"]))
    assert [each["sessionId"] for each in owner.json()["items"]] == [acme.ids["sessionId"]]
    assert acme.ask("GET", "/removals", OTHERS_ADMIN).json()["items"] == []


def test_the_owners_lists_are_not_empty(acme: Acme) -> None:
    for path in ("/jobs", "/sessions"):
        assert len(acme.ask("GET", path, OWNER).json()["items"]) == 1


def test_another_organisations_cursor_leads_nowhere(acme: Acme) -> None:
    acme.ask("POST", "/jobs", OWNER)
    cursor = acme.ask("GET", "/jobs?limit=1", OWNER).json()["nextLink"].partition("?")[2]
    answer = acme.ask("GET", f"/jobs?{cursor}", OTHERS)
    assert answer.status_code in (200, 422)
    assert answer.json().get("items", []) == []


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_no_caller_gets_in_without_a_token_or_the_scope(unharmed_acme: Acme, path: str, method: str) -> None:
    acme = replace(unharmed_acme, ids=unharmed_acme.ids | {"queue": "downloads", "letterId": "letter"})
    assert acme.ask(method, path, None).status_code == 401
    needed = "admin" if path in FOR_ADMINS else "jobs:read" if method == "GET" else "jobs:write"
    lacking = [each for each in ("jobs:read", "jobs:write") if each != needed]
    refused = acme.ask(method, path, signed(org_id=ORG, scopes=lacking))
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert refused.headers["WWW-Authenticate"].endswith(f'scope="{needed}"')
