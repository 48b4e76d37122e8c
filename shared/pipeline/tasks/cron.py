"""Read crons of 5 fields in a time zone, as Debian's cron does.

When clocks go forward, what has fixed times in the missing hour runs right after it. When they go back, it runs once.
What has `*` in the minute's or the hour's field follows the clock: it has no missing hour, and runs in both hours that
are repeated. See the notes on local time changes in https://manpages.debian.org/stable/cron/cron.8.en.html
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from shared.domain.errors import InvalidRequest

MAX_CRON_CHARS = 200


def next_run(cron: str, time_zone: str, after: datetime) -> datetime:
    """Return the first of the cron's times after the moment, in UTC.

    Raises InvalidRequest with the reason in words, also for a cron with no time within 50 years.
    """
    zone = known_zone(time_zone)
    try:
        if len(cron) > MAX_CRON_CHARS or len(cron.split()) != 5:
            raise InvalidRequest(f"A cron has 5 fields (minute, hour, day, month, weekday); {_shown(cron)} does not.")
        for found in CronSim(cron, after.astimezone(zone)):
            if found.astimezone(UTC) > after:
                return found.astimezone(UTC)
    except (CronSimError, AssertionError) as err:
        raise InvalidRequest(f"The cron {_shown(cron)} cannot be read: {err}.") from err
    raise InvalidRequest(f"The cron {_shown(cron)} names a time that does not come.")


def known_zone(name: str) -> ZoneInfo:
    """Return the time zone of this name; raise InvalidRequest."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as err:  # what the name of a directory raises, or one that leads elsewhere
        raise InvalidRequest(f"There is no time zone {_shown(name)}; use a name such as Europe/Zurich.") from err


def _shown(text: str) -> str:
    return repr(text[:MAX_CRON_CHARS])
