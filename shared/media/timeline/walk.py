"""Read all packets of a recording once, piece by piece, and measure the pieces: where each begins and ends.

Files that were joined are found on the way, because the walk is the one full read of a recording: decoding its sound
and measuring it are the same walk. Nothing is held but a few packets. Apart from `walked_piece.py`, which reads one
piece, and from `pieces.py`, which reads a recording whose pieces are known.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import BinaryIO

from av.container import InputContainer

from shared.domain.errors import FinalError
from shared.domain.recording import PictureSize, Piece, Recording
from shared.media.container import HEADERLESS, open_container
from shared.media.timeline.file_slice import FileSlice
from shared.media.timeline.joint import ARBITRARY_CLOCKS
from shared.media.timeline.program_map import ANALYSED_BYTES, MapWatch
from shared.media.timeline.start_mark import find_foreign_start, find_start, find_start_after
from shared.media.timeline.walked_piece import PieceBegin, WalkedPiece

MAX_PIECES = 2000
"""Most pieces of a recording; what follows is left out. They are stored in a table's row of 1 MiB."""

MAX_SIZES = 200
"""Most sizes of the picture that are noted."""

_MAX_REREADS = 3
"""Most clocks within one file, each of which costs one more reading of what stands before it."""


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

    def __iter__(self) -> Iterator[WalkedPiece]:
        """Yield the pieces in order. The caller reads the packets of each before the next."""
        begin: PieceBegin | None = PieceBegin(0)
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
                following = PieceBegin(end) if end is not None else self._begin_after(offset, offset + piece.last_byte)
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

    def _note_late_streams(self, piece: WalkedPiece) -> None:
        if self.recording.video is None and piece.video is not None and self.late_picture is None:
            self.late_picture = len(self.pieces)
        if self.recording.audio is None and piece.audio is not None and self.late_sound is None:
            self.late_sound = len(self.pieces)

    @property
    def _end_sec(self) -> float:
        return self.pieces[-1].end_sec if self.pieces else 0.0

    def _add(self, piece: WalkedPiece, begin: PieceBegin, following: PieceBegin | None) -> None:
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

    def _begin_after(self, before: int, last: int) -> PieceBegin | None:
        """Return where a piece begins that the demuxer did not come to, after the packet at byte `last`.

        The piece before begins at byte `before`.
        """
        size = self.recording.size_bytes
        begin = find_start_after(self._source, self._format, before, last, size)
        if begin is not None or self._format in HEADERLESS:
            return None if begin is None else PieceBegin(begin)
        begin = find_foreign_start(self._source, last, size)
        return None if begin is None else PieceBegin(begin, is_foreign=True)

    def begin_at_joint(self, before: PieceBegin, last: int, joint: int) -> PieceBegin | None:
        """Return where to begin to read the packet at byte `joint`.

        `before` is where the present piece begins, and its last packet is at byte `last`. None after too many clocks
        within one file.
        """
        begin = find_start(self._source, self._format, before.offset, last, joint)
        arbitrary = self._format in ARBITRARY_CLOCKS
        if begin is not None and begin > (last if arbitrary else before.offset):
            return PieceBegin(begin)
        if joint <= before.offset + before.skip:
            return None
        if arbitrary:
            return PieceBegin(joint) if begin is None else PieceBegin(begin, joint - begin)
        # The clock changes within one file, which can only be read from its beginning.
        self._rereads += 1
        return PieceBegin(before.offset, joint - before.offset) if self._rereads <= _MAX_REREADS else None

    def note_size(self, at_sec: float, size: tuple[int, int]) -> None:
        """Note the size of the picture at this time on the recording's clock, if it is another one."""
        last = (self.sizes[-1].width, self.sizes[-1].height) if self.sizes else None
        if size != last and len(self.sizes) < MAX_SIZES:
            self.sizes.append(PictureSize(max(0.0, at_sec), *size))

    def progress(self, byte: int) -> None:
        """Report that the file was read to `byte`."""
        self._done = max(self._done, min(1.0, byte / max(1, self.recording.size_bytes)))
        self._report(self._done)
