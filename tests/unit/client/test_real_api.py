"""Both clients against the real API, over HTTP, with a storage in memory."""

from datetime import timedelta
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest

from rostrum_client import RostrumApiError, RostrumClient
from rostrum_client.__main__ import main
from shared.pipeline.dead_letters import keep_unreadable
from shared.pipeline.stages.sidecar import rebuild_sidecar
from tests.support.served_api import JPEG, ApiServer, Served

SOURCE = "https://example.com/talk.mp4"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a talk.mp4"
    path.write_bytes(bytes(range(256)) * 100)
    return path


def test_the_command_prints_a_jobs_trace(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with RostrumClient(served.url) as client:
        job = client.submit(source_url=SOURCE)
    assert main(["trace", f"--base-url={served.url}", job.job_id]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("trace ")
    assert [line.split("  ")[-1] for line in printed[1:]] == ["accepted", "running"]
    assert main(["trace", f"--base-url={served.url}", "unknown"]) == 1


def test_a_file_goes_in_and_every_artefact_comes_out(
    caller: RostrumClient, served: Served, recording: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    job = caller.upload(
        recording,
        session_name="A talk",
        metadata={"course": "Algebra"},
        options={"language": "en"},
        on_progress=lambda *at: seen.append(at),
    )
    assert served.source_of(job.session_id) == recording.read_bytes()
    assert seen == [(25600, 25600)]
    early = caller.partial_transcript(job.session_id)
    assert (early.text, early.complete, early.missing, early.duration_sec) == ("", False, (), None)
    served.work_on(job.job_id)

    assert caller.wait(job).status == caller.status(job.job_id).status == "DONE"
    session = caller.session(job.session_id)
    assert (session.session_name, session.metadata, session.has_sidecar) == ("A talk", {"course": "Algebra"}, True)
    assert [each.job_id for each in session.jobs] == [job.job_id]
    assert caller.transcript(job.session_id).word_count == 90
    assert caller.partial_transcript(job.session_id) == caller.transcript(job.session_id)
    assert caller.captions(job.session_id, "srt") == "every result, as srt"
    assert len(caller.instructor_tracking(job.session_id).gaps) == 1
    spans = caller.trace(job.job_id).spans
    assert [span.outcome for span in spans if span.name == "job"] == ["DONE"]
    assert caller.manifest(job.session_id)["label"] == {"en": ["A talk"]}
    with ZipFile(caller.download_package(job.session_id, tmp_path / "package.zip")) as package:
        assert package.read(package.namelist()[-1]) == recording.read_bytes()
    scene = caller.sidecar(job.session_id).scenes[0]
    assert scene.thumbnail is not None
    assert caller.thumbnail(job.session_id, scene.thumbnail) == JPEG
    written = caller.download_artefacts(job.session_id, tmp_path / "out")
    assert {path.suffix for path in written} == {".json", ".vtt", ".srt", ".txt", ".html", ".jpg"}


def test_the_recording_can_be_had_back(caller: RostrumClient, served: Served, recording: Path, tmp_path: Path) -> None:
    job = caller.upload(recording)
    seen: list[tuple[int, int]] = []

    assert caller.media_url(job.session_id).startswith(served.url)
    back = caller.download_media(job.session_id, tmp_path / "back.mp4", on_progress=lambda *at: seen.append(at))
    assert back.read_bytes() == recording.read_bytes()
    assert seen[-1] == (25600, 25600)


def test_a_program_that_starts_again_goes_on_with_the_same_upload(
    caller: RostrumClient, served: Served, recording: Path
) -> None:
    first = caller.upload(recording, idempotency_key="talk-7")
    again = caller.upload(recording, idempotency_key="talk-7")

    assert again.job_id == first.job_id
    assert [job.job_id for job in caller.jobs()] == [first.job_id]


def test_a_file_can_be_sent_first_and_submitted_with_a_delay(
    caller: RostrumClient, served: Served, recording: Path
) -> None:
    upload_id = caller.send_file(recording)
    job = caller.submit(upload_id=upload_id, delay_seconds=3600)

    assert served.source_of(job.session_id) == recording.read_bytes()
    assert job.start_at is not None
    assert 3500 < (job.start_at - job.created_at).total_seconds() <= 3600


def test_a_file_can_be_sent_in_one_request(caller: RostrumClient, served: Served, recording: Path) -> None:
    imported = caller.import_session(recording, session_name="Ein Vortrag über π", metadata={"course": 7})

    session = caller.session(imported.session_id)
    assert (session.session_name, session.metadata) == ("Ein Vortrag über π", {"course": 7})
    assert served.source_of(imported.session_id) == recording.read_bytes()
    assert session.latest_job_id == imported.job_id


def test_lists_go_over_all_pages(caller: RostrumClient, served: Served) -> None:
    made = [caller.submit(source_url=SOURCE, session_name=f"Talk {number}") for number in range(5)]
    served.work_on(made[0].job_id)

    newest_first = [job.job_id for job in reversed(made)]
    assert [job.job_id for job in caller.jobs(page_size=2)] == newest_first
    assert [job.job_id for job in caller.jobs(active=True, page_size=3)] == newest_first[:-1]
    assert [job.job_id for job in caller.jobs(status="DONE")] == newest_first[-1:]
    assert [job.job_id for job in caller.jobs(session_id=made[2].session_id)] == [made[2].job_id]
    assert [each.session_name for each in caller.sessions(page_size=2)] == [f"Talk {n}" for n in (4, 3, 2, 1, 0)]


def test_the_first_items_of_a_list_cost_one_page(caller: RostrumClient, served: Served) -> None:
    for _ in range(3):
        caller.submit(source_url=SOURCE)
    jobs = caller.jobs(page_size=1)

    assert next(jobs).status == "CREATED"
    jobs.close()


def test_events_come_while_the_job_goes_on(caller: RostrumClient, served: Served) -> None:
    job = caller.submit(source_url=SOURCE)
    events = caller.events(job.job_id)
    first = next(events)
    worker = Thread(target=served.work_on, args=[job.job_id])
    worker.start()
    rest = list(events)
    worker.join()

    assert (first.status, first.sequence) == ("CREATED", 1)
    assert [event.sequence for event in rest] == list(range(2, len(rest) + 2))
    assert rest[-1].status == "DONE"
    assert [event.sequence for event in caller.events(job.job_id, after=rest[-2].sequence)] == [rest[-1].sequence]
    assert list(caller.events(job.job_id, after=rest[-1].sequence)) == []


def test_a_job_is_canceled_and_tried_again(caller: RostrumClient, served: Served) -> None:
    job = caller.submit(source_url=SOURCE)

    assert caller.cancel(job.job_id).status == "CANCELED"
    with pytest.raises(RostrumApiError) as raised:
        caller.cancel(job.job_id)
    assert (raised.value.status, raised.value.code) == (409, "conflict")
    assert caller.retry(job.job_id).attempt == 2
    served.work_on(job.job_id)
    assert caller.wait(job).status == "DONE"


def test_a_session_is_processed_again_and_deleted(caller: RostrumClient, served: Served) -> None:
    job = caller.submit(source_url=SOURCE)
    served.work_on(job.job_id)
    again = caller.process(job.session_id, options={"engine": "pocketsphinx"})

    assert again.session_id == job.session_id
    assert again.options == {"engine": "pocketsphinx"}
    caller.delete_session(job.session_id)
    with pytest.raises(RostrumApiError, match="no such") as raised:
        caller.session(job.session_id)
    assert raised.value.code == "not_found"


def test_results_are_deleted_and_the_session_stays(caller: RostrumClient, served: Served) -> None:
    job = caller.submit(source_url=SOURCE)
    served.work_on(job.job_id)
    assert caller.session(job.session_id).has_transcript
    caller.delete_results(job.session_id)
    assert not caller.session(job.session_id).has_transcript


def test_what_is_wrong_with_a_request_is_listed(caller: RostrumClient) -> None:
    with pytest.raises(RostrumApiError) as raised:
        caller.submit(source_url="ftp://example.com/talk.mp4")

    assert raised.value.is_callers_mistake
    assert [error["pointer"] for error in raised.value.errors] == ["#/sourceUrl"]
    assert raised.value.trace_id is not None
    assert len(raised.value.trace_id) == 32


def test_health_says_that_all_is_well(caller: RostrumClient) -> None:
    assert caller.health().status == "ok"


def test_a_submission_to_an_api_that_works_inline_is_answered_when_it_is_done(
    api_server: ApiServer, recording: Path
) -> None:
    with RostrumClient(api_server.serve(inline=True).url) as client:
        job = client.upload(recording)
        assert client.job(job.job_id).status == "DONE"


def test_queues_are_counted_and_dead_letters_put_back(caller: RostrumClient, served: Served) -> None:
    caller.submit(source_url=SOURCE)
    info = caller.queue_info()

    assert info.jobs["CREATED"] == 1
    assert {queue.name: queue.waiting for queue in info.queues}["downloads"] == 1
    assert caller.requeue_poison("downloads") == 0


def test_dead_letters_are_listed_and_removed(caller: RostrumClient, served: Served) -> None:
    keep_unreadable(served.services, "downloads", b"{not base64", "m", served.services.clock())

    [letter] = caller.dead_letters("downloads")
    assert (letter.body, letter.org_id) == ("{not base64", None)
    caller.remove_dead_letter("downloads", letter.letter_id)
    assert list(caller.dead_letters("downloads")) == []


def test_background_jobs_are_listed_retried_and_removed(caller: RostrumClient, served: Served) -> None:
    made = rebuild_sidecar.using(served.services).delay_in(timedelta(days=1), "local", "no-job")
    cron = rebuild_sidecar.using(served.services).schedule_cron("0 3 * * *", "local", "no-job")

    assert {task.task_id for task in caller.tasks()} == {made.task_id, cron.schedule_id}
    [scheduled] = caller.tasks(state="scheduled")
    assert (scheduled.name, scheduled.cron) == ("rebuild_sidecar", "0 3 * * *")
    waiting = caller.task(made.task_id)
    assert waiting.next_run_at is not None
    retried = caller.retry_task(made.task_id).next_run_at
    assert retried is not None
    assert retried < waiting.next_run_at
    for task_id in (made.task_id, cron.schedule_id):
        caller.remove_task(task_id)
    assert list(caller.tasks()) == []


def test_deleted_sessions_are_listed(caller: RostrumClient) -> None:
    session_id = caller.submit(source_url=SOURCE).session_id
    caller.delete_session(session_id)

    [removal] = caller.removals()
    assert (removal.session_id, removal.reason, removal.jobs) == (session_id, "request", 1)
    assert removal.finished_at is not None


def test_schedules_are_made_listed_and_deleted(caller: RostrumClient) -> None:
    made = caller.create_schedule("0 2 * * MON-FRI", time_zone="Europe/Zurich", source_url=SOURCE, session_name="Daily")

    assert made.job["sessionName"] == "Daily"
    assert made.next_run_at is not None
    assert [each.schedule_id for each in caller.schedules()] == [made.schedule_id]
    assert caller.schedule(made.schedule_id) == made
    caller.delete_schedule(made.schedule_id)
    assert list(caller.schedules()) == []


def test_a_search_that_finds_nothing_gives_nothing(caller: RostrumClient) -> None:
    assert list(caller.search('"never said"')) == []


def test_results_of_an_older_job_can_be_asked_for(caller: RostrumClient, served: Served) -> None:
    job = caller.submit(source_url=SOURCE)
    served.work_on(job.job_id)
    again = caller.process(job.session_id)

    assert caller.sidecar(job.session_id, job_id=job.job_id).job_id == job.job_id
    assert caller.transcript(job.session_id, job_id=job.job_id).word_count == 90
    assert caller.rebuild_sidecar(job.session_id, job_id=job.job_id).job_id == job.job_id
    with pytest.raises(RostrumApiError) as raised:
        caller.transcript(job.session_id, job_id=again.job_id)
    assert raised.value.code == "result_not_ready"


def test_deliveries_are_told_of_a_job_with_a_callback(caller: RostrumClient, served: Served) -> None:
    job = caller.submit(source_url=SOURCE, callback_url="https://example.com/hook")
    assert (job.callback_url, caller.job(job.job_id).deliveries) == ("https://example.com/hook", ())
    assert list(caller.deliveries(job.job_id)) == []

    caller.cancel(job.job_id)
    assert caller.redeliver(job.job_id).job_id == job.job_id
