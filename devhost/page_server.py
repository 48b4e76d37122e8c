"""Serve the built web page, and hand `/api` on to the API, so that both have one origin.

Started by the stack as `python -m devhost.page_server`; not for people.
"""

import argparse
import hashlib
import mimetypes
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
IMMUTABLE = "public, max-age=31536000, immutable"
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
)
STORAGE = "http://127.0.0.1:* http://localhost:*"
SECURITY = {
    "content-security-policy": (
        f"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; "
        f"media-src 'self' blob: {STORAGE}; connect-src 'self' {STORAGE}; frame-ancestors 'none'; base-uri 'self'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Recordings are played from the local storage, and uploads go there, so its addresses are allowed."""


def page_app(files: Path, api_url: str) -> Starlette:
    """Return the application that serves the built page in `files` and hands `/api` on to `api_url`."""
    files = files.resolve()
    client = httpx.AsyncClient(base_url=api_url, timeout=httpx.Timeout(30.0, read=None, write=None), trust_env=False)

    async def proxy(request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in HOP_BY_HOP]
        target = httpx.URL(path=request.url.path, query=request.url.query.encode())
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        outgoing = client.build_request(
            request.method, target, headers=headers, content=request.stream() if has_body else None
        )
        try:
            answer = await client.send(outgoing, stream=True)
        except httpx.TransportError:
            detail = "The API does not answer. Is the stack still running?"
            body = {"title": "No answer", "status": 502, "detail": detail, "code": "unreachable", "retryable": True}
            return JSONResponse(body, 502, media_type="application/problem+json")
        response = StreamingResponse(_passed_on(answer), answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() not in HOP_BY_HOP
        ]
        return response

    async def page(request: Request) -> Response:
        found = find_file(files, request.url.path)
        if found is None:
            return Response("There is no such file.", 404, media_type="text/plain", headers=SECURITY)
        return _file_response(request, found, is_immutable=found.parent == files / "assets")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    return Starlette(
        routes=[
            Route("/api/{path:path}", proxy, methods=METHODS),
            Route("/{path:path}", page, methods=["GET", "HEAD"]),
        ],
        lifespan=lifespan,
    )


def find_file(files: Path, path: str) -> Path | None:
    """Return the file for a request's path: itself, or `index.html` for a page of the application; else None."""
    wanted = (files / path.lstrip("/")).resolve()
    if wanted.is_relative_to(files) and wanted.is_file() and wanted.suffix not in (".br", ".gz"):
        return wanted
    if "." in path.rpartition("/")[2]:
        return None
    return files / "index.html"


async def _passed_on(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the API's answer as it comes, and close it at its end and when the client has left."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _file_response(request: Request, file: Path, *, is_immutable: bool) -> Response:
    accepted = request.headers.get("accept-encoding", "")
    body, encoding = file, None
    for name, suffix in ENCODINGS:
        smaller = file.with_name(file.name + suffix)
        if name in accepted and smaller.exists():
            body, encoding = smaller, name
            break
    etag = _etag(body, body.stat().st_mtime_ns)
    headers = {**SECURITY, "etag": etag, "vary": "accept-encoding"}
    headers["cache-control"] = IMMUTABLE if is_immutable else "no-cache"
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if encoding is not None:
        headers["content-encoding"] = encoding
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Response(body.read_bytes(), headers=headers, media_type=media_type)


@lru_cache(maxsize=1000)
def _etag(file: Path, _modified_ns: int) -> str:
    return f'"{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"'


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    mimetypes.add_type("text/javascript", ".js")  # Windows has another type in its registry
    mimetypes.add_type("font/woff2", ".woff2")
    listener = socket.create_server((options.host, options.port), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = page_app(options.files, options.api)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


def _stop_with_stdin(server: uvicorn.Server) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
