"""List and remove dead letters; `requeue` puts them back.

Messages that cannot be read belong to no organisation. An administrator sees that they are there, and may remove them.
"""

import heapq
from collections.abc import Sequence
from contextlib import suppress

from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import NotFound
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.requeue import require_queue
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.ports import Page, Stored

_CURSOR_KIND = "dead-letters"


def dead_letters_page(
    services: Services, org_ids: Sequence[str], queue: str, *, limit: int, cursor: str | None = None
) -> Page[DeadLetter]:
    """Return the dead letters of a queue that belong to these organisations, newest first; raise NotFound."""
    require_queue(queue)
    after, letters = decode_cursor(_CURSOR_KIND, cursor), services.storage.dead_letters
    found = [letters.of_queue(org_id, queue, after=after) for org_id in org_ids]
    newest_first = heapq.merge(*found, key=lambda stored: stored.value.letter_id)
    return first_page(_CURSOR_KIND, ((stored.value.letter_id, stored.value) for stored in newest_first), limit)


def remove_dead_letter(services: Services, org_ids: Sequence[str], queue: str, letter_id: str) -> None:
    """Delete a dead letter of one of these organisations for good, with its task; raise NotFound.

    A job that it is about stays in ERROR, and can be retried.
    """
    require_queue(queue)
    for org_id in org_ids:
        with suppress(NotFound):
            drop_dead_letter(services, services.storage.dead_letters.get(org_id, queue, letter_id))
            return
    raise NotFound(f"Queue {queue} has no dead letter {letter_id}.")


def drop_dead_letter(services: Services, stored: Stored[DeadLetter]) -> None:
    """Delete a dead letter with its task, which cannot be requeued without it."""
    storage = services.storage
    if stored.value.task_id is not None:
        with suppress(NotFound):
            storage.tasks.delete(storage.tasks.get(stored.value.task_id))
    storage.dead_letters.delete(stored)
