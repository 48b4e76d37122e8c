"""A pipeline whose steps read and write the blobs that the real ones do, as short texts."""

from collections import Counter
from dataclasses import dataclass, field, replace

from shared.domain.job import Job, plan_stages
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.media.payload import RenditionPayload, ThumbnailPayload
from shared.pipeline import artefacts
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import open_blob, open_recording
from shared.pipeline.stages.sidecar import RenditionList, SceneList
from shared.pipeline.updates import change_job, change_session
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.crashing_harness import CrashingHarness
from tests.support.pipeline_harness import RECORDING

PLAN, TRACK, TRANSCRIPT, PICTURE = "tracking-plan.json", "instructor-tracking.json", "transcript.txt", "scene-0001.jpg"
PLATE = "plate-000-0.png"
AUDIO_COPY, FOLLOW = artefacts.AUDIO_COPY.name, artefacts.FOLLOW.name
RENDITIONS, SCENES = artefacts.RENDITIONS.name, artefacts.SCENES.name

Key = tuple[Stage, StepKind, int]


@dataclass
class ReadingHarness(CrashingHarness):
    """`made` counts how often each step came to its end, `fetched` how often the recording was downloaded."""

    made: Counter[Key] = field(default_factory=Counter)
    fetched: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.services = replace(
            self.services,
            work={(stage, step): self._read_and_write for stage in Stage for step in StepKind},
            results={Stage.TRANSCRIPTION: (TRANSCRIPT,), Stage.TRACKING: (TRACK,), Stage.RENDITION: ()},
        )

    def blobs(self) -> set[tuple[str, str]]:
        """Every blob as (container, name)."""
        return {
            (where, blob.name) for where in (SOURCES, WORK, RESULTS) for blob in self.storage.blobs.listing(where, "")
        }

    def _read_and_write(self, context: StepContext) -> None:
        key = context.message.stage, context.message.step, context.message.part
        self.ran[key] += 1
        if instead := self.instead.get(key[:2]):
            instead(context)
        getattr(self, f"_{key[0]}_{key[1]}")(context)
        self.made[key] += 1

    def _download_part(self, context: StepContext) -> None:
        blobs, session = self.storage.blobs, context.session
        if session.source_url is not None and blobs.facts(SOURCES, session.source_blob) is None:
            blobs.write(SOURCES, session.source_blob, b"recording", "video/mp4")
            self.fetched += 1
        facts = blobs.facts(SOURCES, session.source_blob)
        sha256, etag = (facts.sha256, facts.etag) if facts else ("", None)
        self._write(context, WORK, AUDIO_COPY)
        change_session(
            self.services,
            session.org_id,
            session.session_id,
            lambda current: current.evolve(recording=RECORDING, sha256=sha256, source_etag=etag),
        )

        def plan(job: Job) -> Job | None:
            return None if job.stages[Stage.DOWNLOAD].state.is_over else plan_stages(job, self.parts, {}, self.now)

        change_job(self.services, session.org_id, context.job.job_id, plan)

    def _transcription_part(self, context: StepContext) -> None:
        self._open(context, AUDIO_COPY)
        self._write(context, WORK, _part(context, context.message.part))

    def _transcription_merge(self, context: StepContext) -> None:
        self._read_parts(context)
        self._write(context, RESULTS, TRANSCRIPT)

    def _tracking_prepare(self, context: StepContext) -> None:
        open_recording(context).read()
        self._write(context, WORK, PLATE)
        self._write(context, WORK, PLAN)

    def _tracking_part(self, context: StepContext) -> None:
        self._read(context, WORK, PLAN)
        self._read(context, WORK, PLATE)
        open_recording(context).read()
        self._write(context, WORK, _part(context, context.message.part))

    def _tracking_merge(self, context: StepContext) -> None:
        self._read_parts(context)
        self._read(context, WORK, PLAN)
        open_recording(context).read()
        self._write(context, RESULTS, TRACK)
        self._write(context, RESULTS, f"thumbnails/{PICTURE}")
        scenes = SceneList(thumbnails=[ThumbnailPayload(name=PICTURE, t=0.5, width=2, height=2)])
        self._write(context, WORK, SCENES, scenes.model_dump_json(by_alias=True))

    def _rendition_part(self, context: StepContext) -> None:
        self._read(context, RESULTS, TRACK)
        open_recording(context).read()
        self._write(context, WORK, f"rendition/{context.message.part:05d}-{FOLLOW}")
        self._write(context, WORK, _part(context, context.message.part))

    def _rendition_merge(self, context: StepContext) -> None:
        self._read_parts(context)
        for number in range(context.job.stages[Stage.RENDITION].parts):
            self._open(context, f"rendition/{number:05d}-{FOLLOW}")
        self._open(context, AUDIO_COPY)
        self._write(context, RESULTS, FOLLOW)
        video = RenditionPayload(name=FOLLOW, content_type="video/webm", width=2, height=2, codec="vp9", duration_sec=1)
        self._write(context, WORK, RENDITIONS, RenditionList(renditions=[video]).model_dump_json(by_alias=True))

    def _read_parts(self, context: StepContext) -> None:
        for number in range(context.job.stages[context.message.stage].parts):
            self._read(context, WORK, _part(context, number))

    def _open(self, context: StepContext, name: str) -> None:
        open_blob(self.services, WORK, context.work_blob(name)).read()

    def _read(self, context: StepContext, container: str, name: str) -> None:
        self.storage.blobs.read(container, context.work_blob(name))

    def _write(self, context: StepContext, container: str, name: str, text: str = "{}") -> None:
        self.storage.blobs.write(container, context.work_blob(name), text.encode(), "application/json")


def _part(context: StepContext, number: int) -> str:
    return f"{context.message.stage}/{number:05d}.json"


def maker_of(name: str) -> tuple[Stage, StepKind]:
    """The stage and step that make a blob with this name, told apart from the code under test."""
    file = name.partition("/j/")[2]
    merges = {TRANSCRIPT: Stage.TRANSCRIPTION, RENDITIONS: Stage.RENDITION, FOLLOW: Stage.RENDITION}
    merges |= {TRACK: Stage.TRACKING, SCENES: Stage.TRACKING, f"thumbnails/{PICTURE}": Stage.TRACKING}
    if file in merges:
        return merges[file], StepKind.MERGE
    if file in (PLAN, PLATE):
        return Stage.TRACKING, StepKind.PREPARE
    return (Stage(file.partition("/")[0]) if "/" in file else Stage.DOWNLOAD), StepKind.PART
