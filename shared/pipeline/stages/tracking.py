"""Run the tracking stage: the plates, each part's detections and scene scores, then the track, pictures and scenes.

The parts only detect. The merge decides all that needs the whole recording (the person to follow, the scenes), so that
a split run equals an unsplit one.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from shared.domain.errors import EngineUnavailable
from shared.domain.quality.picture import early_reasons, is_of_a_screen
from shared.domain.quality.records import Look, PictureLooks
from shared.domain.stage import Stage
from shared.domain.warning import About, RecordingWarning
from shared.media.video.frames import sample_frames
from shared.media.video.look_meter import LookMeter
from shared.media.video.picture import THREADS, Picture, video_of
from shared.media.video.scenes import SceneScorer, scenes_from_scores
from shared.media.video.sprite import StillArchive, still_points
from shared.media.video.unreferenced import may_skip_unreferenced
from shared.pipeline import artefacts
from shared.pipeline.context import StepContext
from shared.pipeline.stages.boards import BoardWatch
from shared.pipeline.stages.job_blobs import (
    find_json,
    open_recording,
    read_json,
    recording_of,
    write_file,
    write_json,
)
from shared.pipeline.stages.plan import detector_for, sample_range
from shared.pipeline.stages.scene_pictures import write_scene_pictures
from shared.pipeline.stages.slides import SlideWatch, read_slides, shows_a_room
from shared.pipeline.updates import change_session
from shared.slides.screen import find_screen
from shared.storage.ports import WORK
from shared.tracking.detection import FrameDetections
from shared.tracking.detectors.build_plates import make_plates
from shared.tracking.detectors.choose import DetectorChoice
from shared.tracking.detectors.faces import FaceDetector
from shared.tracking.detectors.fused import RecordingDetector, describe_detector
from shared.tracking.detectors.motion import measure_motion
from shared.tracking.detectors.onnx import OnnxDetector, load_model
from shared.tracking.drawing.plot_data import TrackPlot
from shared.tracking.drawing.track_charts import draw_heat_map, draw_positions
from shared.tracking.payload import InstructorTracking, TrackingPart
from shared.tracking.plan import PlateOfWindow, TrackingPlan
from shared.tracking.plate.plate import Plate
from shared.tracking.track.candidates import Zones
from shared.tracking.track.merge import merge_tracking as merge_parts

FOLLOWED_SHARE = 0.7
"""Progress of a part when the picture that is followed is read, and that of the slides begins."""
DETECTIONS_DONE = 0.5
"""Progress of the merge when the track is written and the thumbnails begin."""


def prepare_tracking(context: StepContext) -> None:
    """Choose the detector, and build the plates that all parts share."""
    recording, blobs = recording_of(context), context.services.storage.blobs
    choice, model, warnings = _usable_detector(context)
    plates: list[PlateOfWindow] = []
    rooms = []
    with open_recording(context) as source, open_recording(context, few_places=True) as few_places:
        faces = FaceDetector() if choice.kind == "plate" else None
        used = model if choice.kind == "fused" else None
        made = make_plates(source, recording, used, context.report, faces, few_places)
        for plate, picture in made:
            blobs.write(WORK, context.work_blob(plate.name), picture.to_png(), artefacts.PLATE.content_type)
            plates.append(plate if choice.kind != "onnx" else plate.only_drawn_upon())
            rooms.append((picture.bgr, picture.screen))
        only_referenced = may_skip_unreferenced(few_places, recording, context.services.settings.sample_fps)
    screen = find_screen(rooms)
    plan = TrackingPlan(
        kind=choice.kind,
        detector=describe_detector(choice.kind, model, faces=any(plate.faces for plate in plates)),
        plates=tuple(plates),
        warnings=tuple(dict.fromkeys((*warnings, *(each for plate in plates for each in plate.warnings)))),
        screen=screen.corners,
        screen_is_whole_picture=screen.is_whole_picture,
        only_referenced=only_referenced,
        keeps_stills=True,
    )
    write_json(context.services, context.job, artefacts.TRACKING_PLAN, plan)


def track_part(context: StepContext) -> None:
    """Detect people in the frames of one time slice, score scene changes, watch the screen, and measure the picture."""
    recording, settings = recording_of(context), context.services.settings
    samples, plan = _samples(context, context.message.part), _plan(context)
    detector, scorer, slides = _detector(context, plan), SceneScorer(), SlideWatch(context, plan)
    meter, stills = LookMeter(), StillArchive(video_of(recording))
    board = BoardWatch(context, plan)
    kept = still_points(samples, recording.duration_sec, settings.sample_fps)
    looks: list[Look] = []
    share = FOLLOWED_SHARE if slides.has_own_picture else 1.0
    found: list[FrameDetections] = []
    scores: list[tuple[float, float]] = []
    with open_recording(context) as source:
        frames = sample_frames(
            source,
            recording,
            sample_fps=settings.sample_fps,
            start_sec=max(0, samples.start - 1) / settings.sample_fps,  # the frame before, for the first scene score
            end_sec=samples.stop / settings.sample_fps,
            only_referenced=plan.only_referenced,
            threads=1 if context.job.stages[Stage.TRACKING].parts > 1 else THREADS,  # else beside other parts
        )
        for frame in frames:
            score, look = scorer.score(frame.bgr), meter.look(frame.time_sec, frame.bgr)
            if frame.index not in samples:
                continue
            if score is not None:
                scores.append((frame.time_sec, score))
            looks.append(look)
            found.append(measure_motion(detector.detect(frame), meter.difference))
            slides.see(frame, found[-1])
            board.see(frame, found[-1])
            if frame.index in kept:
                stills.add(frame.index, frame.bgr)
            context.report(share * (frame.index - samples.start) / len(samples))
        slides.watch_own_picture(source, samples, lambda done: context.report(share + (1 - share) * done))
    end_sec = min(samples.stop / settings.sample_fps, recording.duration_sec)
    slides.finish(end_sec)
    board.finish(end_sec)
    part = TrackingPart.of(context.message.part, found, scores, samples=samples)
    if context.message.part == 0:
        is_screencast = plan.screen_is_whole_picture and not slides.has_own_picture
        is_seen = is_screencast or any(frame.detections for frame in found)
        is_all = context.job.stages[Stage.TRACKING].parts == 1
        context.warn(early_reasons(looks, end_sec, is_all=is_all, is_person_likely=is_seen))
    measured = PictureLooks(part=context.message.part, looks=tuple(looks))
    write_json(context.services, context.job, artefacts.PICTURE_LOOKS, measured, part=context.message.part)
    if plan.keeps_stills:
        write_file(context.services, context.job, artefacts.STILLS, stills.to_bytes(), part=context.message.part)
    write_json(context.services, context.job, artefacts.TRACKING_PART, part, part=context.message.part)


def merge_tracking(context: StepContext) -> None:
    """Follow the instructor through all parts' detections, draw the track, find scenes and slides, write thumbnails."""
    recording, job = recording_of(context), context.job
    plan = _plan(context)
    scores: list[tuple[float, float]] = []
    is_room = _follow(context, plan, scores)
    read_slides(context, plan, is_room=is_room)
    context.report(DETECTIONS_DONE)
    scenes = scenes_from_scores(scores, recording.duration_sec)
    pictures = write_scene_pictures(context, plan, scenes, partial(_report_from, context, DETECTIONS_DONE))
    write_json(context.services, job, artefacts.SCENES, pictures)
    context.confirm()
    change_session(
        context.services, job.org_id, job.session_id, lambda session: session.evolve(tracking_job_id=job.job_id)
    )


