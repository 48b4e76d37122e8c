"""The page that describes the API."""

import base64
import hashlib
import re

from tests.unit.api.house import House


def test_the_page_loads_only_what_the_api_itself_serves(house: House) -> None:
    page = house.client.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    addresses = re.findall(r'(?:src|href|url)[=:] ?"([^"]+)"', page.text)
    assert "openapi.json" in addresses
    assert len(addresses) == 4
    assert "//" not in "".join(addresses)
    for address in addresses:
        answer = house.client.get(f"/{address}")
        assert answer.status_code == 200
        assert len(answer.content) > 500


def test_its_one_script_is_the_one_that_is_allowed(house: House) -> None:
    page = house.client.get("/docs")
    policy = page.headers["Content-Security-Policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_nothing_is_taken_for_what_it_is_not(house: House) -> None:
    for path, kind in (("/docs", "text/html"), ("/docs/swagger-ui-bundle.js", "text/javascript")):
        answer = house.client.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"].startswith(kind)


def test_no_other_file_is_served(house: House) -> None:
    for name in ("redoc.standalone.js", "..%2Fcore.py", "..", "core.py"):
        assert house.client.get(f"/docs/{name}").status_code == 404
