"""Let pages of chosen origins call the API from a browser: CORS, over Starlette's middleware.

Apart from authentication: a preflight carries no token and is answered before any.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

EXPOSED_HEADERS = (
    "Content-Disposition",
    "Content-Length",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Operation-Location",
    "Retry-After",
    "WWW-Authenticate",
)
"""The headers of answers that a page's script may read beside those that every script may."""

PREFLIGHT_VALID_SEC = 600
"""How long a browser may remember the answer to a preflight."""


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Wrap the application so that browsers let pages of these origins call it; call it after all other middleware.

    Any header may be sent: what a caller may do is decided by its token, and no cookies are used.
    """
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_VALID_SEC,
        )
