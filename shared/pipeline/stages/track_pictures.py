"""What the tracking stage's merge leaves for people: the heat map, x over time, and both as data."""

from shared.media.video.picture import Picture
from shared.pipeline.artefacts import HEAT_MAP, POSITIONS, TRACK_PLOT
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import write_file, write_json
from shared.tracking.drawing.plot_data import TrackPlot
from shared.tracking.drawing.track_charts import draw_heat_map, draw_positions
from shared.tracking.payload import InstructorTracking


def write_pictures(context: StepContext, track: InstructorTracking, plate: Picture) -> None:
    """Writes the three files of a track; `plate` is the empty room."""
    services, job, plot = context.services, context.job, TrackPlot.of(track)
    write_file(services, job, HEAT_MAP, draw_heat_map(plot, plate))
    write_file(services, job, POSITIONS, draw_positions(plot))
    write_json(services, job, TRACK_PLOT, plot)
