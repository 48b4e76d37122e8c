"""Make up the rows of jobs of any length, with known fixed costs, rates and noise, without doing their work.

Apart from the replay, which takes recorded jobs as well: clips of a benchmark are short and few, and an estimate that
suits only them is worth little.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks._job_rows import JobRows
from shared.domain import job as jobs
from shared.domain.cost import Cost
from shared.domain.job import Job
from shared.domain.options import JobOptions
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage
from shared.pipeline.stages.plan import even_part_count
from shared.settings import Settings

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SHORTEST_SEC, LONGEST_SEC = 5.0, 600.0
NOISE = 0.08
"""The standard deviation of the logarithm of a job's duration, and again of each stage's."""
WAIT_SHARE = 0.04
"""The share of stages that wait for another job's work, which makes them up to three times as long."""
RESTART_SHARE = 0.05
"""The share of jobs that find a worker without its models."""
LOOK_SEC = 5.0
"""The seconds between two rows of a stage that runs."""
COPY_RATE, COMPLETION_SEC = 0.008, 0.4
SETTINGS = Settings()


@dataclass(frozen=True)
class Kind:
    """A kind of recording and what it costs."""

    name: str
    codec: str | None
    height: int
    speech: tuple[float, float]
    """Seconds, and seconds for each second of the recording."""
    tracking: tuple[float, float] = (0.0, 0.0)
    rendition: tuple[float, float] = (0.0, 0.0)


KINDS = (
    Kind("sound", None, 0, (0.25, 0.03)),
    Kind("h264 360p", "h264", 360, (0.3, 0.035), (1.2, 0.05)),
    Kind("h264 1080p", "h264", 1080, (0.3, 0.035), (1.5, 0.12)),
    Kind("hevc 720p", "hevc", 720, (0.3, 0.04), (1.3, 0.08), (0.6, 0.3)),
)


@dataclass(frozen=True)
class MadeUpJob:
    """A job that is made up, and what can be known of it beforehand."""

    job: JobRows
    foreseeable_sec: float
    """How long it would take without noise, without other jobs and on a worker that has its models."""


@dataclass(frozen=True)
class _Luck:
    """What happens to jobs; without `dice`, nothing does."""

    dice: random.Random | None = None

    def noise(self) -> float:
        """Return the factor by which work takes longer than such work usually does."""
        return self.dice.lognormvariate(0.0, NOISE) if self.dice else 1.0

    def waiting(self) -> float:
        """Return the factor by which a stage takes longer because of other jobs."""
        return self.dice.uniform(1.0, 3.0) if self.dice and self.dice.random() < WAIT_SHARE else 1.0

    def loading_sec(self) -> float:
        """Return how long the worker takes to load its models."""
        return self.dice.uniform(1.0, 3.0) if self.dice and self.dice.random() < RESTART_SHARE else 0.0


def make_up(count: int, seed: int, workers: int) -> Sequence[MadeUpJob]:
    """Return so many jobs of random kinds and lengths, done by one or two workers."""
    dice = random.Random(seed)
    made = []
    for _ in range(count):
        kind = dice.choice(KINDS)
        length_sec = math.exp(dice.uniform(math.log(SHORTEST_SEC), math.log(LONGEST_SEC)))
        job = _job(kind, length_sec, workers, _Luck(dice))
        made.append(MadeUpJob(job, _job(kind, length_sec, workers, _Luck()).took_sec))
    return made


def _job(kind: Kind, length_sec: float, workers: int, luck: _Luck) -> JobRows:
    pace, loading_sec = luck.noise(), luck.loading_sec()

    def took_sec(cost: tuple[float, float], sharers: int = 1) -> float:
        fixed_sec, rate = cost
        return (fixed_sec + rate * length_sec / sharers) * pace * luck.noise() * luck.waiting()

    parts = {
        Stage.TRACKING: even_part_count(length_sec, SETTINGS.tracking_part_sec),
        Stage.RENDITION: even_part_count(length_sec, SETTINGS.rendition_part_sec),
    }
    shares = {stage: min(workers, count) for stage, count in parts.items()}
    speech_sec = loading_sec + took_sec(kind.speech)
    track_sec = 0.0 if kind.codec is None else loading_sec + took_sec(kind.tracking, shares[Stage.TRACKING])
    render_sec = took_sec(kind.rendition, shares[Stage.RENDITION]) if kind.rendition[1] else 0.0
    rows = [_new_job(rendered=render_sec > 0)]
    loads = {Stage.TRANSCRIPTION: loading_sec, Stage.TRACKING: loading_sec * shares[Stage.TRACKING]}
    at = _Timeline(rows, length_sec * COPY_RATE * pace + 0.1, length_sec, kind, parts, loads)
    if workers > 1:
        at.run({Stage.TRANSCRIPTION: (0.0, speech_sec), Stage.TRACKING: (0.0, track_sec)}, render_sec)
    else:
        track_at = speech_sec
        at.run({Stage.TRANSCRIPTION: (0.0, speech_sec), Stage.TRACKING: (track_at, track_at + track_sec)}, render_sec)
    at.complete(COMPLETION_SEC * pace * luck.noise())
    return JobRows(kind.name, recording(kind, length_sec), rows)


