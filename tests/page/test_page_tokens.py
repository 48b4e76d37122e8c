"""The page in a browser where the API asks for tokens: pasted ones, and those of a provider."""

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

from devhost.node import Node
from tests.page.test_page_server import HTTP, serving
from tests.support.page_node import find_chromium, run_node
from tests.support.served_api import serve
from tests.support.signing_keys import AUDIENCE, ISSUER, SECRET, signed

TOKENS = {"auth": "jwt", "jwt_secret": SECRET.decode(), "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
CLIENT = "page"
SCOPE = "openid jobs:read"
CODE = "a-code"


def test_a_reader_pastes_a_token_or_signs_in(built_page: Path, page_node: Node, tmp_path: Path) -> None:
    chromium = find_chromium()
    token = signed(SECRET, "HS256", scopes=["jobs:read", "jobs:write"])
    with serve(**TOKENS) as served, issuing(token) as issuer:
        body = {"sourceUrl": "https://example.com/talk.mp4", "sessionName": "Voronoi diagrams"}
        made = HTTP.post(f"{served.url}/api/jobs", json=body, headers={"Authorization": f"Bearer {token}"})
        assert made.status_code == 202, made.text
        oidc = {"issuer": issuer, "clientId": CLIENT, "scope": SCOPE}
        with (
            serving(_page(built_page, tmp_path / "pasted", None), served.url) as pasted,
            serving(_page(built_page, tmp_path / "signed-in", oidc), served.url) as signed_in,
        ):
            given = {
                "pasted": pasted,
                "signedIn": signed_in,
                "chromium": chromium,
                "token": token,
                "recording": body["sessionName"],
            }
            done = run_node(page_node, "e2e/tokens.mjs", json.dumps(given))
    assert done.returncode == 0, done.stdout + done.stderr


def _page(built: Path, target: Path, oidc: dict[str, str] | None) -> Path:
    """Return a copy of the page with a `config.json` of its own."""
    shutil.copytree(built, target)
    (target / "config.json").write_text(json.dumps({"apiBase": "/api", "oidc": oidc}), encoding="utf-8")
    return target


@contextmanager
def issuing(token: str) -> Iterator[str]:
    """Serve a provider that signs everyone in, and gives the token for a code with the right verifier (RFC 7636)."""

    class Issuer(BaseHTTPRequestHandler):
        challenge = ""

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            if address.path == "/.well-known/openid-configuration":
                base = f"http://localhost:{server.server_port}"
                self._answer({"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"})
                return
            known = (asked["client_id"], asked["scope"], asked["response_type"], asked["code_challenge_method"])
            if known != (CLIENT, SCOPE, "code", "S256"):
                self.send_error(400)
                return
            Issuer.challenge = asked["code_challenge"]
            back = urlencode({"code": CODE, "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if (form["code"][0], challenge) != (CODE, Issuer.challenge):
                self.send_error(400)
                return
            self._answer({"access_token": token, "token_type": "Bearer"})

        def _answer(self, body: dict[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
