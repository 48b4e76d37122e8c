"""Read the packets of one piece of a recording until another clock begins, and measure the piece.

Apart from `walk.py`, which opens the pieces one after the other and notes what they tell.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Protocol

import av
from av.container import InputContainer

from shared.domain.recording import Piece, Recording
from shared.media.container import HEADERLESS, AnyPacket, demux_past_damage
from shared.media.timeline.adts import AdtsLengths
from shared.media.timeline.joint import WRAP_SEC, JointDetector, Place
from shared.media.timeline.packet_times import packet_end, packet_start, packet_time, to_sec
from shared.media.timeline.picture_size import SizeWatch
from shared.media.timeline.pieces import find_audio, find_video, moving_pictures, sounds
from shared.media.timeline.program_map import MapWatch

_PEEKED_PACKETS = 100
"""Most packets that are held until every stream has shown where it begins."""

_DRAINED_PACKETS = 64
"""Packets of the old clock that a demuxer may still give out after the first of a new clock."""

_DRAINED_AFTER = 16
"""The same when every stream has begun on the new clock."""

_MAX_CLAIMED_SEC = 1.0
"""A packet that claims to be longer is taken to be this long when a jump is looked for: it may claim the jump."""

_LATE_SEC = 5.0
"""A packet that stands late in the file is no further from the end of its clock than this."""

_REPORT_EVERY_PACKETS = 64


@dataclass(frozen=True, slots=True)
class PieceBegin:
    """Where a piece begins."""

    offset: int
    """The byte from which it is read."""
    skip: int = 0
    """Packets that start within so many bytes belong to the piece before."""
    old_sec: float | None = None
    """The time on the piece's clock at which the clock before it ended; None if the two do not overlap in the file."""
    new_sec: float = 0.0
    """The time at which the new clock begins."""
    is_foreign: bool = False
    """Whether a file of another format begins there."""

    def is_late(self, time_sec: float) -> bool:
        """Return whether a packet with this time belongs to the clock before, and only stands later in the file."""
        return self.old_sec is not None and _apart(time_sec, self.old_sec) < _LATE_SEC <= _apart(time_sec, self.new_sec)


def _apart(one_sec: float, other_sec: float) -> float:
    """Return the difference of two times on a clock of 33 bits."""
    apart = abs(one_sec - other_sec) % WRAP_SEC
    return min(apart, WRAP_SEC - apart)


class Reading(Protocol):
    """The reading of a recording, as one of its pieces uses it."""

    recording: Recording
    """What the header tells."""
    pieces: list[Piece]
    """The pieces read so far."""

    def begin_at_joint(self, before: PieceBegin, last: int, joint: int) -> PieceBegin | None:
        """Return where to begin to read the packet at byte `joint`; None if there is no such place."""

    def note_size(self, at_sec: float, size: tuple[int, int]) -> None:
        """Note the size of the picture at this time on the recording's clock, if it is another one."""

    def progress(self, byte: int) -> None:
        """Report that the file was read to `byte`."""


