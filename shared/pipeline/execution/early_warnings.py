"""Tell that a recording may be no good while its job runs: an event, and a webhook where there is a callback address.

Apart from the stages, which know the reasons and nothing of webhooks.
"""

from collections.abc import Sequence

from shared.domain import job as jobs
from shared.domain.event import EarlyWarning
from shared.domain.job import Job
from shared.domain.quality.payload import Reason
from shared.pipeline.context import Services
from shared.pipeline.updates import change_job
from shared.pipeline.webhooks.announce import announce_warning


def warn_early(services: Services, job: Job, reasons: Sequence[Reason]) -> None:
    """Add an event for each reason that the job has not warned of, and create its webhook; idempotent.

    The row is written before the webhook's task. A worker that crashes in between runs the step again, because its row
    does not say yet that it is done, and the task has an id of its own: there is one for each reason.
    """
    for reason in reasons:
        warning = EarlyWarning(code=reason.code, start=reason.start, end=reason.end, text=reason.text)

        def warn(current: Job, warning: EarlyWarning = warning) -> Job | None:
            if not current.is_runnable or current.attempt != job.attempt:
                return None
            return jobs.warn(current, warning, services.clock())

        warned = change_job(services, job.org_id, job.job_id, warn)
        if job.callback_url is not None and any(each.code == reason.code for each in warned.warnings):
            announce_warning(services, warned, reason.code)
