"""The application of commit e4b8643 over Azurite, with a clock of its own, and the host that delivers its messages.

Only `make_stored.py` imports this: the modules of `shared` that it uses have other names today.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import BlobClient
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy
from fastapi.testclient import TestClient
from recordings import RecordingServer

from shared.api.app import create_app
from shared.domain.job import Job
from shared.domain.message import Message, Receipt, StageMessage, Step
from shared.domain.stage import Stage
from shared.domain.task import TaskMessage
from shared.pipeline.background.every_job import job_manager
from shared.pipeline.background.run_task import run_task
from shared.pipeline.giving_up import give_up
from shared.pipeline.run_step import Delivery, run_step
from shared.pipeline.services import Services, StepContext, StepWork
from shared.settings import Settings
from shared.storage.connect import connect
from shared.storage.ports import poison_queue
from shared.wiring import build_services

START = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)
ORG = "local"
PART_SEC = 10.0
HIDDEN_FOR = timedelta(minutes=10)
"""The host hides a message for so long while a worker has it."""

Hook = Callable[[StepContext, StepWork], None]


class Killed(BaseException):
    """The worker's process ends here."""


def die(*_: object, **__: object) -> None:
    """Crash, as a hook before a call or instead of a step's work."""
    raise Killed


def die_after(context: StepContext, work: StepWork) -> None:
    """Do a step's work and crash before its row says so."""
    work(context)
    raise Killed


class Faulty:
    """A port in front of another; `before` holds what is called, by method, before the call goes on."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.before: dict[str, Callable[..., object]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*arguments: Any, **more: Any) -> Any:
            if (hook := self.before.get(name)) is not None:
                hook(*arguments, **more)
            return method(*arguments, **more)

        return call

    @contextmanager
    def fails(self, name: str, hook: Callable[..., object]) -> Iterator[None]:
        """Call the hook before each call of the method."""
        self.before[name] = hook
        try:
            yield
        finally:
            del self.before[name]


@dataclass
class Sent:
    """A message that is in its queue; `visible_at` by the application's clock."""

    message: Message
    receipt: Receipt
    visible_at: datetime
    deliveries: int = 0


class Queues(Faulty):
    """The application's queues, which remembers what is in them: the storage shows no hidden message."""

    def __init__(self, inner: Any, clock: Callable[[], datetime]) -> None:
        super().__init__(inner)
        self._clock = clock
        self.sent: list[Sent] = []

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        if (hook := self.before.get("send")) is not None:
            hook(message)
        receipt: Receipt = self._inner.send(message, delay)
        self.sent.append(Sent(message, receipt, self._clock() + delay))
        return receipt

    def withdraw(self, receipt: Receipt) -> bool:
        self.sent = [each for each in self.sent if each.receipt.message_id != receipt.message_id]
        withdrawn: bool = self._inner.withdraw(receipt)
        return withdrawn


