"""Turn interlaced frames into whole ones, and leave others alone: browsers show the two fields as combs.

Apart from `frames.py`, which reads the frames.
"""

from collections import deque
from collections.abc import Iterator

import av
import av.error
from av.filter import Graph

TimedFrame = tuple[float, av.VideoFrame]


def deinterlaced(frames: Iterator[TimedFrame], field_order: str | None = None) -> Iterator[TimedFrame]:
    """Yield the frames at their times, each interlaced one made whole from its fields and its neighbours'.

    With a `field_order` (as of a recording's picture) all frames are interlaced; without one, those that declare it.
    FFmpeg's `bwdif` holds one frame back, so frames pass it from the first interlaced one on only.
    """
    graph: Graph | None = None
    shape: tuple[int, int, str] | None = None
    times: deque[float] = deque()
    for time_sec, frame in frames:
        now = (frame.width, frame.height, frame.format.name)
        if graph is not None and now != shape:
            graph.push(None)
            yield from _ready(graph, times)
            graph = None
        if graph is None and field_order is None and not frame.interlaced_frame:
            yield time_sec, frame
            continue
        if graph is None:
            graph, shape = _graph(frame, field_order), now
        times.append(time_sec)
        graph.push(frame)
        yield from _ready(graph, times)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph, times)


def _graph(frame: av.VideoFrame, field_order: str | None) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    which = "interlaced" if field_order is None else "all"
    bwdif = graph.add("bwdif", mode="send_frame", parity=field_order or "auto", deint=which)
    graph.link_nodes(source, bwdif, graph.add("buffersink"))
    graph.configure()
    return graph


def _ready(graph: Graph, times: deque[float]) -> Iterator[TimedFrame]:
    while times:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield times.popleft(), frame
