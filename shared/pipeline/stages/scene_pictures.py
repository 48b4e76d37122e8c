"""Write the pictures of the recording that need no person: a thumbnail for each scene, and the sheets for scrubbing.

Both come from the stills that the parts of the tracking kept. Apart from the tracking, whose merge calls it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.stage import Stage
from shared.media.payload import ScenePayload, ThumbnailPayload
from shared.media.video.picture import upright_size, video_of
from shared.media.video.scenes import Scene
from shared.media.video.sprite import SpriteSheets, grid_points, read_stills, tile_sec, to_webvtt_tiles
from shared.media.video.thumbnails import DEFAULT_WIDTH_PX, make_thumbnails
from shared.pipeline import artefacts
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import open_recording, read_file, recording_of, write_file
from shared.pipeline.stages.plan import sample_range
from shared.pipeline.stages.sidecar import SceneList
from shared.tracking.plan import TrackingPlan

MAX_THUMBNAILS = 200


@dataclass(slots=True)
class _Shown:
    """A scene that is to have a thumbnail, and the still nearest to its middle so far."""

    number: int
    scene: Scene
    still: tuple[float, bytes] | None = None

    @property
    def middle(self) -> float:
        """Return the time of the scene's middle, in seconds."""
        return (self.scene.start + self.scene.end) / 2

    def see(self, time_sec: float, jpeg: bytes) -> None:
        """Take the still if it shows the scene nearer to its middle."""
        if self.scene.start <= time_sec < self.scene.end and (
            self.still is None or abs(time_sec - self.middle) < abs(self.still[0] - self.middle)
        ):
            self.still = (time_sec, jpeg)


def write_scene_pictures(
    context: StepContext, plan: TrackingPlan, scenes: Sequence[Scene], report: Callable[[float], None]
) -> SceneList:
    """Write the sheets, and thumbnails for at most `MAX_THUMBNAILS` of the scenes; return every scene."""
    recording = recording_of(context)
    step = -(-len(scenes) // MAX_THUMBNAILS)
    shown = [_Shown(number + 1, scene) for number, scene in enumerate(scenes) if number % step == 0]
    sheets = _Sheets(context)
    if plan.keeps_stills:
        for time_sec, point, jpeg in _stills(context):
            report(min(1.0, time_sec / recording.duration_sec))
            for each in shown:
                each.see(time_sec, jpeg)
            sheets.add(time_sec, point, jpeg)
        sheets.finish()
    _decode({each.middle: each for each in shown if each.still is None}, context, report)
    return _listed(context, scenes, shown)


class _Sheets:
    """Writes each sheet when it is full, and the WebVTT file at the end."""

    def __init__(self, context: StepContext) -> None:
        self._context, self._recording = context, recording_of(context)
        self._sheets = SpriteSheets(video_of(self._recording))
        self._names: list[str] = []
        fps = context.services.settings.sample_fps
        whole = sample_range(self._recording, 1, 0, fps)
        self._points = grid_points(whole, tile_sec(self._recording.duration_sec), fps)

    def add(self, time_sec: float, point: int, jpeg: bytes) -> None:
        if point in self._points:
            self._write(self._sheets.add(time_sec, jpeg))

    def finish(self) -> None:
        self._write(self._sheets.rest())
        text = to_webvtt_tiles(self._sheets.tiles, self._names, self._recording.duration_sec)
        write_file(self._context.services, self._context.job, artefacts.SPRITE_VTT, text.encode())

    def _write(self, sheet: bytes | None) -> None:
        if sheet is not None:
            number = len(self._names) + 1
            write_file(self._context.services, self._context.job, artefacts.SPRITE, sheet, sheet=number)
            self._names.append(artefacts.SPRITE.name_of(sheet=number).rpartition("/")[2])


def _stills(context: StepContext) -> Iterator[tuple[float, int, bytes]]:
    """Yield time, grid point and JPEG of every still, in order of time."""
    for part in range(context.job.stages[Stage.TRACKING].parts):
        for point, jpeg in read_stills(read_file(context.services, context.job, artefacts.STILLS, part=part)):
            yield point / context.services.settings.sample_fps, point, jpeg


def _decode(missing: Mapping[float, _Shown], context: StepContext, report: Callable[[float], None]) -> None:
    """Decode the pictures of scenes that no still shows, by the time of their middle, if the recording has them."""
    if not missing:
        return
    with open_recording(context, few_places=True) as source:
        for time_sec, jpeg in make_thumbnails(source, recording_of(context), missing, DEFAULT_WIDTH_PX, report):
            missing[time_sec].still = (time_sec, jpeg)


def _listed(context: StepContext, scenes: Sequence[Scene], shown: Sequence[_Shown]) -> SceneList:
    """Write the thumbnails, and return the list of scenes."""
    width, height = upright_size(video_of(recording_of(context)), DEFAULT_WIDTH_PX)
    thumbnails: list[ThumbnailPayload] = []
    names: dict[Scene, str] = {}
    for each in shown:
        if each.still is None:
            continue
        time_sec, jpeg = each.still
        write_file(context.services, context.job, artefacts.THUMBNAIL, jpeg, scene=each.number)
        names[each.scene] = artefacts.THUMBNAIL.name_of(scene=each.number).rpartition("/")[2]
        thumbnails.append(ThumbnailPayload(name=names[each.scene], t=round(time_sec, 3), width=width, height=height))
    listed = [
        ScenePayload(start=round(scene.start, 3), end=round(scene.end, 3), thumbnail=names.get(scene))
        for scene in scenes
    ]
    return SceneList(scenes=listed, thumbnails=thumbnails)
