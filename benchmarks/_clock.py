"""A clock that can be moved while others look at it: a file says by how many seconds it is ahead."""

import os
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

CLOCK_SETTING = "ROSTRUM_BENCH_CLOCK"
"""The environment variable that names the file."""


class MovedTime(datetime):
    """`datetime` with a `now` that is off."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return the time by the file, as a plain `datetime`."""
        ahead_sec = 0.0
        with suppress(OSError, ValueError):
            ahead_sec = float(Path(os.environ[CLOCK_SETTING]).read_text(encoding="ascii"))
        return datetime.now(tz) + timedelta(seconds=ahead_sec)


def move_clock(file: Path, ahead_sec: float) -> None:
    """Set the clock of every process that reads the file, at once."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(ahead_sec), encoding="ascii")
    fresh.replace(file)