class OldHost:
    """The application, and shortcuts into it. `names` tells which job or session is in which state."""

    def __init__(self, connection: str, server: RecordingServer) -> None:
        self.connection, self.server = connection, server
        self.now = START
        self.names: dict[str, dict[str, str]] = {}
        self.hook: tuple[Stage, Step, Hook] | None = None
        self.settings = Settings.model_validate(
            {
                "AzureWebJobsStorage": connection,
                "engine": "pocketsphinx",
                "detector": "plate",
                "transcription_part_sec": PART_SEC,
                "tracking_part_sec": PART_SEC,
                "rendition_part_sec": PART_SEC,
                "allow_loopback_sources": True,
            }
        )
        self._account = connect(connection, clock=self.clock)
        self.queues = Queues(self._account.queues, self.clock)
        self.blobs, self.jobs = Faulty(self._account.blobs), Faulty(self._account.jobs)
        self.sessions, self.search = Faulty(self._account.sessions), Faulty(self._account.search)
        self.idempotency, self.tasks = Faulty(self._account.idempotency), Faulty(self._account.tasks)
        storage = replace(
            self._account,
            queues=self.queues,
            blobs=self.blobs,
            jobs=self.jobs,
            sessions=self.sessions,
            search=self.search,
            idempotency=self.idempotency,
            tasks=self.tasks,
        )
        built = build_services(self.settings, storage)
        work = {key: self._with_hook(*key, real) for key, real in built.work.items()}
        self.services: Services = replace(built, clock=self.clock, work=work)

    def __enter__(self) -> "OldHost":
        self.api = TestClient(create_app(self.services), base_url="http://api.localhost").__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.api.__exit__(None, None, None)
        self._account.close()

    def clock(self) -> datetime:
        """The application's time, which goes on by a millisecond each time it is asked for."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def wait_until(self, time: datetime) -> None:
        """Let time go by."""
        assert time >= self.now, f"{time} is past"
        self.now = time

    def named(self, name: str, found: dict[str, Any]) -> str:
        """Note which job, session or upload this is, and return the job's id, if it has one."""
        ids = {key: found[key] for key in ("jobId", "sessionId", "uploadId", "scheduleId", "taskId") if key in found}
        self.names.setdefault(name, {}).update(ids)
        return str(found.get("jobId", ""))

    def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Make a request, and return what is answered."""
        answer = self.api.request(method, path, **request)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def submit(self, name: str, file: str, **body: Any) -> str:
        """Submit a recording of the server's by an upload; return the job's id."""
        self.upload(name, file)
        return self.named(name, self.call("POST", "/ingest/commit", json={**self._upload_id(name), **body}))

    def _upload_id(self, name: str) -> dict[str, str]:
        return {"uploadId": self.names[name]["uploadId"]}

    def upload(self, name: str, file: str) -> None:
        """Announce a recording of the server's, and put it where the answer says. The address itself has expired, for
        the storage has a clock of its own."""
        data = self.server.files[file]
        self.announce(name, file)
        place = BlobClient.from_blob_url(self._upload_url)
        client = BlobClient.from_connection_string(self.connection, place.container_name, place.blob_name)
        client.stage_block(f"{0:06d}", data)
        client.commit_block_list([f"{0:06d}"])

    def announce(self, name: str, file: str) -> None:
        """Announce a recording of the server's."""
        facts = {"sourceName": file, "contentLength": len(self.server.files[file]), "contentType": "video/mp4"}
        answer = self.call("POST", "/ingest/init", json=facts)
        self._upload_url = str(answer["uploadUrl"])
        self.named(name, answer)

    def find(self, job_id: str, stage: Stage, step: Step = Step.PART, part: int = 0) -> Sent:
        """Return the message that asks for a step."""
        wanted = (job_id, stage, step, part)
        return next(sent for sent in self.queues.sent if _step_of(sent.message) == wanted)

    def find_task(self, name: str, **about: str) -> Sent:
        """Return the message that asks for the task of this name with these arguments."""
        for sent in self.queues.sent:
            if isinstance(sent.message, TaskMessage) and sent.message.name == name:
                task = self.services.storage.tasks.get(sent.message.task_id).value
                if about.items() <= task.arguments.items():
                    return sent
        raise LookupError(f"no message asks for {name} with {about}")

    def deliver(self, sent: Sent, hook: Hook | None = None, *, lose: bool = False) -> bool:
        """Deliver a message to a worker; False when the worker crashes, and the message is redelivered, or lost."""
        self.wait_until(max(self.now, sent.visible_at))
        sent.deliveries += 1
        delivery = Delivery(sent.receipt.message_id, sent.deliveries)
        try:
            if isinstance(sent.message, StageMessage):
                self.hook = hook and (sent.message.stage, sent.message.step, hook)
                run_step(self.services, sent.message, delivery, lambda: 0.5)
            elif isinstance(sent.message, TaskMessage):
                run_task(self.services, job_manager, sent.message, delivery, lambda: 0.5)
        except Killed:
            sent.visible_at = self.now + HIDDEN_FOR
            if lose:
                self.queues.withdraw(sent.receipt)
            return False
        finally:
            self.hook = None
        self.queues.withdraw(sent.receipt)
        return True

    def run(self, job_id: str, *, leave: Callable[[StageMessage], bool] = lambda message: False) -> Job:
        """Deliver the job's messages, save those to be left, until there are no more."""
        while True:
            steps = (each for each in self.queues.sent if isinstance(each.message, StageMessage))
            mine = (each for each in steps if each.message.job_id == job_id and not leave(each.message))
            if (sent := next(mine, None)) is None:
                return self.services.storage.jobs.get(ORG, job_id).value
            self.deliver(sent)

    def run_tasks(self, job_id: str) -> None:
        """Run every task that is about the job, until there are no more."""
        while (sent := next(filter(lambda each: self._is_about(each, job_id), self.queues.sent), None)) is not None:
            self.deliver(sent)

    def _is_about(self, sent: Sent, job_id: str) -> bool:
        if not isinstance(sent.message, TaskMessage):
            return False
        return self.services.storage.tasks.get(sent.message.task_id).value.arguments.get("job_id") == job_id

    def bury(self, sent: Sent) -> None:
        """Put a message into the poison queue, as the Functions host does after five deliveries in vain."""
        queue = poison_queue(sent.message.queue)
        with QueueServiceClient.from_connection_string(self.connection) as service:
            client = service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
            poison = client.send_message(sent.message.to_text())
        self.queues.withdraw(sent.receipt)
        receipt = Receipt(queue, str(poison.id), str(poison.pop_receipt))
        self.queues.sent.append(Sent(sent.message, receipt, self.now))

    def give_up(self, sent: Sent) -> None:
        """Handle a message as the trigger of the poison queue does."""
        assert isinstance(sent.message, StageMessage)
        give_up(self.services, sent.message)
        self.queues.withdraw(sent.receipt)

    def _with_hook(self, stage: Stage, step: Step, real: StepWork) -> StepWork:
        def work(context: StepContext, /) -> None:
            if self.hook is not None and self.hook[:2] == (stage, step):
                self.hook[2](context, real)
            else:
                real(context)

        return work


def _step_of(message: Message) -> tuple[str, Stage, Step, int] | None:
    if not isinstance(message, StageMessage):
        return None
    return message.job_id, message.stage, message.step, message.part
