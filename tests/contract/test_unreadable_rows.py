"""A row that cannot be read keeps no scan from the rows beside it, over either kind of table."""

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from shared.domain import job as jobs
from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import NotFound, RowOfLaterRelease, UnreadableRow
from shared.domain.idempotency import IdempotencyRecord, Reserved
from shared.domain.job import Job, new_job
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.removal import Removal, RemovalReason
from shared.domain.schedule import Schedule
from shared.domain.search.transcript import IndexedTranscript, Passage, SpokenWord
from shared.domain.session import Session, Upload
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.task import Task, TaskState
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus
from shared.storage.job_table import DANGLING_AFTER
from shared.storage.memory import MemoryStorage
from shared.storage.ports import Page
from shared.storage.row_reader import MAX_LOGGED_ROWS, RowReader
from shared.storage.table import Columns, Row, Table

NOW = datetime.now(UTC).replace(microsecond=0)
AGO = NOW - timedelta(days=1)
ORG = "acme"
IDS = ("id1", "id2", "id3")
BAD = "id2"
GOOD = ["id1", "id3"]

NewTable = Callable[[], Table]


class Account:
    """A storage over tables of one kind, whose rows a test can spoil."""

    def __init__(self, new_table: NewTable) -> None:
        self.now = NOW
        self.table = cache(lambda name: new_table())
        self.storage = MemoryStorage(lambda: self.now, self.table)

    def row(self, table: str, part_of_key: str = BAD) -> Row:
        """Return the row of `table` with a key that contains the text."""
        rows = self.table(table).scan_partitions("")
        return next(row for row in rows if part_of_key in row.key and not row.partition.startswith("session:"))

    def spoil(self, table: str, bad: Columns, part_of_key: str = BAD) -> Row:
        """Write columns over those of a row; None takes a column away."""
        row = self.row(table, part_of_key)
        columns = {name: value for name, value in {**row.columns, **bad}.items() if value is not None}
        self.table(table).upsert(replace(row, columns=columns))
        return row


@pytest.fixture
def account(new_table: NewTable) -> Account:
    return Account(new_table)


def make_job(job_id: str) -> Job:
    return new_job(
        job_id=job_id,
        session_id="session",
        org_id=ORG,
        now=AGO,
        options=JobOptions.from_json({"language": "de"}),
        callback_url=None,
        traceparent=None,
    )


def add_jobs(storage: MemoryStorage) -> None:
    for job_id in IDS:
        storage.jobs.create(make_job(job_id))


def add_events(storage: MemoryStorage) -> None:
    stored = storage.jobs.create(make_job("id"))
    for _ in range(2):
        stored = storage.jobs.update(stored, jobs.note_progress(stored.value, Stage.DOWNLOAD, 0.5, 0, NOW))


def add_sessions(storage: MemoryStorage) -> None:
    for session_id in IDS:
        blob = f"{ORG}/{session_id}/talk.mp4"
        storage.sessions.create(
            Session(
                session_id=session_id, org_id=ORG, name="A talk", source_blob=blob, created_at=AGO, updated_at=AGO,
                metadata={"a": 1}, retention_days=1,
            )
        )  # fmt: skip


def add_uploads(storage: MemoryStorage) -> None:
    for upload_id in IDS:
        storage.uploads.create(
            Upload(
                upload_id=upload_id, org_id=ORG, session_id="s", source_name="a", source_blob="b", content_length=1,
                content_type="video/mp4", created_at=AGO, expires_at=AGO,
            )
        )  # fmt: skip


def add_keys(storage: MemoryStorage) -> None:
    reserved = Reserved(job_id="j", session_id="s", resource_id="r")
    for key in IDS:
        storage.idempotency.claim(
            IdempotencyRecord(
                org_id=ORG, route="POST /jobs", key=key, fingerprint=None, reserved=reserved, claimed_at=AGO,
                expires_at=AGO, about="s",
            )
        )  # fmt: skip


def add_waiting_tasks(storage: MemoryStorage) -> None:
    for task_id in IDS:
        storage.tasks.create(Task(task_id=task_id, name="work", created_at=AGO, due_at=AGO, look_at=AGO))


def add_running_tasks(storage: MemoryStorage) -> None:
    for task_id in IDS:
        storage.tasks.create(Task(task_id=task_id, name="work", created_at=AGO, due_at=AGO, state=TaskState.RUNNING))