class WalkedPiece:
    """A piece that is being read, from byte `offset` of the file on; it begins at `at_sec`.

    What it tells of its end is final when `packets` has ended.
    """

    def __init__(
        self,
        walk: Reading,
        container: InputContainer,
        at_sec: float,
        begin: PieceBegin,
        maps: MapWatch | None,
    ) -> None:
        recording = walk.recording
        self._walk = walk
        self._begin = begin
        self.container = container
        self.video: av.VideoStream | None = find_video(container, recording.video)
        self.audio: av.AudioStream | None = find_audio(container, recording.audio)
        if walk.pieces and recording.video is None:
            self.video = next(moving_pictures(container), None)
        if walk.pieces and recording.audio is None:
            self.audio = next(sounds(container), None)
        self.at_sec = at_sec
        """Where it begins on the recording's clock."""
        self.start_sec = recording.start_sec
        """Where it begins on its own clock."""
        self.sound_end_sec: float | None = None
        """Where its sound ends on its own clock."""
        self.picture_end_sec: float | None = None
        """Where its picture ends on its own clock."""
        self.last_byte = 0
        """The last packet of the piece starts at this byte from `offset`."""
        self.next_begin: PieceBegin | None = None
        """Where the next piece begins; None if none was seen."""
        self._first_picture_sec, self._last_picture_sec, self._pictures = math.inf, 0.0, 0
        self._usual_sec = self._claimed_sec = 0.0
        self._sizes = SizeWatch(self.video) if self.video is not None else None
        self._own_lengths = AdtsLengths()
        self._used = {each.index for each in (self.video, self.audio) if each is not None}
        self._maps = maps
        self._detector: JointDetector | None = None
        if container.format.name not in HEADERLESS:
            declared_sec = recording.start_sec + recording.duration_sec
            believed = not walk.pieces and recording.duration_sec > 0
            self._detector = JointDetector(container.format.name, declared_sec if believed else None)
        raw = self._raw()
        first = list(self._first_of_each(raw)) if walk.pieces else []
        if first:
            starts = [packet_start(packet) for packet in first if packet.stream_index in self._used]
            self.start_sec = min((start for start in starts if start is not None), default=0.0)
        self.packets = self._until_joint(chain(first, raw))
        """All packets that hold anything, also of streams that are not used."""

    @property
    def shift_sec(self) -> float:
        """Return what has to be added to the piece's own times for times on the recording's clock."""
        return self.at_sec - self.start_sec

    @property
    def length_sec(self) -> float:
        """Return how long the piece is."""
        ends = [end for end in (self.sound_end_sec, self.picture_end_sec) if end is not None]
        return max(0.0, max(ends, default=self.start_sec) - self.start_sec)

    def _raw(self) -> Iterator[AnyPacket]:
        """Yield the packets that hold anything and do not belong to the piece before."""
        passed = 0
        for count, packet in enumerate(demux_past_damage(self.container)):
            if count % _REPORT_EVERY_PACKETS == 0:
                self._walk.progress(self._begin.offset + (packet.pos or 0))
            if not packet.size or (packet.pos is not None and packet.pos < self._begin.skip):
                continue
            if self._maps is not None and packet.pos is not None:
                other = self._maps.other_before(self._begin.offset + packet.pos)
                if other is not None:
                    self.next_begin = PieceBegin(other)
                    return
            passed += 1
            if passed > _DRAINED_PACKETS or not self._is_late(packet):
                yield packet

    def _is_late(self, packet: AnyPacket) -> bool:
        time_sec = packet_time(packet)
        return time_sec is not None and packet.stream_index in self._used and self._begin.is_late(time_sec)

    def _first_of_each(self, packets: Iterator[AnyPacket]) -> Iterator[AnyPacket]:
        """Yield packets until every stream that is used has begun."""
        missing = set(self._used)
        for packet in islice(packets, _PEEKED_PACKETS):
            yield packet
            missing.discard(packet.stream_index)
            if not missing:
                return

    def _until_joint(self, packets: Iterator[AnyPacket]) -> Iterator[AnyPacket]:
        """Yield the packets until another clock begins, and those that the demuxer gives out late."""
        doubtful: list[AnyPacket] = []
        for packet in packets:
            place = self._judge(packet)
            if place is Place.FOLLOWS:
                self._measure(packet)
                if doubtful and packet.stream_index in {each.stream_index for each in doubtful}:
                    yield from doubtful  # their times are wrong, and the decoder may make something of them
                    doubtful.clear()
                yield packet
                continue
            doubtful.append(packet)
            if place is Place.JOINT:
                yield from self._drain(packets, doubtful)
                if self._find_next(doubtful):
                    return
                self._detector = None  # no other clock can be read by itself: what follows is taken as it comes
                yield from doubtful
                doubtful.clear()
        yield from doubtful

    def _find_next(self, packets: list[AnyPacket]) -> bool:
        """Find where to begin to read these packets of another clock; return whether there is such a place."""
        offset = self._begin.offset
        known = [packet for packet in packets if packet.pos is not None]
        if not known or self._detector is None:
            return False
        first = min(known, key=lambda packet: packet.pos or 0)
        begin = self._walk.begin_at_joint(self._begin, offset + self.last_byte, offset + (first.pos or 0))
        if begin is not None and begin.skip:
            begin = replace(begin, old_sec=self._detector.front_sec, new_sec=packet_time(first) or 0.0)
        self.next_begin = begin
        if begin is not None and self.picture_end_sec is not None:
            self.picture_end_sec = self._last_picture_sec + self._usual_sec  # the last packet may claim the jump
        return begin is not None

    def _drain(self, packets: Iterator[AnyPacket], doubtful: list[AnyPacket]) -> Iterator[AnyPacket]:
        """Yield the packets of the old clock that are among the next ones; add those of the new one to `doubtful`."""
        new = {packet.stream_index: packet_time(packet) for packet in doubtful}
        left = _DRAINED_PACKETS
        while left > 0 and (packet := next(packets, None)) is not None:
            left -= 1
            stream, time_sec = packet.stream_index, packet_time(packet)
            if self._is_nearer(stream, time_sec, new.get(stream)) or self._judge(packet) is not Place.FOLLOWS:
                doubtful.append(packet)
                new[stream] = time_sec
                if self._used <= set(new):
                    left = min(left, _DRAINED_AFTER)
            else:
                self._measure(packet)
                yield packet

    def _is_nearer(self, stream: int, time_sec: float | None, new_sec: float | None) -> bool:
        """Return whether a time goes on from the new clock of its stream, or is nearer to it than to the old one."""
        old_sec = self._detector.latest_sec(stream) if self._detector is not None else None
        if time_sec is None or new_sec is None or old_sec is None:
            return False
        goes_on = 0.0 <= time_sec - new_sec <= _MAX_CLAIMED_SEC
        return goes_on or abs(time_sec - new_sec) <= abs(time_sec - old_sec)

    def _judge(self, packet: AnyPacket) -> Place:
        time_sec = packet_time(packet)
        if self._detector is None or time_sec is None or packet.stream_index not in self._used:
            return Place.FOLLOWS
        # In MP4 the packet before a gap claims the gap as well.
        length_sec = min(to_sec(packet, packet.duration or 0), _MAX_CLAIMED_SEC)
        return self._detector.judge(packet.stream_index, time_sec, length_sec)

    def _measure(self, packet: AnyPacket) -> None:
        """Note where the streams end."""
        if packet.pos is not None:
            self.last_byte = max(self.last_byte, packet.pos)
        end_sec = None if packet.is_corrupt else packet_end(packet)
        if end_sec is None:
            return
        if self.audio is not None and packet.stream_index == self.audio.index:
            end_sec = self._own_lengths.end_of(packet, end_sec)
            self.sound_end_sec = max(end_sec, self.sound_end_sec or end_sec)
        if self.video is not None and packet.stream_index == self.video.index:
            self.picture_end_sec = max(end_sec, self.picture_end_sec or end_sec)
            start_sec = packet_start(packet) or 0.0
            self._last_picture_sec = max(self._last_picture_sec, start_sec)
            self._first_picture_sec = min(self._first_picture_sec, start_sec)
            self._usual_sec = max(self._claimed_sec, self._mean_frame_sec())
            self._pictures, self._claimed_sec = self._pictures + 1, end_sec - start_sec
            self._note_size(packet)

    def _mean_frame_sec(self) -> float:
        """Return the mean time between two pictures; some packets claim the time of a field, not of a frame."""
        mean_sec = (self._last_picture_sec - self._first_picture_sec) / max(1, self._pictures)
        return min(mean_sec, _MAX_CLAIMED_SEC)

    def _note_size(self, packet: AnyPacket) -> None:
        """Note the size of a key picture."""
        size = self._sizes.size_at(packet) if self._sizes is not None else None
        start_sec = packet_start(packet)
        if size is not None and start_sec is not None:
            self._walk.note_size(start_sec + self.shift_sec, size)
