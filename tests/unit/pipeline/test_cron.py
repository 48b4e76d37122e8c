"""Crons in time zones: what they name, across both changes of the clocks, and what is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.pipeline.tasks.cron import next_run

ZURICH = "Europe/Zurich"  # 2026-03-29 02:00 becomes 03:00 (01:00 UTC), 2026-10-25 03:00 becomes 02:00 (01:00 UTC)
LORD_HOWE = "Australia/Lord_Howe"  # half an hour: 2026-10-04 02:00 becomes 02:30 (2026-10-03 15:30 UTC)


def runs(cron: str, zone: str, after: str, count: int) -> list[str]:
    moment, found = datetime.fromisoformat(after).replace(tzinfo=UTC), []
    for _ in range(count):
        moment = next_run(cron, zone, moment)
        found.append(f"{moment:%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        pytest.param("0 0 * * *", "UTC", "2026-01-01 00:00", ["02 00:00", "03 00:00"], id="not the moment itself"),
        pytest.param("0 0 * * *", ZURICH, "2026-01-01 00:00", ["01 23:00", "02 23:00"], id="winter"),
        pytest.param("0 0 * * *", ZURICH, "2026-07-01 00:00", ["01 22:00", "02 22:00"], id="summer"),
        pytest.param("0 9 * * mon-fri", "UTC", "2026-11-20 10:00", ["23 09:00", "24 09:00"], id="weekdays by name"),
        pytest.param("0 0 29 2 *", "UTC", "2026-01-01 00:00", ["29 00:00"], id="leap day"),
        pytest.param(" 5   4 * * * ", "UTC", "2026-01-01 00:00", ["01 04:05"], id="spaces"),
    ],
)
def test_times(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert runs(cron, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        pytest.param("30 1 * * *", ["29 00:30", "29 23:30"], id="before the gap"),
        pytest.param("30 2 * * *", ["29 01:00", "30 00:30"], id="in the gap: right after it"),
        pytest.param("0,30 2 * * *", ["29 01:00", "30 00:00"], id="twice in the gap: once"),
        pytest.param("0 3 * * *", ["29 01:00", "30 01:00"], id="at its end"),
        pytest.param("0 * * * *", ["29 00:00", "29 01:00", "29 02:00"], id="hourly"),
        pytest.param("*/30 * * * *", ["29 00:00", "29 00:30", "29 01:00", "29 01:30"], id="half-hourly"),
    ],
)
def test_when_clocks_go_forward(cron: str, expected: list[str]) -> None:
    assert runs(cron, ZURICH, "2026-03-28 23:50", len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        pytest.param("30 1 * * *", ["24 23:30", "26 00:30"], id="before"),
        pytest.param("30 2 * * *", ["25 00:30", "26 01:30"], id="a time that comes twice: once"),
        pytest.param("0 3 * * *", ["25 02:00", "26 02:00"], id="after"),
        pytest.param("0 * * * *", ["24 23:00", "25 00:00", "25 01:00", "25 02:00"], id="hourly: in both hours"),
        pytest.param("*/30 * * * *", ["24 23:00", "24 23:30", "25 00:00", "25 00:30", "25 01:00"], id="half-hourly"),
    ],
)
def test_when_clocks_go_back(cron: str, expected: list[str]) -> None:
    assert runs(cron, ZURICH, "2026-10-24 22:50", len(expected)) == expected


def test_a_change_by_half_an_hour() -> None:
    assert runs("15 2 * * *", LORD_HOWE, "2026-10-03 14:00", 2) == ["03 15:30", "04 15:15"]


def test_a_start_in_the_repeated_hour_does_not_go_back() -> None:
    second_time = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert next_run("30 2 * * *", ZURICH, second_time) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("", "has 5 fields"),
        ("* * * *", "has 5 fields"),
        ("0 0 * * * *", "has 5 fields"),
        ("@daily", "has 5 fields"),
        ("60 * * * *", "Bad minute"),
        ("* 24 * * *", "Bad hour"),
        ("* * 0 * *", "Bad day-of-month"),
        ("* * * 13 *", "Bad month"),
        ("* * * * 8", "Bad day-of-week"),
        ("*/0 * * * *", "Bad minute"),
        ("5-1 * * * *", "Bad minute"),
        ("a b c d e", "Bad minute"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("0 0 31 4,6,9,11 *", "Bad day-of-month"),
        ("* * */20 * 1L", "does not come"),
        ("0 0 */31 2 0#5", "does not come"),
        ("1 " * 200, "has 5 fields"),
    ],
)
def test_what_is_refused_and_why(cron: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        next_run(cron, ZURICH, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("zone", ["", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "UTC\0", "x" * 5000])
def test_unknown_time_zones(zone: str) -> None:
    with pytest.raises(InvalidRequest, match="There is no time zone"):
        next_run("0 0 * * *", zone, datetime(2026, 1, 1, tzinfo=UTC))


PIECES = st.text(alphabet="0123456789*/,-#L ?MONJA", max_size=30)


@settings(max_examples=100, deadline=None)
@given(
    cron=st.one_of(PIECES, st.lists(PIECES.map(lambda one: one.replace(" ", "")), min_size=5, max_size=5).map(" ".join))
)
def test_any_text_is_a_cron_or_refused(cron: str) -> None:
    after = datetime(2026, 10, 24, 23, 59, 30, tzinfo=UTC)
    with suppress(InvalidRequest):
        assert next_run(cron, ZURICH, after) > after


@settings(max_examples=100, deadline=None)
@example(minute="*", hour="2", zone="America/New_York", day=66)
@given(
    minute=st.sampled_from(["*", "*/7", "0", "59", "0,30"]),
    hour=st.sampled_from(["*", "*/2", "1", "2", "3", "2-3"]),
    zone=st.sampled_from([ZURICH, "America/New_York", LORD_HOWE, "UTC"]),
    day=st.integers(0, 729),
)
def test_times_go_on_and_none_is_left_out_for_long(minute: str, hour: str, zone: str, day: int) -> None:
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)]
    for _ in range(5):
        moments.append(next_run(f"{minute} {hour} * * *", zone, moments[-1]))
    for earlier, later in pairwise(moments):
        # What has `*` in a field does not make up for its hour on the day on which the clocks skip it.
        may_skip_a_day = "*" in minute and hour == "2" and clocks_go_forward(zone, earlier, later)
        assert timedelta(0) < later - earlier <= timedelta(hours=47 if may_skip_a_day else 25)


def clocks_go_forward(zone: str, earlier: datetime, later: datetime) -> bool:
    """Return whether the zone's clocks skip some time between the moments."""
    before, behind = (moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in (earlier, later))
    assert before is not None
    assert behind is not None
    return before < behind