def _follow(context: StepContext, plan: TrackingPlan, scores: list[tuple[float, float]]) -> bool:
    """Write the track and its pictures, and add the scene scores of all parts to `scores`.

    Return whether the camera films a person in a room. The detections of three hours are freed when it returns, before
    the models that read slides are loaded.
    """
    job = context.job
    track = merge_parts(
        _parts(context, scores),
        session_id=job.session_id,
        job_id=job.job_id,
        recording=recording_of(context),
        sample_fps=context.services.settings.sample_fps,
        detector=plan.detector,
        plate_warnings=plan.warnings,
        zones=Zones(job.options.region_of_interest, job.options.ignore_zones or ()),
        is_screen=_is_screen(context),
    )
    context.confirm()
    write_json(context.services, job, artefacts.INSTRUCTOR_TRACKING, track)
    most_used = plan.most_used(point.t for point in track.track_points)
    plate = Plate.from_png(context.services.storage.blobs.read(WORK, context.work_blob(most_used.name)))
    _write_pictures(context, track, plate.bgr)
    return shows_a_room(track)


def _report_from(context: StepContext, done: float, fraction: float) -> None:
    context.report(done + (1.0 - done) * fraction)


def _write_pictures(context: StepContext, track: InstructorTracking, plate: Picture) -> None:
    """Write heat map, positions and plot of a track; `plate` is the empty room."""
    services, job, plot = context.services, context.job, TrackPlot.of(track)
    write_file(services, job, artefacts.HEAT_MAP, draw_heat_map(plot, plate))
    write_file(services, job, artefacts.POSITIONS, draw_positions(plot))
    write_json(services, job, artefacts.TRACK_PLOT, plot)


