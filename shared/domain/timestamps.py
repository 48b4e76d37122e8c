"""Write times as captions, pages and sentences show them.

Apart because several formats share them.
"""


def webvtt_timestamp(seconds: float) -> str:
    """Return a time as in 01:05:09.250."""
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def clock(seconds: float) -> str:
    """Return the whole second that a time lies in, as in 1:05:09 or 5:09."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
