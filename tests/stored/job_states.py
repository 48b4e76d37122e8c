"""Jobs in every state in which an application that is stopped may leave them."""

from functools import partial

from old_host import ORG, Hook, Killed, OldHost, die, die_after

from shared.domain.errors import StorageUnavailable
from shared.domain.job import Job
from shared.domain.message import StageMessage, Step
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.services import StepContext, StepWork
from shared.pipeline.submit import JobRequest, submit_session
from shared.storage.ports import WORK

LECTURE, SILENCE = "lecture.mp4", "silence.wav"
ATTEMPTS = 5

DOWNLOAD = (Stage.DOWNLOAD, Step.PART)
HEARD, TEXT = (Stage.TRANSCRIPTION, Step.PART), (Stage.TRANSCRIPTION, Step.MERGE)
PLATE, TRACK = (Stage.TRACKING, Step.PREPARE), (Stage.TRACKING, Step.MERGE)
SEEN, RENDERED = (Stage.TRACKING, Step.PART), (Stage.RENDITION, Step.PART)
FOLLOW_CAM = {"followCam": {"height": 144}, "overlay": True}


def make_jobs(host: OldHost) -> None:
    """Make them all, each by name."""
    for make in (
        _done,
        _not_downloaded,
        _not_transcribed,
        _not_tracked,
        _not_rendered,
        _not_ended,
        _to_be_canceled,
        _with_a_time,
        _failed,
        _out_of_attempts,
    ):
        make(host)


def make_download(host: OldHost) -> None:
    """Make a download whose worker crashed; it is the last to be made, for what takes an hour to fetch is given up."""
    source = {"sourceUrl": f"http://{host.server.netloc}/{SILENCE}", "sessionName": "Half fetched"}
    fetching = host.named("fetching", host.call("POST", "/jobs", json=source))
    with host.blobs.fails("commit_blocks", die):
        _require_crash(host.deliver(host.find(fetching, *DOWNLOAD)))


def _done(host: OldHost) -> None:
    callback = f"http://{host.server.netloc}/hook"
    about = {"sessionName": "How water moves", "metadata": {"course": "Earth", "größe": ["ü", 1.5, None, True]}}
    job_id = host.submit("done", LECTURE, options=FOLLOW_CAM, callbackUrl=callback, **about)
    _require(host.run(job_id), JobStatus.DONE)
    host.run_tasks(job_id)
    host.call("POST", f"/sessions/{host.names['done']['sessionId']}/sidecar")
    host.run_tasks(job_id)


def _not_downloaded(host: OldHost) -> None:
    host.submit("waiting", SILENCE)
    crashed = host.submit("download crashed", SILENCE)
    _require_crash(host.deliver(host.find(crashed, *DOWNLOAD), die, lose=True))
    planned = host.submit("planned", SILENCE)
    _require_crash(host.deliver(host.find(planned, *DOWNLOAD), die_after))
    session_id = host.names["done"]["sessionId"]
    new_id = host.services.new_id()
    host.named("unsent", {"jobId": new_id, "sessionId": session_id})
    with host.queues.fails("send", die):
        try:
            submit_session(host.services, JobRequest(org_id=ORG, job_id=new_id), session_id)
        except Killed:
            return
    raise AssertionError("the message was sent")


def _not_transcribed(host: OldHost) -> None:
    half = host.submit("half transcribed", LECTURE)
    host.run(half, leave=lambda message: message.stage is not Stage.DOWNLOAD)
    host.deliver(host.find(half, *HEARD, 0))
    _require_crash(host.deliver(host.find(half, *PLATE), die_after, lose=True))
    transcribing = host.submit("transcribing", LECTURE)
    host.run(transcribing, leave=partial(_is_at, *HEARD, 1))
    _require_crash(host.deliver(host.find(transcribing, *HEARD, 1), _die_at_half))
    joining = host.submit("transcript waits", LECTURE)
    host.run(joining, leave=lambda message: message.step is Step.MERGE)
    joined = host.submit("transcript written", LECTURE, sessionName="Written")
    host.run(joined, leave=partial(_is_at, *TEXT, 0))
    _require_crash(host.deliver(host.find(joined, *TEXT), die_after, lose=True))
    lost = host.submit("audio lost", SILENCE)
    host.run(lost, leave=partial(_is_at, *HEARD, 0))
    session_id = host.names["audio lost"]["sessionId"]
    host.services.storage.blobs.delete(WORK, f"{ORG}/{session_id}/{lost}/audio.wav")
    host.deliver(host.find(lost, *HEARD))


def _not_tracked(host: OldHost) -> None:
    tracking = host.submit("tracking", LECTURE, sessionName="Tracking")
    host.run(tracking, leave=lambda message: message.stage is Stage.TRACKING)
    host.deliver(host.find(tracking, *PLATE))
    host.deliver(host.find(tracking, *SEEN, 0))
    _require_crash(host.deliver(host.find(tracking, *SEEN, 1), die_after))
    tracked = host.submit("track written", LECTURE, options={"followCam": {"height": 144}}, sessionName="Track")
    host.run(tracked, leave=partial(_is_at, *TRACK, 0))
    _require_crash(host.deliver(host.find(tracked, *TRACK), die_after, lose=True))