def _usable_detector(context: StepContext) -> tuple[DetectorChoice, OnnxDetector | None, tuple[RecordingWarning, ...]]:
    """Return the detector, its loaded model and the warnings; raise EngineUnavailable if the client insists on it."""
    choice = detector_for(context.services.settings, context.job.options)
    try:
        return choice, load_model(choice.model) if choice.model is not None else None, ()
    except EngineUnavailable as err:
        if choice.is_asked:
            raise
        text = f"{err.detail} People were found without it."
        warning = RecordingWarning("detector_unavailable", About.TRACK, text)
        return DetectorChoice("plate", None, is_asked=False), None, (warning,)


def _plan(context: StepContext) -> TrackingPlan:
    return read_json(context.services, context.job, artefacts.TRACKING_PLAN, TrackingPlan)


def _detector(context: StepContext, plan: TrackingPlan) -> RecordingDetector:
    """Return the detector of the plan; raise EngineUnavailable if this machine lacks the model it was made with.

    A plan that another release made is followed: parts of both have the same form, and a job in flight goes on.
    """
    blobs = context.services.storage.blobs
    model = None
    if plan.kind != "plate":
        choice = detector_for(context.services.settings, replace(context.job.options, detector=plan.kind))
        model = load_model(choice.model) if choice.model is not None else None
    if (None if model is None else model.model) != plan.detector.model:
        raise EngineUnavailable("The workers of this job have different models of the detector.")
    return RecordingDetector(
        plan,
        lambda name: Plate.from_png(blobs.read(WORK, context.work_blob(name))),
        model,
        context.services.settings.sample_fps,
        FaceDetector() if plan.needs_faces else None,
    )


def _samples(context: StepContext, number: int) -> range:
    parts = context.job.stages[Stage.TRACKING].parts
    return sample_range(recording_of(context), parts, number, context.services.settings.sample_fps)


def _is_screen(context: StepContext) -> bool:
    """Return whether the picture is that of a screen, as far as it was measured."""
    looks: list[Look] = []
    for number in range(context.job.stages[Stage.TRACKING].parts):
        measured = find_json(context.services, context.job, artefacts.PICTURE_LOOKS, PictureLooks, part=number)
        looks += () if measured is None else measured.looks
    return is_of_a_screen(looks)


def _parts(context: StepContext, scores: list[tuple[float, float]]) -> Iterator[TrackingPart]:
    """Yield the parts in order; add their scene scores to `scores`."""
    for number in range(context.job.stages[Stage.TRACKING].parts):
        part = read_json(context.services, context.job, artefacts.TRACKING_PART, TrackingPart, part=number)
        scores += part.scene_scores
        yield part
