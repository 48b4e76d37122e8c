"""Read all packets of a recording once, piece by piece, and measure the pieces: where each begins and ends.

Files that were joined are found on the way, because the walk is the one full read of a recording: decoding its sound
and measuring it are the same walk. Nothing is held but a few packets. Apart from `pieces.py`, which reads a recording
whose pieces are known.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import BinaryIO

import av
from av.container import InputContainer

from shared.domain.errors import FinalError
from shared.domain.recording import PictureSize, Piece, Recording
from shared.media.container import HEADERLESS, AnyPacket, demux_past_damage, open_container
from shared.media.timeline.adts import AdtsLengths
from shared.media.timeline.file_slice import FileSlice
from shared.media.timeline.joint import ARBITRARY_CLOCKS, WRAP_SEC, JointDetector, Place
from shared.media.timeline.packet_times import packet_end, packet_start, packet_time, to_sec
from shared.media.timeline.picture_size import SizeWatch
from shared.media.timeline.pieces import find_audio, find_video, moving_pictures, sounds
from shared.media.timeline.program_map import ANALYSED_BYTES, MapWatch
from shared.media.timeline.start_mark import find_foreign_start, find_start, find_start_after

MAX_PIECES = 2000
"""Most pieces of a recording; what follows is left out. They are stored in a table's row of 1 MiB."""

MAX_SIZES = 200
"""Most sizes of the picture that are noted."""

_PEEKED_PACKETS = 100
"""Most packets that are held until every stream has shown where it begins."""

_DRAINED_PACKETS = 64
"""Packets of the old clock that a demuxer may still give out after the first of a new clock."""

_DRAINED_AFTER = 16
"""The same when every stream has begun on the new clock."""

_MAX_CLAIMED_SEC = 1.0
"""A packet that claims to be longer is taken to be this long when a jump is looked for: it may claim the jump."""

_MAX_REREADS = 3
"""Most clocks within one file, each of which costs one more reading of what stands before it."""

_LATE_SEC = 5.0
"""A packet that stands late in the file is no further from the end of its clock than this."""

_REPORT_EVERY_PACKETS = 64


@dataclass(frozen=True, slots=True)
class _Begin:
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


def _report_nothing(fraction: float) -> None:
    """Ignore the progress."""
    pass