def add_schedules(storage: MemoryStorage) -> None:
    for schedule_id in IDS:
        storage.schedules.create(
            Schedule(
                schedule_id=schedule_id, org_id=ORG, name="work", cron="* * * * *", time_zone="UTC", next_run_at=AGO,
                created_at=AGO,
            )
        )  # fmt: skip


def add_letters(storage: MemoryStorage) -> None:
    for letter_id in IDS:
        storage.dead_letters.keep(
            DeadLetter(letter_id=letter_id, queue="tasks", org_id=ORG, body="", reason="It failed.", at=AGO)
        )


def add_deliveries(storage: MemoryStorage) -> None:
    for delivery_id in IDS:
        storage.deliveries.keep(
            WebhookDelivery(
                delivery_id=delivery_id, job_id="j", webhook_id="w", attempt=1, task_id="t", number=1, url="https://a",
                sent_at=AGO,
            )
        )  # fmt: skip


def add_removals(storage: MemoryStorage) -> None:
    for removal_id in IDS:
        storage.removals.create(
            Removal(removal_id=removal_id, org_id=ORG, session_id="s", reason=RemovalReason.REQUEST, at=AGO)
        )


def add_transcripts(storage: MemoryStorage) -> None:
    for session_id in IDS:
        passage = Passage(
            number=0, first_token=0, words=(SpokenWord("hello", 0.0, 1.0),), spaced=True, new_tokens=("hello",)
        )
        storage.search.put(
            IndexedTranscript(
                org_id=ORG, session_id=session_id, job_id="j", positions={"hello": (0,)}, title=frozenset(),
                passages=(passage,),
            )
        )  # fmt: skip


def add_passages(storage: MemoryStorage) -> None:
    passages = tuple(
        Passage(number=number, first_token=number, words=(SpokenWord("a", 0.0, 1.0),), spaced=True, new_tokens=("a",))
        for number in (1, 2, 3)
    )
    storage.search.put(
        IndexedTranscript(
            org_id=ORG, session_id="s", job_id="j", positions={"a": (1,)}, title=frozenset(), passages=passages
        )
    )


@dataclass(frozen=True)
class Scan:
    """One way to read many rows: what it returns is the ids in their order."""

    table: str
    add: Callable[[MemoryStorage], None]
    read: Callable[[MemoryStorage], Iterable[str]]
    text_column: str = ""
    """A required column of text."""

    number_column: str = ""
    """A column of a number or a time."""

    word_column: str = ""
    """A column of an enumeration."""

    json_column: str = ""
    bad: str = BAD
    """What the key of the row to spoil contains."""

    def spoilings(self) -> Iterable[tuple[str, dict[str, object]]]:
        yield "later release", {"schemaVersion": 99}
        yield "version is no number", {"schemaVersion": "new"}
        if self.text_column:
            yield "missing column", {self.text_column: None}
        if self.number_column:
            yield "text for a number or time", {self.number_column: "soon"}
        if self.word_column:
            yield "unknown word", {self.word_column: "SIDEWAYS"}
        if self.json_column:
            yield "broken JSON", {self.json_column: '{"a":'}
            yield "other JSON", {self.json_column: "[1]"}


def in_jobs(read: Callable[[MemoryStorage], Iterable[Job]], word_column: str = "status") -> Scan:
    return Scan(
        "jobs", add_jobs, lambda storage: sorted(job.job_id for job in read(storage)),
        "sessionId", "downloadParts", word_column, "options",
    )  # fmt: skip


def in_tasks(add: Callable[[MemoryStorage], None], table: str = "tasks") -> Scan:
    def read(storage: MemoryStorage) -> Iterable[str]:
        return [stored.value.task_id for stored in storage.tasks.to_look_at(2)]

    return (
        Scan("tasks", add, read, "name", "dueAt", "state", "arguments")
        if table == "tasks"
        else Scan(table, add, read, "rowId", "at")
    )


def in_sessions(read: Callable[[MemoryStorage], Iterable[Session]]) -> Scan:
    return Scan(
        "sessions", add_sessions, lambda storage: [one.session_id for one in read(storage)],
        "name", "retentionDays", "", "metadata",
    )  # fmt: skip


def in_removals(read: Callable[[MemoryStorage], Iterable[Removal]]) -> Scan:
    return Scan(
        "removals", add_removals, lambda storage: [one.removal_id for one in read(storage)],
        "sessionId", "rows", "reason",
    )  # fmt: skip


def due_schedules(storage: MemoryStorage) -> Iterable[str]:
    return [stored.value.schedule_id for stored in storage.schedules.due(2, 2)]


