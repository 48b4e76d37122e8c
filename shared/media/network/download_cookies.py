"""Keep the cookies of one download: a server that sets one with a redirect often wants it with the next request.

Each is sent to the hosts that it was set for, and forgotten with the download. https://www.rfc-editor.org/rfc/rfc6265
"""

from collections.abc import Sequence

import httpx


class DownloadCookies:
    """The cookies of one download."""

    def __init__(self) -> None:
        self._cookies = httpx.Cookies()

    def keep(self, url: httpx.URL, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep what an answer sets."""
        self._cookies.extract_cookies(httpx.Response(200, headers=headers, request=httpx.Request("GET", url)))

    def header(self, url: httpx.URL) -> str | None:
        """Return the header Cookie for a request; None without cookies for its host."""
        request = httpx.Request("GET", url)
        self._cookies.set_cookie_header(request)
        found: str | None = request.headers.get("cookie")
        return found
