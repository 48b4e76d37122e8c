"""The function app with a clock that can be moved while it runs. Not for people."""

from benchmarks._clock import MovedTime
from function_app import app as app
from shared import wiring
from shared.storage import connect

for module in (wiring, connect):  # the two that ask for the time
    vars(module)["datetime"] = MovedTime