SCANS = {
    "page of jobs": in_jobs(lambda storage: storage.jobs.page(ORG, limit=9).items),
    "page of active jobs": in_jobs(lambda storage: storage.jobs.page(ORG, limit=9, active=True).items),
    "page of jobs of a status": in_jobs(
        lambda storage: storage.jobs.page(ORG, limit=9, status=JobStatus.CREATED).items
    ),
    "page of jobs of a session": in_jobs(lambda storage: storage.jobs.page(ORG, limit=9, session_id="session").items),
    "active jobs": in_jobs(lambda storage: storage.jobs.all_active()),
    "event log": Scan(
        "events", add_events,
        lambda storage: [f"id{event.sequence}" for event in storage.jobs.events(ORG, "id")],
        "status", "progress", "type", bad="0000000002",
    ),
    "page of sessions": in_sessions(lambda storage: storage.sessions.page(ORG, limit=9).items),
    "all sessions": in_sessions(lambda storage: storage.sessions.all()),
    "expired uploads": Scan(
        "uploads", add_uploads, lambda storage: [one.value.upload_id for one in storage.uploads.expired(NOW)],
        "sessionId", "expiresAt",
    ),
    "waiting tasks": in_tasks(add_waiting_tasks),
    "running tasks": in_tasks(add_running_tasks),
    "times of waiting tasks": in_tasks(add_waiting_tasks, "timeindex"),
    "times of running tasks": in_tasks(add_running_tasks, "timeindex"),
    "page of schedules": Scan(
        "schedules", add_schedules,
        lambda storage: [one.schedule_id for one in storage.schedules.page(ORG, "work", limit=9).items],
        "cron", "nextRunAt", "", "arguments",
    ),
    "due schedules": Scan("schedules", add_schedules, due_schedules, "cron", "nextRunAt", "", "arguments"),
    "times of due schedules": Scan("timeindex", add_schedules, due_schedules, "orgId", "at"),
    "dead letters of a queue": Scan(
        "deadletters", add_letters,
        lambda storage: [one.value.letter_id for one in storage.dead_letters.of_queue(ORG, "tasks")],
        "reason", "at",
    ),
    "old dead letters": Scan(
        "deadletters", add_letters,
        lambda storage: [one.value.letter_id for one in storage.dead_letters.kept_before(NOW)],
        "reason", "at",
    ),
    "deliveries": Scan(
        "deliveries", add_deliveries,
        lambda storage: [one.delivery_id for one in storage.deliveries.of_job("j")],
        "url", "number", "state",
    ),
    "page of removals": in_removals(lambda storage: storage.removals.page(ORG, limit=9).items),
    "old removals": in_removals(lambda storage: [one.value for one in storage.removals.kept_before(NOW)]),
    "search words": Scan(
        "words", add_transcripts,
        lambda storage: [one.session_id for one in storage.search.postings(ORG, "hello", limit=2)],
        "jobId", "positions",
    ),
    "passages": Scan(
        "passages", add_passages,
        lambda storage: [f"id{one.number}" for one in storage.search.passages(ORG, "s", "j", range(9))],
        "words", "times", bad="000002",
    ),
}  # fmt: skip

CASES = [
    pytest.param(scan, columns, id=f"{name}, {kind}")
    for name, scan in SCANS.items()
    for kind, columns in scan.spoilings()
]


@pytest.mark.parametrize(("scan", "columns"), CASES)
def test_a_scan_passes_over_a_row_that_cannot_be_read(
    account: Account, scan: Scan, columns: Columns, caplog: pytest.LogCaptureFixture
) -> None:
    scan.add(account.storage)
    assert list(scan.read(account.storage)) in (list(IDS), list(IDS[:2]))  # a limit of two shows that it is kept
    row = account.spoil(scan.table, columns, scan.bad)
    with caplog.at_level(logging.WARNING):
        assert list(scan.read(account.storage)) == GOOD
        assert list(scan.read(account.storage)) == GOOD
    told = [record for record in caplog.records if record.message == "row skipped"]
    facts = [(one.action, one.table, one.partition, one.key) for one in told]  # type: ignore[attr-defined]
    assert facts == [("skip_row", scan.table, row.partition, row.key)]
    assert told[0].reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("columns", [{"schemaVersion": 99}, {"expiresAt": "soon"}, {"route": None}], ids=str)
