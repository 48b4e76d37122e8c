"""Replay a kept answer: as it was, but with links to where the API answers now."""

import json
from collections.abc import Mapping

from starlette.responses import Response

from shared.domain.idempotency import Answer

REPLAYED = "Idempotency-Replayed"

_LINK_HEADERS = ("location", "operation-location")


def replayed(answer: Answer, base: str) -> Response:
    """Return the answer; its links begin with `base` instead of the base that it was kept with."""
    headers, body = dict(answer.headers), str(answer.body)
    if answer.base is not None and answer.base != base:
        headers = {
            name: _moved(value, answer.base, base) if name in _LINK_HEADERS else value
            for name, value in headers.items()
        }
        body = _with_links(body, answer.base, base)
    return Response(body, answer.status, headers={**headers, REPLAYED: "true"})


def _with_links(body: str, old: str, new: str) -> str:
    """Return the JSON object with its `links` moved; nothing else of it is ours to change."""
    read = json.loads(body)
    if not isinstance(read, dict) or not isinstance(read.get("links"), Mapping):
        return body
    links = {name: _moved(link, old, new) if isinstance(link, str) else link for name, link in read["links"].items()}
    return json.dumps({**read, "links": links}, ensure_ascii=False, separators=(",", ":"))


def _moved(link: str, old: str, new: str) -> str:
    return new + link.removeprefix(old) if link.startswith(f"{old}/") else link
