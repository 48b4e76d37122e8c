"""What the tracking stage's merge leaves for people: the heat map, x over time, and both as data."""

from shared.media.video.picture import Picture
from shared.pipeline.context import StepContext
from shared.storage.ports import RESULTS
from shared.tracking.drawing.plot_data import TrackPlot
from shared.tracking.drawing.track_charts import draw_heat_map, draw_positions
from shared.tracking.payload import InstructorTracking

HEAT_MAP, POSITIONS, PLOT = "track-heatmap.png", "track-x.png", "track-plot.json"


def write_pictures(context: StepContext, track: InstructorTracking, plate: Picture) -> None:
    """Writes the three files of a track; `plate` is the empty room."""
    plot, blobs = TrackPlot.of(track), context.services.storage.blobs
    blobs.write(RESULTS, context.work_blob(HEAT_MAP), draw_heat_map(plot, plate), "image/png")
    blobs.write(RESULTS, context.work_blob(POSITIONS), draw_positions(plot), "image/png")
    blobs.write(RESULTS, context.work_blob(PLOT), plot.model_dump_json(by_alias=True).encode(), "application/json")