def test_expired_idempotency_keys_are_found_beside_one_that_cannot_be_read(account: Account, columns: Columns) -> None:
    add_keys(account.storage)
    keys = sorted(row.key for row in account.table("idempotency").scan_partitions(""))
    bad = account.spoil("idempotency", columns, keys[1]).columns["key"]
    good = set(IDS) - {bad}
    assert {stored.value.key for stored in account.storage.idempotency.expired(NOW)} == good
    assert {stored.value.key for stored in account.storage.idempotency.about(ORG, {"s"})} == good


@pytest.mark.parametrize("columns", [{"schemaVersion": 99}, {"expiresAt": "soon"}, {"route": None}], ids=str)
def test_an_idempotency_key_that_cannot_be_read_expires_by_the_time_of_its_row(
    account: Account, columns: Columns
) -> None:
    add_keys(account.storage)
    table = account.table("idempotency")
    bad = account.spoil("idempotency", columns, min(row.key for row in table.scan_partitions("")))
    written_at = next(row.written_at for row in table.scan_partitions("") if row.key == bad.key)
    assert written_at is not None
    assert account.storage.idempotency.drop_unreadable(written_at) == 0
    assert account.storage.idempotency.drop_unreadable(written_at + timedelta(seconds=1)) == 1
    left = [row.key for row in table.scan_partitions("")]
    assert len(left) == 2
    assert bad.key not in left


def test_jobs_are_counted_beside_one_of_an_unknown_status(account: Account) -> None:
    add_jobs(account.storage)
    account.spoil("jobs", {"status": "SIDEWAYS"})
    account.spoil("jobs", {"status": None}, "id3")
    assert account.storage.jobs.count_by_status(ORG) == {**dict.fromkeys(JobStatus, 0), JobStatus.CREATED: 1}


def pages(page: Callable[[str | None], Page[Job]]) -> list[list[str]]:
    """Return the ids on each page, by the cursors."""
    found, cursor = [], None
    while True:
        one = page(cursor)
        found.append([job.job_id for job in one.items])
        if (cursor := one.cursor) is None:
            return found


@pytest.mark.parametrize("active", [None, True])
@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({0}, [["1", "2"], ["3", "4"], ["5"]]),
        ({2}, [["0", "1"], ["3", "4"], ["5"]]),
        ({1, 2, 3}, [["0", "4"], ["5"]]),
        ({4, 5}, [["0", "1"], ["2", "3"]]),
        ({0, 1, 2, 3, 4, 5}, [[]]),
    ],
)
def test_pages_are_full_and_follow_each_other(
    account: Account, active: bool | None, bad: set[int], expected: list[list[str]]
) -> None:
    for number in range(6):
        account.storage.jobs.create(make_job(str(number)))
    for number in bad:
        account.spoil("jobs", {"downloadParts": "many"}, str(number))
    assert pages(lambda cursor: account.storage.jobs.page(ORG, limit=2, cursor=cursor, active=active)) == expected


def test_one_row_that_cannot_be_read_is_a_named_error(account: Account) -> None:
    add_jobs(account.storage)
    account.spoil("jobs", {"downloadParts": "many"})
    with pytest.raises(UnreadableRow, match="column downloadParts holds no int"):
        account.storage.jobs.get(ORG, BAD)
    account.spoil("jobs", {"schemaVersion": 99})
    with pytest.raises(RowOfLaterRelease, match="later release"):
        account.storage.jobs.get(ORG, BAD)
    with pytest.raises(NotFound):
        account.storage.jobs.get(ORG, "id4")


def test_the_index_row_of_a_job_that_cannot_be_read_stays(account: Account) -> None:
    add_jobs(account.storage)
    spoilt = account.spoil("jobs", {"status": "SIDEWAYS"})
    account.now += 2 * DANGLING_AFTER
    assert {job.job_id for job in account.storage.jobs.all_active()} == set(GOOD)
    account.table("jobs").upsert(spoilt)
    assert {job.job_id for job in account.storage.jobs.all_active()} == set(IDS)


def test_an_index_row_without_a_number_is_mended(account: Account) -> None:
    add_jobs(account.storage)
    account.spoil("jobindex", {"eventSequence": "many"})
    assert account.storage.jobs.active_sequences(ORG) == {"id1": 1, "id2": 0, "id3": 1}
    assert {job.job_id for job in account.storage.jobs.all_active()} == set(IDS)
    assert account.storage.jobs.active_sequences(ORG)[BAD] == 1


def test_the_last_event_is_told_although_its_row_cannot_be_read(account: Account) -> None:
    """Another release may write it, too; this one has it in the job's row."""
    add_events(account.storage)
    row = replace(account.row("events", "0000000002"), key="0000000003")
    account.table("events").upsert(replace(row, columns={**row.columns, "schemaVersion": 99}))
    assert [event.sequence for event in account.storage.jobs.events(ORG, "id")] == [1, 2, 3]
    assert account.table("events").get(row.partition, row.key).columns["schemaVersion"] == 99  # it is not ours to write


