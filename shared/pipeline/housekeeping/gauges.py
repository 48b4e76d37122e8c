"""Set the gauges of telemetry, once a minute: the queues and the unfinished jobs.

Apart from `queue_info`, which answers one organisation: these figures are the whole service's. The sweep measures,
because one instance runs it: gauges that every instance measured would cost calls and disagree.
"""

import logging
from collections import Counter

from shared.domain.errors import RostrumError
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.requeue import QUEUE_NAMES

log = logging.getLogger(__name__)


def set_gauges(services: Services) -> None:
    """Set the gauges of telemetry, unless it is off or measured them less than a minute ago."""
    if not services.telemetry.wants_gauges(services.clock()):
        return
    try:
        facts = [services.storage.queues.facts(queue) for queue in QUEUE_NAMES]
        active = Counter(job.status for job in services.storage.jobs.all_active())
    except RostrumError as error:
        log.warning("queues not measured", extra={"action": "measure", "code": error.code})
        return
    services.telemetry.gauges(
        [(each.name, each.waiting, each.poison, each.oldest_sec or 0.0) for each in facts],
        {status: active[status] for status in JobStatus if not status.is_final},
    )