class Walk:
    """One reading of `recording`, which `source` holds; `report` is called with the fraction done, and may raise."""

    def __init__(
        self, source: BinaryIO, recording: Recording, report: Callable[[float], None] = _report_nothing
    ) -> None:
        self._source = source
        self.recording = recording
        """What the header tells."""
        self._report = report
        self._done = 0.0
        self._rereads = 0
        self.pieces: list[Piece] = []
        """The pieces read so far."""
        self.sound_end_sec: float | None = None
        """Where the last packet of the sound ends on the recording's clock; None without sound."""
        self.picture_end_sec: float | None = None
        """Where the last packet of the picture ends on the recording's clock; None without picture."""
        self.sizes: list[PictureSize] = []
        """The size of the picture at its beginning, and from each change on."""
        self.late_picture: int | None = None
        """The number of the first piece with a picture, if the header tells of none."""
        self.late_sound: int | None = None
        """The number of the first piece with sound, if the header tells of none."""
        self.goes_on_unreadable = False
        """Whether the file goes on after the last piece with one that cannot be opened."""
        self._format = recording.container
        self.left_out = False
        """Whether there were more pieces than are read."""

    def __iter__(self) -> Iterator["WalkedPiece"]:
        """Yield the pieces in order. The caller reads the packets of each before the next."""
        begin: _Begin | None = _Begin(0)
        while begin is not None and len(self.pieces) < MAX_PIECES:
            offset = begin.offset
            # A piece of a format without an index is read straight on: its end need not be looked for.
            seekable = offset == 0 or begin.is_foreign or self._format not in ARBITRARY_CLOCKS
            maps = MapWatch(self._source, offset) if self._format == "mpegts" and not begin.is_foreign else None
            end = None if maps is None else maps.other_before(offset + ANALYSED_BYTES)
            rest = FileSlice(self._source, offset, (end or self.recording.size_bytes) - offset, can_seek=seekable)
            with ExitStack() as opened:
                container = self._open(rest, opened)
                if container is None:
                    break
                piece = WalkedPiece(self, container, self._end_sec, begin, maps)
                self._note_late_streams(piece)
                yield piece
                for _ in piece.packets:
                    pass  # what the caller did not read
            following = piece.next_begin
            if following is None:
                following = _Begin(end) if end is not None else self._begin_after(offset, offset + piece.last_byte)
            self._add(piece, begin, following)
            begin = following
        self.left_out = begin is not None and not self.goes_on_unreadable
        self._report(1.0)

    def _open(self, rest: FileSlice, opened: ExitStack) -> InputContainer | None:
        """Open the next piece; return None for one after the first that cannot be opened."""
        try:
            container = opened.enter_context(open_container(rest))
        except FinalError:
            if not self.pieces:
                raise
            self.goes_on_unreadable = True
            return None
        self._format = container.format.name
        return container

    def open_piece(self, number: int) -> FileSlice:
        """Return a piece that was read as a file of its own."""
        return FileSlice(self._source, self.pieces[number].offset_bytes, self.pieces[number].size_bytes)

    def _note_late_streams(self, piece: "WalkedPiece") -> None:
        if self.recording.video is None and piece.video is not None and self.late_picture is None:
            self.late_picture = len(self.pieces)
        if self.recording.audio is None and piece.audio is not None and self.late_sound is None:
            self.late_sound = len(self.pieces)

    @property
    def _end_sec(self) -> float:
        return self.pieces[-1].end_sec if self.pieces else 0.0

    def _add(self, piece: "WalkedPiece", begin: _Begin, following: _Begin | None) -> None:
        """Note the piece that was read from `begin` to where the next one begins."""
        end = self.recording.size_bytes
        # An MP4 whose clock changes within is needed whole: its index stands at the end.
        within = following is not None and following.offset == begin.offset
        if following is not None and not (within and self._format.startswith("mov,")):
            end = following.offset + following.skip
        size = end - begin.offset
        self.pieces.append(Piece(piece.at_sec, piece.length_sec, piece.start_sec, begin.offset, size, begin.skip))
        if piece.sound_end_sec is not None:
            self.sound_end_sec = piece.sound_end_sec + piece.shift_sec
        if piece.picture_end_sec is not None:
            self.picture_end_sec = piece.picture_end_sec + piece.shift_sec

    def _begin_after(self, before: int, last: int) -> _Begin | None:
        """Return where a piece begins that the demuxer did not come to, after the packet at byte `last`.

        The piece before begins at byte `before`.
        """
        size = self.recording.size_bytes
        begin = find_start_after(self._source, self._format, before, last, size)
        if begin is not None or self._format in HEADERLESS:
            return None if begin is None else _Begin(begin)
        begin = find_foreign_start(self._source, last, size)
        return None if begin is None else _Begin(begin, is_foreign=True)

    def begin_at_joint(self, before: _Begin, last: int, joint: int) -> _Begin | None:
        """Return where to begin to read the packet at byte `joint`.

        `before` is where the present piece begins, and its last packet is at byte `last`. None after too many clocks
        within one file.
        """
        begin = find_start(self._source, self._format, before.offset, last, joint)
        arbitrary = self._format in ARBITRARY_CLOCKS
        if begin is not None and begin > (last if arbitrary else before.offset):
            return _Begin(begin)
        if joint <= before.offset + before.skip:
            return None
        if arbitrary:
            return _Begin(joint) if begin is None else _Begin(begin, joint - begin)
        # The clock changes within one file, which can only be read from its beginning.
        self._rereads += 1
        return _Begin(before.offset, joint - before.offset) if self._rereads <= _MAX_REREADS else None

    def note_size(self, at_sec: float, size: tuple[int, int]) -> None:
        """Note the size of the picture at this time on the recording's clock, if it is another one."""
        last = (self.sizes[-1].width, self.sizes[-1].height) if self.sizes else None
        if size != last and len(self.sizes) < MAX_SIZES:
            self.sizes.append(PictureSize(max(0.0, at_sec), *size))

    def progress(self, byte: int) -> None:
        """Report that the file was read to `byte`."""
        self._done = max(self._done, min(1.0, byte / max(1, self.recording.size_bytes)))
        self._report(self._done)


class WalkedPiece:
    """A piece that is being read, from byte `offset` of the file on; it begins at `at_sec`.

    What it tells of its end is final when `packets` has ended.
    """

    def __init__(
        self,
        walk: Walk,
        container: InputContainer,
        at_sec: float,
        begin: _Begin,
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
        self.next_begin: _Begin | None = None
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
                    self.next_begin = _Begin(other)
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