@pytest.mark.parametrize("columns", [{"state": "asleep"}, {"schemaVersion": 99}], ids=str)
def test_the_steps_of_a_job_are_read_all_or_not_at_all(
    account: Account, columns: Columns, caplog: pytest.LogCaptureFixture
) -> None:
    steps, runs = account.storage.step_runs, [
        StepRun(job_id="j", stage=Stage.TRACKING, step=StepKind.PART, number=number) for number in range(3)
    ]  # fmt: skip
    for run in runs:
        steps.create(run)
    bad = account.spoil("parts", columns, "00001")
    for read in (lambda: steps.of_job("j"), lambda: steps.of_job("j", Stage.TRACKING), lambda: steps.create(runs[1])):
        with pytest.raises((UnreadableRow, RowOfLaterRelease)):
            read()
    assert [record.key for record in caplog.records if record.message == "row skipped"] == [bad.key]  # type: ignore[attr-defined]
    assert steps.of_job("j", Stage.DOWNLOAD) == []
    assert account.table("parts").get("j", bad.key).columns.items() >= columns.items()
    assert steps.delete_of("j") == 3


def test_entries_of_tasks_that_cannot_be_read_stay_and_keep_no_other_from_its_turn(account: Account) -> None:
    for number in range(5):
        at = AGO + timedelta(seconds=number)
        account.storage.tasks.create(Task(task_id=f"t{number}", name="work", created_at=AGO, due_at=AGO, look_at=at))
    for number in range(3):
        account.spoil("tasks", {"state": "asleep"}, f"t{number}")
    account.now += timedelta(days=1)
    assert [stored.value.task_id for stored in account.storage.tasks.to_look_at(1)] == ["t3"]
    assert len(list(account.table("timeindex").scan("task"))) == 5


def test_entries_of_schedules_that_cannot_be_read_stay(account: Account) -> None:
    add_schedules(account.storage)
    account.spoil("schedules", {"nextRunAt": "soon"})
    account.now += timedelta(days=1)
    assert due_schedules(account.storage) == GOOD
    assert len(list(account.table("timeindex").scan("schedule"))) == 3


def test_sessions_that_cannot_be_read_are_among_the_keys(account: Account) -> None:
    add_sessions(account.storage)
    account.spoil("sessions", {"schemaVersion": 99})
    assert list(account.storage.sessions.keys()) == [(ORG, session_id) for session_id in IDS]


def test_a_transcript_is_removed_although_one_of_its_rows_cannot_be_read(account: Account) -> None:
    add_passages(account.storage)
    account.spoil("passages", {"newTokens": None}, "000003")
    assert account.storage.search.jobs(ORG, "s") == {"j"}
    account.storage.search.remove(ORG, "s", "j")
    assert account.storage.search.jobs(ORG, "s") == set()


def a_row(number: int, etag: str = "1") -> Row:
    return Row("p", f"{number:05d}", {"schemaVersion": 99}, etag)


def test_a_row_is_told_of_again_only_when_it_has_changed(caplog: pytest.LogCaptureFixture) -> None:
    reader = RowReader("jobs", dict)
    for etag in "1", "1", "2", "2":
        assert list(reader.read_each([a_row(1, etag)])) == []
    assert len(caplog.records) == 2


def test_the_log_is_not_flooded(caplog: pytest.LogCaptureFixture) -> None:
    reader = RowReader("jobs", dict)
    for _ in range(2):
        assert list(reader.read_each(map(a_row, range(MAX_LOGGED_ROWS + 10)))) == []
    texts = [record.message for record in caplog.records]
    assert texts == ["row skipped"] * MAX_LOGGED_ROWS + ["more rows are skipped than logged"]


def test_a_reason_tells_nothing_of_what_the_row_holds(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    secret = uuid.uuid4().hex
    add_passages(account.storage)
    account.spoil("passages", {"times": secret}, "000002")
    add_jobs(account.storage)
    account.spoil("jobs", {"status": secret})
    assert len(account.storage.search.passages(ORG, "s", "j", range(9))) == 2
    assert len(account.storage.jobs.page(ORG, limit=9).items) == 2
    told = [record for record in caplog.records if record.message == "row skipped"]
    assert len(told) == 2
    assert not any(secret in str(vars(record)) for record in told)
