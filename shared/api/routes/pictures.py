"""Serve a session's pictures and sound: the track's pictures, the waveform's peaks, and the renditions."""

from functools import partial

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from shared.api.dependencies import ReaderDep, ServicesDep, SessionId, off_loop
from shared.api.idempotency.keyed_route import IdempotentRoute
from shared.api.openapi.problem_examples import BEING_MADE, NO_SESSION
from shared.api.openapi.route_docs import file_docs, json_file, reading
from shared.api.routes.result_request import Asked, OfJob, result_docs
from shared.domain.errors import NotFound
from shared.media.payload import Peaks
from shared.pipeline.artefacts import (
    AUDIO,
    FOLLOW,
    HEAT_MAP,
    OVERLAY,
    PEAKS,
    PLAYABLE,
    POSITIONS,
    SPRITE,
    SPRITE_VTT,
    TRACK_PLOT,
)
from shared.pipeline.jobs.results import find_result, result_url
from shared.tracking.drawing.plot_data import TrackPlot

router = APIRouter(prefix="/sessions/{sessionId}", tags=["results"], route_class=IdempotentRoute)

PICTURES = {picture.name: picture for picture in (HEAT_MAP, POSITIONS)}
RENDITIONS = {rendition.name: rendition for rendition in (OVERLAY, FOLLOW, PLAYABLE, AUDIO)}
LOCATION = {"Location": {"description": "The rendition in storage.", "schema": {"type": "string"}}}


@router.get(
    "/results/track-plot",
    summary="Get the track as it is plotted",
    responses=result_docs(json_file("Where the instructor was for how long, and x over time", TrackPlot)),
    operation_id="getTrackPlot",
    response_class=Response,
)
async def get_track_plot(asked: Asked) -> Response:
    """The numbers behind the pictures of the track: few enough to draw, however long the recording is."""
    return await asked.send(TRACK_PLOT)


@router.get(
    "/results/peaks",
    summary="Get the peaks of the sound",
    responses=result_docs(
        json_file("The lowest and the highest sample of each stretch, as audiowaveform writes them", Peaks)
    ),
    operation_id="getPeaks",
    response_class=Response,
)
async def get_peaks(asked: Asked) -> Response:
    """What a waveform is drawn from: ten pairs of peaks a second, in version 2 of audiowaveform's JSON."""
    return await asked.send(PEAKS)


@router.get(
    "/pictures/{name}",
    summary="Get a picture of the track",
    responses=result_docs(file_docs("The picture", HEAT_MAP.media_type)),
    operation_id="getTrackPicture",
    response_class=Response,
)
async def get_picture(name: str, asked: Asked) -> Response:
    """`track-heatmap.png` is where the instructor was, over the empty room; `track-x.png` is x over time."""
    if name not in PICTURES:
        raise NotFound(f"There is no such picture; there are {' and '.join(PICTURES)}.")
    return await asked.send(PICTURES[name])


@router.get(
    "/sprites/{name}",
    summary="Get the pictures for scrubbing",
    responses=result_docs(file_docs("The file", SPRITE_VTT.media_type, SPRITE.media_type)),
    operation_id="getSprite",
    response_class=Response,
)
async def get_sprite(name: str, asked: Asked) -> Response:
    """`sprite.vtt` is a WebVTT file whose cues name a tile of a sheet for each stretch of time
    (`sprite-0001.jpg#xywh=160,0,160,90`); `sprite-0001.jpg` and those after it are the sheets."""
    if SPRITE_VTT.matches(f"sprites/{name}"):
        return await asked.send(SPRITE_VTT)
    if not SPRITE.matches(f"sprites/{name}"):
        raise NotFound("There is no such file; there are sprite.vtt and the sheets that it names.")
    return await asked.send(SPRITE, f"sprites/{name}")


@router.get(
    "/renditions/{name}",
    summary="Play a rendition",
    status_code=302,
    responses={
        302: {"description": "A short-lived address that allows reading", "headers": LOCATION},
        **reading(NO_SESSION, BEING_MADE),
    },
    operation_id="getRendition",
    response_class=RedirectResponse,
)
async def get_rendition(
    session_id: SessionId, name: str, services: ServicesDep, caller: ReaderDep, job_id: OfJob = None
) -> RedirectResponse:
    """Leads to `track-overlay.mp4`, `follow.mp4`, `rendition.mp4` or `audio.m4a` in storage, for a while, where ranges
    are served."""
    if name not in RENDITIONS:
        raise NotFound(f"There is no such rendition; there can be {' and '.join(RENDITIONS)}.")
    rendition = RENDITIONS[name]
    result = await off_loop(partial(find_result, services, caller.org_id, session_id, rendition.stage, job_id))
    url = await off_loop(partial(result_url, services, result, rendition))
    return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})
