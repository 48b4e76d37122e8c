"""A storage account that misbehaves: an HTTP proxy before the emulator that refuses, delays or cuts connections.

Signatures pass through it: they cover the account, the path and the query, never the port that was connected to.
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from devhost.azurite import connection_string

CHUNK_BYTES = 256 * 1024
BUSY = (
    b"HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Type: application/xml\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
)
BUSY_BODY = b'<?xml version="1.0"?><Error><Code>ServerBusy</Code><Message>The server is busy.</Message></Error>'


class FaultyStorage:
    """Listens on three ports of its own for the emulator's three, which may be stopped and started meanwhile."""

    def __init__(self, ports: tuple[int, int, int]) -> None:
        self.requests = 0
        self.refused = 0
        self._is_busy = False
        self._delay_sec = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-storage", daemon=True)
        self._thread.start()
        self._servers = [self._call(self._listen(port)) for port in ports]
        blob, queue, table = (int(server.sockets[0].getsockname()[1]) for server in self._servers)
        self.connection_string = connection_string((blob, queue, table))

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Answer every request with 503 while the block runs."""
        self._is_busy = True
        yield
        self._is_busy = False

    @contextmanager
    def slow(self, delay_sec: float) -> Iterator[None]:
        """Have every request wait so many seconds while the block runs."""
        self._delay_sec = delay_sec
        yield
        self._delay_sec = 0.0

    @contextmanager
    def breaking(self, every_sec: float) -> Iterator[None]:
        """Break off all connections again and again while the block runs."""
        over = threading.Event()

        def break_off() -> None:
            while not over.wait(every_sec):
                self.cut()

        thread = threading.Thread(target=break_off, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join()

    def cut(self) -> int:
        """Break every connection, in the middle of its data; return how many there were."""

        async def abort() -> int:
            cut = list(self._writers)
            for writer in cut:
                writer.transport.abort()
            return len(cut)

        return self._call(abort())

    def close(self) -> None:
        """End everything."""

        async def end() -> None:
            for server in self._servers:
                server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.gather(*waiting, return_exceptions=True)

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, port: int) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            try:
                with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    await self._serve(reader, writer, port)
            finally:
                self._writers.discard(writer)
                writer.close()

        return await asyncio.start_server(serve, "127.0.0.1", 0, limit=CHUNK_BYTES, backlog=512)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """Serve one client's requests, one after the other.

        Answers are passed back unread: no client here sends a request before the answer to the last one came.
        """
        back: asyncio.Task[None] | None = None
        there: asyncio.StreamWriter | None = None
        try:
            while head := await _head(reader):
                self.requests += 1
                await asyncio.sleep(self._delay_sec)
                if self._is_busy:
                    self.refused += 1
                    await _pass_body(head, reader, None)
                    writer.write(BUSY % (len(BUSY_BODY), BUSY_BODY))
                    await writer.drain()
                    return
                if there is None:
                    answers, there = await asyncio.open_connection("127.0.0.1", port, limit=CHUNK_BYTES)
                    back = asyncio.create_task(_pump(answers, writer))
                there.write(head)
                await _pass_body(head, reader, there)
        finally:
            if there is not None:
                there.close()
            if back is not None:
                with suppress(OSError):
                    await back


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return a request's first line and headers; empty when there is no further one."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def _pass_body(head: bytes, reader: asyncio.StreamReader, to: asyncio.StreamWriter | None) -> None:
    """Pass the body that the head announces, by its length or in chunks, to the storage or nowhere."""
    headers = dict(line.lower().partition(b":")[::2] for line in head.split(b"\r\n")[1:])
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        size = -1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            if to is not None:
                to.write(line)
            await _pass(size + 2, reader, to)
    else:
        await _pass(int(headers.get(b"content-length", b"0")), reader, to)
    if to is not None:
        await to.drain()


async def _pass(size: int, reader: asyncio.StreamReader, to: asyncio.StreamWriter | None) -> None:
    while size > 0:
        piece = await reader.read(min(size, CHUNK_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(piece)
        if to is not None:
            to.write(piece)
            await to.drain()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Send everything from one to the other, until either ends; then end the other."""
    with suppress(OSError):
        while piece := await source.read(CHUNK_BYTES):
            target.write(piece)
            await target.drain()
    target.close()
