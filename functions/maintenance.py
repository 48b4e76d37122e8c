"""Timers that keep the house in order."""

import azure.functions as func

from shared.pipeline.background.sweep_tasks import sweep_tasks
from shared.pipeline.clean_up import schedule_clean_up
from shared.pipeline.sweep import sweep as sweep_jobs
from shared.wiring import services

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="*/15 * * * * *")
def sweep(timer: func.TimerRequest) -> None:
    """Asks again for steps and tasks whose message got lost or whose worker died, and runs what is scheduled."""
    schedule_clean_up(services())
    sweep_tasks(services())  # first, for it is bounded
    sweep_jobs(services())