def _not_rendered(host: OldHost) -> None:
    rendering = host.submit("rendering", LECTURE, options=FOLLOW_CAM, sessionName="Rendering")
    host.run(rendering, leave=partial(_is_at, *RENDERED, 1))
    _require_crash(host.deliver(host.find(rendering, *RENDERED, 1), die, lose=True))


def _not_ended(host: OldHost) -> None:
    """The stages are over, and the worker crashed before it said so, at one write or another."""
    sidecar = host.submit("no sidecar", SILENCE)
    host.run(sidecar, leave=partial(_is_at, *TEXT, 0))
    with host.blobs.fails("write", _die_at_the_sidecar):
        _require_crash(host.deliver(host.find(sidecar, *TEXT), lose=True))
    told = host.submit("end announced", SILENCE, callbackUrl=f"http://{host.server.netloc}/announced")
    host.run(told, leave=partial(_is_at, *TEXT, 0))
    with host.jobs.fails("update", _die_at_the_end):
        _require_crash(host.deliver(host.find(told, *TEXT)))


def _to_be_canceled(host: OldHost) -> None:
    wanted = host.submit("to be canceled", SILENCE)
    _require_crash(host.deliver(host.find(wanted, *DOWNLOAD), _cancel_and_die(host, wanted), lose=True))
    late = host.submit("to be canceled later", LECTURE)
    host.run(late, leave=lambda message: message.stage is not Stage.DOWNLOAD)
    host.deliver(host.find(late, *HEARD, 0))
    _require_crash(host.deliver(host.find(late, *PLATE), _cancel_and_die(host, late)))
    canceled = host.submit("canceled", SILENCE)
    host.call("DELETE", f"/jobs/{canceled}")
    _require(host.run(canceled), JobStatus.CANCELED)


def _with_a_time(host: OldHost) -> None:
    for name, delay_sec in (("overdue", 60), ("tomorrow", 24 * 3600), ("in ten days", 10 * 24 * 3600)):
        host.upload(name, SILENCE)
        body = {"uploadId": host.names[name]["uploadId"], "delaySeconds": delay_sec}
        host.named(name, host.call("POST", "/jobs", json=body))


def _failed(host: OldHost) -> None:
    broken = host.submit("broken", "text.mp4")
    _require(host.run(broken), JobStatus.ERROR)
    failed = host.submit("failed", LECTURE, sessionName="Failed")
    _require(_fail_at(host, failed), JobStatus.ERROR)
    again = host.submit("second attempt", LECTURE, sessionName="Again")
    _require(_fail_at(host, again), JobStatus.ERROR)
    host.call("POST", f"/jobs/{again}/retry")
    host.deliver(host.find(again, *HEARD, 1), _fail)


def _out_of_attempts(host: OldHost) -> None:
    """The last worker crashed, and no row says so yet: the sweep finds one job, the poison trigger the other."""
    spent = host.submit("spent", SILENCE)
    for attempt in range(1, ATTEMPTS + 1):
        _require_crash(host.deliver(host.find(spent, *DOWNLOAD), die, lose=attempt == ATTEMPTS))
    poisoned = host.submit("poisoned", SILENCE)
    for _ in range(ATTEMPTS):
        _require_crash(host.deliver(host.find(poisoned, *DOWNLOAD), die))
    host.bury(host.find(poisoned, *DOWNLOAD))


def _fail_at(host: OldHost, job_id: str) -> Job:
    """Fail at the second part of the transcription until the attempts are used up; all else is done before."""
    host.run(job_id, leave=partial(_is_at, *HEARD, 1))
    for _ in range(ATTEMPTS):
        host.deliver(host.find(job_id, *HEARD, 1), _fail)
    return host.run(job_id)


def _fail(context: StepContext, work: StepWork) -> None:
    raise StorageUnavailable("The storage did not answer.")


def _die_at_half(context: StepContext, work: StepWork) -> None:
    context.report(0.5)
    context.confirm()
    raise Killed


def _cancel_and_die(host: OldHost, job_id: str) -> Hook:
    def cancel(context: StepContext, work: StepWork) -> None:
        host.call("DELETE", f"/jobs/{job_id}")
        raise Killed

    return cancel


def _die_at_the_sidecar(container: str, name: str, *_: object) -> None:
    if name.endswith("/sidecar.json"):
        raise Killed


def _die_at_the_end(stored: object, job: Job) -> None:
    if job.status is JobStatus.DONE:
        raise Killed


def _is_at(stage: Stage, step: Step, part: int, message: StageMessage) -> bool:
    return (message.stage, message.step, message.part) == (stage, step, part)


def _require(job: Job, status: JobStatus) -> None:
    assert job.status is status, f"{job.status}: {job.error}"


def _require_crash(came_to_its_end: bool) -> None:
    assert not came_to_its_end, "the worker was to crash"
