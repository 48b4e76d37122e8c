"""The page that describes the API."""

import base64
import hashlib
import re

from tests.support.api_harness import ApiHarness


def test_the_page_loads_only_what_the_api_itself_serves(harness: ApiHarness) -> None:
    page = harness.client.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    addresses = re.findall(r'(?:src|href|url)[=:] ?"([^"]+)"', page.text)
    assert "openapi.json" in addresses
    assert len(addresses) == 4
    assert "//" not in "".join(addresses)
    for address in addresses:
        answer = harness.client.get(f"/{address}")
        assert answer.status_code == 200
        assert len(answer.content) > 500


def test_its_one_script_is_the_one_that_is_allowed(harness: ApiHarness) -> None:
    page = harness.client.get("/docs")
    policy = page.headers["Content-Security-Policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_nothing_is_taken_for_what_it_is_not(harness: ApiHarness) -> None:
    for path, kind in (("/docs", "text/html"), ("/docs/swagger-ui-bundle.js", "text/javascript")):
        answer = harness.client.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"].startswith(kind)


def test_no_other_file_is_served(harness: ApiHarness) -> None:
    for name in ("redoc.standalone.js", "..%2Fcore.py", "%2E%2E", "core.py"):
        assert harness.client.get(f"/docs/{name}").status_code == 404
