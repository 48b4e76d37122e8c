"""Timers that keep the house in order."""

import azure.functions as func

from shared.pipeline.execution.sweep import sweep as sweep_jobs
from shared.pipeline.housekeeping.clean_up import schedule_clean_up
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.wiring import services

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="*/15 * * * * *")
def sweep(timer: func.TimerRequest) -> None:
    """Asks again for steps and tasks whose message got lost or whose worker died, and runs what is scheduled."""
    schedule_clean_up(services())
    sweep_tasks(services())  # first, for it is bounded
    sweep_jobs(services())
