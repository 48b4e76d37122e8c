"""Write the sound of a recording as a file to listen to: AAC in M4A, levelled; and the same file with chapters.

The chapters are known later than the sound, so they are added by copying the packets.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import OutputContainer

from shared.media.audio.loudness import levelled
from shared.media.container import demux_past_damage, open_container

BITS_PER_SEC = 64_000
"""Enough for speech in one channel at any rate."""

_FORMAT = "ipod"
"""FFmpeg's name of M4A."""

_BYTES_PER_CHAPTER = 256
"""Room in the index for one chapter, besides its title: it is listed twice, for players of both kinds."""

_BYTES_PER_PACKET = 5
"""Room in the index for one packet: its size, and its share of a chunk of up to 1 MB."""

_INDEX_SLACK_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter, times in seconds."""

    start: float
    end: float
    title: str


def encode_listening(blocks: Iterable[bytes], rate_hz: int, gain_db: float, target: BinaryIO) -> None:
    """Write mono sound (s16le), with the gain and limited, as M4A to `target` (seekable)."""
    with av.open(target, "w", format=_FORMAT) as container:
        stream = container.add_stream("aac", rate=rate_hz, layout="mono", options={"aac_coder": "fast"})
        stream.bit_rate = BITS_PER_SEC
        for frame in levelled(blocks, rate_hz, gain_db):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound_index_bytes(source: BinaryIO, chapters: Sequence[Chapter]) -> int:
    """Return bytes that are enough for the index of the file in `source` with these chapters."""
    titles = sum(len(each.title.encode()) for each in chapters)
    with open_container(source) as reader:
        packets = reader.streams.audio[0].frames
    source.seek(0)
    return packets * _BYTES_PER_PACKET + len(chapters) * _BYTES_PER_CHAPTER + 2 * titles + _INDEX_SLACK_BYTES


def add_chapters(
    source: BinaryIO,
    target: BinaryIO,
    chapters: Sequence[Chapter],
    title: str,
    room_bytes: int,
    report: Callable[[float], None],
) -> None:
    """Write the M4A in `source` with chapters, a title, and its index first to `target` (seekable).

    Args:
        source: what `encode_listening` or this function wrote.
        target: the file to write.
        chapters: in order of time.
        title: the recording's name.
        room_bytes: what `sound_index_bytes` returns.
        report: called with the fraction done; may raise to stop the work.
    """
    options = {"moov_size": str(room_bytes)}
    with open_container(source) as reader, av.open(target, "w", format=_FORMAT, options=options) as writer:
        sound = reader.streams.audio[0]
        stream = writer.add_stream_from_template(sound)
        writer.metadata["title"] = title
        _set_chapters(writer, chapters)
        duration = max(1, sound.duration or 1)
        for packet in demux_past_damage(reader, sound):
            if packet.pts is None:
                continue  # the empty one at the end
            report(min(1.0, max(0.0, packet.pts / duration)))
            packet.stream = stream
            writer.mux_one(packet)


def has_chapters(source: BinaryIO, chapters: Sequence[Chapter], title: str) -> bool:
    """Return whether the M4A in `source` has this title and these chapters, by their starts and titles."""
    with open_container(source) as reader:
        found = [
            (round(each["start"] * (each["time_base"] or 0) * 1000), each["metadata"].get("title"))
            for each in reader.chapters()
        ]
        named = reader.metadata.get("title")
    source.seek(0)
    return named == title and found == [(round(each.start * 1000), each.title) for each in chapters]


def _set_chapters(writer: OutputContainer, chapters: Sequence[Chapter]) -> None:
    milli = Fraction(1, 1000)
    writer.set_chapters(
        [
            {
                "id": number,
                "start": round(each.start * 1000),
                "end": round(each.end * 1000),
                "time_base": milli,
                "metadata": {"title": each.title},
            }
            for number, each in enumerate(chapters)
        ]
    )
