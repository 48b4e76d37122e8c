"""Hear of new messages: the app sends the queue's name as a datagram after it enqueued.

Only a hint that ends a listener's wait: a datagram that is lost costs one polling interval, a wrong one an empty look.
"""

import socket
import threading
from collections.abc import Callable

HINT_SETTING = "ROSTRUM_QUEUE_HINT"
LONGEST_NAME = 63


class HintListener:
    """A UDP socket on the loopback interface."""

    def __init__(self, on_hint: Callable[[str], None]) -> None:
        self._on_hint = on_hint
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, name="hints", daemon=True)

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the listener by a datagram to itself, then free the port."""
        if self._thread.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"", self._socket.getsockname())
            self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while True:
            data = self._socket.recv(LONGEST_NAME + 1)
            if not data:
                return
            self._on_hint(data.decode("utf-8", errors="replace"))
