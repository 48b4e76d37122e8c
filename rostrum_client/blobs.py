"""Talk to Blob storage at signed addresses: files go in block by block and come out in ranges.

https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from base64 import b64encode
from http import HTTPStatus
from urllib.parse import urlencode

import httpx

from rostrum_client.wire import Request


def block_id(index: int) -> str:
    """Return a block's id: all of a blob's ids must have the same length before encoding (Put Block)."""
    return b64encode(f"{index:08d}".encode()).decode()


def put_block(upload_url: str, index: int, block: bytes, md5: bytes) -> Request:
    """Put Block: one block of the file, to the signed address."""
    address = _with_query(upload_url, comp="block", blockid=block_id(index))
    headers = {"Content-MD5": b64encode(md5).decode()}
    return Request(method="PUT", address=address, content=block, headers=headers)


def put_block_list(upload_url: str, count: int, content_type: str) -> Request:
    """Put Block List: makes the blob of its blocks, unless it stands already, as it does when an answer got lost."""
    latest = "".join(f"<Latest>{block_id(index)}</Latest>" for index in range(count))
    return Request(
        method="PUT",
        address=_with_query(upload_url, comp="blocklist"),
        content=f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode(),
        headers={"x-ms-blob-content-type": content_type, "Content-Type": "application/xml", "If-None-Match": "*"},
    )


def download(url: str, start: int, etag: str | None) -> Request:
    """Return a GET of the content at a signed address, from byte `start` on if it is still the same."""
    rest = {"Range": f"bytes={start}-", "If-Match": etag} if start and etag else {}
    return Request(method="GET", address=url, headers={"Accept-Encoding": "identity", **rest})


def storage_refusal(response: httpx.Response) -> str | None:
    """Return why storage did not do what it was asked; None when it did."""
    if response.is_success:
        return None
    reason = response.headers.get("x-ms-error-code") or f"HTTP status {response.status_code}"
    hint = ". The address may have expired: start again" if response.status_code == HTTPStatus.FORBIDDEN else ""
    return f"{reason}{hint}"


def _with_query(url: str, **added: str) -> str:
    """Return the signed address with more parameters; the address itself stays as it is, byte for byte."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(added)}"
