"""Write a file of a job block by block, so that a muxer's output is never held whole.

Apart from `job_blobs.py`, which writes what fits in memory.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import BinaryIO

from shared.domain.job import Job
from shared.media.block_writer import BlockWriter
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import Services, job_blob
from shared.storage.ports import BlobFacts

HASHED_FROM = 0.9
"""Progress when the file is written and its hash begins."""

_FIRST_BLOCKS = range(50_000, 950_000)
"""Numbers of the first block of a file that replaces another one: each writer chooses one, and has its own blocks."""

_HEAD_BYTES = 4096
"""The muxer's head is some bytes longer than the room for the index."""


def write_in_blocks(
    services: Services,
    job: Job,
    artefact: Artefact,
    write: Callable[[BinaryIO, Callable[[float], None]], None],
    report: Callable[[float], None],
    *,
    room_bytes: int = 0,
    replaces: BlobFacts | None = None,
) -> None:
    """Write a file of the job, in place of what is there, and keep its SHA-256: one write where it is a single block.

    Args:
        services: the services.
        job: the job.
        artefact: the file.
        write: writes into the seekable file it is given, and reports the fraction done.
        report: called with the fraction done, the hash included; may raise to stop the work.
        room_bytes: room at the beginning that `write` fills last.
        replaces: what is there. Other writers may replace it at the same time.

    Raises:
        WriteConflict: Another writer has replaced what was there.
    """
    blobs, container, blob = services.storage.blobs, artefact.container, job_blob(job, artefact.name)
    first = 0 if replaces is None else secrets.choice(_FIRST_BLOCKS)
    before = None if replaces is None else replaces.etag

    def stage(index: int, data: bytes) -> None:
        blobs.stage_block(container, blob, first + index, data)

    with BlockWriter(stage, head_bytes=room_bytes + _HEAD_BYTES) as target:
        write(target, lambda done: report(HASHED_FROM * done))
        if (whole := target.whole()) is not None:
            blobs.write(container, blob, whole, artefact.content_type, etag=before)
            return
        count = target.finish()
    facts = blobs.commit_blocks(container, blob, count, artefact.content_type, first=first, etag=before)
    digest, read = hashlib.sha256(), 0
    for chunk in blobs.chunks(container, blob):
        digest.update(chunk)
        read += len(chunk)
        report(HASHED_FROM + (1 - HASHED_FROM) * read / facts.size_bytes)
    blobs.note_sha256(container, blob, digest.hexdigest(), None if replaces is None else facts.etag)