class _Timeline:
    """Appends a job's rows as its stages begin, go on and end."""

    def __init__(
        self,
        rows: list[Job],
        download_sec: float,
        length_sec: float,
        kind: Kind,
        parts: dict[Stage, int],
        loading_sec: dict[Stage, float],
    ) -> None:
        self._rows, self._loading_sec = rows, loading_sec
        rows.append(jobs.start_stage(rows[-1], Stage.DOWNLOAD, 1, BEGAN))
        skipped = {} if kind.codec else {Stage.TRACKING: "no picture", Stage.RENDITION: "no picture"}
        self._over_at = BEGAN + timedelta(seconds=download_sec)
        planned = jobs.plan_stages(rows[-1], parts, skipped, self._over_at)
        rows.append(jobs.expect(planned, length_sec, {}))
        rows.append(jobs.end_stage(rows[-1], Stage.DOWNLOAD, self._over_at))

    def run(self, spans: dict[Stage, tuple[float, float]], render_sec: float) -> None:
        """Run the stages in these seconds after the download, and the rendition after the tracking."""
        spans = {stage: span for stage, span in spans.items() if span[1] > span[0]}
        if render_sec:
            began = max(end for _, end in spans.values())
            spans[Stage.RENDITION] = (began, began + render_sec)
        moments = []
        for stage, (start, end) in spans.items():
            looks = [start + LOOK_SEC * number for number in range(1, int((end - start) / LOOK_SEC) + 1)]
            moments += [(start, stage, 0.0), (end, stage, 1.0)]
            moments += [(sec, stage, 0.98 * (sec - start) / (end - start)) for sec in looks if sec < end]
        for sec, stage, progress in sorted(moments):
            self._rows.append(self._changed(stage, progress, self._over_at + timedelta(seconds=sec)))

    def _changed(self, stage: Stage, progress: float, now: datetime) -> Job:
        if progress == 0.0:
            return jobs.start_stage(self._rows[-1], stage, 1, now)
        if progress == 1.0:
            cost = Cost(loading_sec=self._loading_sec.get(stage, 0.0))
            return jobs.with_step_costs(jobs.end_stage(self._rows[-1], stage, now), {stage: cost})
        return jobs.note_progress(self._rows[-1], stage, progress, 0, now)

    def complete(self, sec: float) -> None:
        """End the job so many seconds after its last stage."""
        job, now = self._rows[-1], self._rows[-1].updated_at
        while (status := jobs.next_status(job)) is not None:
            job = jobs.advance_status(job, status, now)
        self._rows.append(jobs.complete(job, now + timedelta(seconds=sec)))


def _new_job(*, rendered: bool) -> Job:
    return jobs.new_job(
        job_id="j",
        session_id="s",
        org_id="o",
        now=BEGAN,
        options=JobOptions(rendition="always" if rendered else "never"),
        callback_url=None,
        traceparent=None,
    )


def recording(kind: Kind, length_sec: float) -> Recording:
    """Return the facts of a recording of the kind."""
    video = kind.codec and VideoStream(
        index=0,
        codec=kind.codec,
        width=kind.height * 16 // 9,
        height=kind.height,
        rotation=0,
        fps=25.0,
        start_sec=0.0,
        duration_sec=length_sec,
    )
    return Recording(
        container="mp4",
        size_bytes=1,
        start_sec=0.0,
        duration_sec=length_sec,
        video=video or None,
        audio=None,
        warnings=(),
    )
