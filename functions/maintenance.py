"""Timers that keep the house in order."""

import os

import azure.functions as func

from shared.pipeline.execution.sweep import sweep as sweep_jobs
from shared.pipeline.housekeeping.clean_up import schedule_clean_up
from shared.pipeline.housekeeping.gauges import set_gauges
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.settings import DEFAULT_SWEEP_SCHEDULE
from shared.wiring import services

blueprint = func.Blueprint()

# The settings are not read while the app is indexed, which they might keep from being found at all.
SCHEDULE = os.environ.get("ROSTRUM_SWEEP_SCHEDULE", "").strip() or DEFAULT_SWEEP_SCHEDULE


@blueprint.timer_trigger(arg_name="timer", schedule=SCHEDULE)
def sweep(timer: func.TimerRequest) -> None:
    """Requeue steps and tasks that lost their message or their worker, and run schedules that are due."""
    schedule_clean_up(services())
    sweep_tasks(services())  # first, for it is bounded
    sweep_jobs(services())
    set_gauges(services())
