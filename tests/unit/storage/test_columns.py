"""Dataclasses as columns: readable names, and the same value back."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.cost import Cost, Operation, StageCost
from shared.domain.errors import InvalidRequest, NotMedia
from shared.domain.event import Event, EventType
from shared.domain.failure import StepFailure
from shared.domain.job import Job, fail, new_job
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.recording import Recording, VideoStream
from shared.domain.session import Session, Upload
from shared.domain.stage import Stage, StageProgress
from shared.domain.step_run import StepRun
from shared.domain.warning import About, RecordingWarning
from shared.storage.columns import from_columns, to_columns
from shared.storage.table import MAX_STRING_UNITS, utf16_units

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
lines = texts.filter(lambda text: "\n" not in text)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(-(2**53), 2**53)
times = st.integers(-(10**15), 10**16).map(lambda count: NOW + timedelta(microseconds=count))
json_values = st.recursive(
    st.none() | st.booleans() | counts | numbers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
free_form = st.dictionaries(texts, json_values, max_size=4)
words = lines.filter(lambda text: "\t" not in text)
warnings = st.lists(lines.filter(bool), max_size=3).map(tuple)
seconds = st.integers(0, 10**9).map(lambda millis: millis / 1000)
costs = st.builds(
    Cost,
    cpu_sec=seconds,
    wall_sec=seconds,
    loading_sec=seconds,
    bytes_read=st.integers(0, 2**53),
    bytes_written=st.integers(0, 2**53),
    operations=st.dictionaries(st.sampled_from(Operation), st.integers(1, 2**31), max_size=3),
)
KNOWN: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    float: numbers,
    int: counts,
    datetime: times,
    NoneType: st.none(),
    tuple[str, ...]: warnings,
    tuple[RecordingWarning, ...]: st.lists(
        st.builds(RecordingWarning, st.sampled_from(["other", "no_speech"]), st.sampled_from(About), words), max_size=3
    ).map(tuple),
    Mapping[str, Any]: free_form,
    JobOptions: free_form.map(JobOptions.from_json),
    Cost: costs,
    StageCost: st.builds(StageCost, steps=costs, moving_on=costs),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    if kind in KNOWN:
        return KNOWN[kind]
    if isinstance(kind, UnionType):
        return st.one_of([any_of(option) for option in get_args(kind)])
    if get_args(kind) == (Stage, StageProgress):
        return st.fixed_dictionaries({stage: any_of(StageProgress) for stage in Stage})
    if get_origin(kind) is tuple:
        return st.lists(any_of(get_args(kind)[0]), max_size=2).map(tuple)
    if issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    hints = get_type_hints(kind)
    return st.builds(kind, **{each.name: any_of(hints[each.name]) for each in fields(kind)})


values = st.one_of([any_of(kind) for kind in (Job, Event, StepRun, Session, Upload)])


@settings(deadline=None)
@given(values)
def test_every_written_value_is_read(value: object) -> None:
    columns = to_columns(value)
    assert from_columns(type(value), columns) == value
    assert all(name.isalnum() and name[0].islower() for name in columns)
    assert {type(cell) for cell in columns.values()} <= {str, int, float, bool, datetime}


def job() -> Job:
    created = new_job(
        job_id="j",
        session_id="s",
        org_id="o",
        now=NOW,
        options=JobOptions.from_json({"b": 1}),
        callback_url=None,
        traceparent=None,
    )
    return fail(created, Stage.DOWNLOAD, NotMedia("It is a text file."), NOW)


def test_a_job_s_columns_can_be_read() -> None:
    columns = to_columns(job())
    assert columns["status"] == "ERROR"
    assert columns["downloadState"] == "failed"
    assert columns["downloadReason"] == "It is a text file."
    assert columns["transcriptionPartsDone"] == 0
    assert (columns["errorCode"], columns["errorStage"], columns["errorRetryable"]) == ("not_media", "download", False)
    assert columns["options"] == '{"b": 1}'
    assert columns["eventSequence"] == 2
    assert type(columns["trackingProgress"]) is float
    assert "callbackUrl" not in columns
    assert "trackingStartedAt" not in columns


def test_a_recording_s_columns_can_be_read() -> None:
    video = VideoStream(0, "h264", 1920, 1080, 0, 25, 0, 60)
    warnings = tuple(RecordingWarning("cut", about, f"The {about} is cut.") for about in (About.SOUND, About.PICTURE))
    recording = Recording("mp4", 5 * 1024**3, 0, 60, video, None, warnings)
    columns = to_columns(
        Session(
            session_id="s", org_id="o", name="n", source_blob="b", created_at=NOW, updated_at=NOW, recording=recording
        )
    )
    assert columns["recordingDurationSec"] == 60.0
    assert columns["recordingSizeBytes"] == 5 * 1024**3
    assert columns["recordingVideoWidth"] == 1920
    assert columns["recordingWarnings"] == "The sound is cut.\tcut\tsound\nThe picture is cut.\tcut\tpicture"
    assert not any(name.startswith("recordingAudio") for name in columns)


def test_a_tuple_of_records_is_json_that_goes_on_in_further_columns() -> None:
    failures = tuple(
        StepFailure(
            code="not_media",
            title="The file is not a recording",
            detail="é😀\n" * 500,
            stage=Stage.TRACKING,
            step=StepKind.PART,
            part=number,
            attempt=1,
            job_attempt=2,
            at=NOW,
            retryable=True,
        )
        for number in range(20)
    )
    columns = to_columns(replace(job(), failures=failures))
    assert str(columns["failures"]).startswith('[{"code": "not_media", "title": "The file is not a recording"')
    assert "failures2" in columns
    assert all(utf16_units(str(cell)) <= MAX_STRING_UNITS for cell in columns.values())
    assert from_columns(Job, columns).failures == failures


def test_a_column_that_older_rows_lack_takes_its_default() -> None:
    columns = to_columns(StepRun(job_id="j", stage=Stage.TRACKING, step=StepKind.PART, number=1))
    del columns["sends"], columns["state"]
    assert from_columns(StepRun, columns) == StepRun(job_id="j", stage=Stage.TRACKING, step=StepKind.PART, number=1)


def test_times_are_written_in_utc() -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    columns = to_columns(Event(**{**_event_fields(), "at": berlin}))
    assert columns["at"] == NOW
    assert isinstance(columns["at"], datetime)
    assert columns["at"].utcoffset() == timedelta(0)


def _event_fields() -> dict[str, object]:
    return {
        "job_id": "j",
        "sequence": 1,
        "type": EventType.STATUS,
        "status": job().status,
        "stage": None,
        "progress": 0,
    }


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        pytest.param("x" * MAX_STRING_UNITS, True, id="longest"),
        pytest.param("x" * (MAX_STRING_UNITS + 1), False, id="too long"),
        pytest.param("😀" * (MAX_STRING_UNITS // 2), True, id="longest of pairs"),
        pytest.param("😀" * (MAX_STRING_UNITS // 2 + 1), False, id="too long of pairs"),
    ],
)
def test_a_text_that_does_not_fit_names_its_column(text: str, fits: bool) -> None:
    part = StepRun(job_id="j", stage=Stage.TRACKING, step=StepKind.PART, number=1, last_error=text)
    if fits:
        assert to_columns(part)["lastError"] == text
        return
    with pytest.raises(InvalidRequest, match="lastError"):
        to_columns(part)


def test_a_field_that_was_renamed_keeps_its_column() -> None:
    run = StepRun(job_id="j", stage=Stage.DOWNLOAD, step=StepKind.PART, number=0, blocked=True)
    columns = to_columns(run)
    assert columns["waits"] is True
    assert "blocked" not in columns
    assert from_columns(StepRun, columns) == run
