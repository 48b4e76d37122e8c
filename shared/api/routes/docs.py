"""Serve the API's description as a page: Swagger UI, from files of this package and no other server."""

import base64
import hashlib
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from shared.domain.errors import NotFound

router = APIRouter(include_in_schema=False)

_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
"""The files that the page needs of package `fastapi_offline`, which ships Swagger UI."""

_START = """
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rostrum API</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>{_START}</script>
</body>
</html>
"""
"""Its addresses are relative, so that it works under any prefix."""

_START_HASH = base64.b64encode(hashlib.sha256(_START.encode()).digest()).decode()

_SAFE = {"X-Content-Type-Options": "nosniff"}

_PAGE_HEADERS = {
    **_SAFE,
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'sha256-{_START_HASH}'",
            "style-src 'self' 'unsafe-inline'",  # Swagger UI styles its elements one by one
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.get("/docs")
async def docs() -> Response:
    """Return the page."""
    return HTMLResponse(_PAGE, headers=_PAGE_HEADERS)


@router.get("/docs/{name}")
async def docs_file(name: str) -> Response:
    """Return a file that the page needs; raise NotFound."""
    if name not in _FILES:
        raise NotFound("There is no such file.")
    path = str(files("fastapi_offline") / "static" / name)
    return FileResponse(path, media_type=_FILES[name], headers={**_SAFE, "Cache-Control": "public, max-age=3600"})
