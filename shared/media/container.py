"""Open a recording with PyAV, safely: the one place that calls `av.open` on an untrusted upload.

A container may name further files (playlists, external references). Only self-contained formats are opened, and any
attempt to open another file is refused. So no recording makes the process read local files or call addresses. The
limits on memory and streams are in `limits`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeAlias

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from shared.domain.errors import DamagedRecording, EmptyRecording, NotMedia, UnsupportedRecording
from shared.media.aiff_length import find_short_aiff
from shared.media.corrected_file import CorrectedFile
from shared.media.limits import DECODER_OPTIONS, DEMUXER_OPTIONS, MAX_PIXELS, MAX_STREAMS, limit_allocations
from shared.media.timeline.file_slice import FileSlice
from shared.media.timeline.program_map import ANALYSED_BYTES, MapWatch
from shared.media.timeline.start_mark import find_next_mp4
from shared.media.wav_length import find_short_wav

# PyAV's packets are generic in its type stubs only.
if TYPE_CHECKING:
    AnyPacket: TypeAlias = Packet[Stream]
else:
    AnyPacket = Packet

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,kux,mpegts,mpeg,asf,mxf,gxf,dv,rm,nut,ivf,nsv,wtv,"
    "wav,w64,aiff,au,caf,flac,mp3,ogg,aac,loas,ac3,eac3,ac4,dts,dtshd,truehd,mlp,amr,amrnb,amrwb,ape,wv,tta,tak,"
    "mpc,mpc8,dsf,iff,voc,spdif,shn,oma,qcp,gsm,g722"
)
"""FFmpeg's names of the demuxers that read one file and decode to sound or moving pictures.

Left out on purpose: playlists (hls, dash, concat), devices, network protocols, still pictures, text, subtitles, and
bare video streams (h264, hevc), which carry no times.
"""

HEADERLESS = frozenset({"aac", "ac3", "eac3", "loas", "amr", "amrnb", "amrwb", "dts", "truehd", "mlp", "mp3"})
"""The `FORMATS` that declare neither length nor times: FFmpeg guesses from the bit rate and adds up packets."""

READ_BYTES = 256 * 1024
"""Size of FFmpeg's read buffer."""

limit_allocations()

_OTHER_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"#EXTM3U", "a playlist, not the recording itself"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
"""First bytes of files that are no recordings, and the name of their kind in error messages."""

_ISO_MEDIA_BOXES = (b"ftyp", b"moov", b"mdat", b"moof")
"""Types of the boxes that an MP4 or QuickTime file (ISO 14496-12) may begin with."""


@contextmanager
def open_container(source: BinaryIO) -> Iterator[InputContainer]:
    """Open `source` (seekable, read from its start) for demuxing; close the container at the end, not the source.

    Exceptions of `source` itself pass through.

    Raises:
        EmptyRecording: The file has no bytes.
        NotMedia: The file is not a sound or video recording.
        UnsupportedRecording: The file exceeds a limit or refers to other files.
        DamagedRecording: The file begins like a recording but cannot be opened.
    """
    source.seek(0)
    head = source.read(4096)
    if not head:
        raise EmptyRecording("The file is empty (0 bytes).")
    whole = _made_readable(source, head) if source.seekable() else source
    source.seek(0)
    try:
        container = av.open(
            whole,
            "r",
            # Options, not the format argument: FFmpeg still detects by itself which of these formats it is.
            container_options={"format_whitelist": FORMATS, **DEMUXER_OPTIONS},
            options=dict(DECODER_OPTIONS),  # for the decoders that FFmpeg opens to analyse the streams
            metadata_errors="replace",
            buffer_size=READ_BYTES,
            io_open=_refuse_further_files,
        )
    except av.error.MemoryError as err:
        raise UnsupportedRecording(
            f"The recording has more than {MAX_STREAMS} streams, or declares larger ones than can be processed."
        ) from err
    except av.error.FFmpegError as err:
        _explain(head, err)
    with container:
        _limit_streams(container)
        yield container


def _made_readable(source: BinaryIO, head: bytes) -> BinaryIO:
    """Return the file in the form that FFmpeg reads right.

    That is a WAV or AIFF with its real length, the first of joined MP4s, or a transport stream up to where it carries
    other streams.
    """
    find_short = {b"RIFF": find_short_wav, b"FORM": find_short_aiff}.get(head[:4])
    if find_short is not None and (short := find_short(source)) is not None:
        return CorrectedFile(source, short.fields)
    if head[4:8] == b"ftyp" and (end := find_next_mp4(source)) is not None:
        return FileSlice(source, 0, end)
    if b"G" in (head[:1], head[4:5]) and (end := MapWatch(source, 0).other_before(ANALYSED_BYTES)) is not None:
        return FileSlice(source, 0, end)
    return source


def demux_past_damage(container: InputContainer, *streams: Stream, give_up_after: int = 100) -> Iterator[AnyPacket]:
    """Yield the packets of `streams` (of all streams when none is named) and continue after unreadable places.

    End early after `give_up_after` failures in a row. Each stream's last packet is empty, which makes its decoder
    flush the frames that it still holds. Empty packets before it are left out: they stand for a repeated picture
    (Theora), a dropped one (AVI) or silence (DTX), and would end the decoding.
    """
    failures = 0
    while failures < give_up_after:
        try:
            for packet in container.demux(*streams):
                failures = 0
                if packet.size or _is_last(packet):
                    yield packet
            return
        except av.error.EOFError:
            return
        except IndexError:
            return  # streams appeared on the way, which PyAV does not know when it adds the last packets
        except av.error.FFmpegError:
            failures += 1


def _is_last(packet: AnyPacket) -> bool:
    """Return whether an empty packet is the one that PyAV adds at a stream's end, which has neither time nor place."""
    return packet.pts is None and packet.dts is None and packet.pos is None


def _limit_streams(container: InputContainer) -> None:
    """Raise UnsupportedRecording for more streams or larger pictures than can be processed; limit the decoders."""
    if len(container.streams) > MAX_STREAMS:
        raise UnsupportedRecording(
            f"The recording has {len(container.streams)} streams; at most {MAX_STREAMS} can be processed."
        )
    for stream in container.streams.video:
        # A stream with a codec that this FFmpeg does not know has no codec context, against the type stubs.
        if getattr(stream, "codec_context", None) is None:
            continue
        if stream.width * stream.height > MAX_PIXELS:
            raise UnsupportedRecording(
                f"The recording's picture has {stream.width} × {stream.height} pixels; at most "
                f"{MAX_PIXELS // 10**6} million can be processed."
            )
        stream.codec_context.options = dict(DECODER_OPTIONS)


def _refuse_further_files(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise UnsupportedRecording("The file refers to other files; only self-contained recordings can be processed.")


def _explain(head: bytes, err: Exception) -> NoReturn:
    """Raise DamagedRecording or NotMedia for FFmpeg's error `err`, judging by the file's first bytes, `head`."""
    if head[4:8] in _ISO_MEDIA_BOXES:
        raise DamagedRecording(
            "The file begins like an MP4 recording but its index is missing or broken: "
            "it was cut off, or the recording had not been finished."
        ) from err
    if head[:4] == b"\x1aE\xdf\xa3":
        raise DamagedRecording("The file begins like a Matroska or WebM recording but cannot be read.") from err
    raise NotMedia(f"The file is {_kind(head)}, not a sound or video recording that can be read.") from err


def _kind(head: bytes) -> str:
    for magic, kind in _OTHER_KINDS:
        if head.startswith(magic):
            return kind
    text = head.decode("utf-8", errors="ignore")
    if text.lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype html", "<html")):
        return "a web page"
    if len(text.encode()) >= len(head) - 3 and all(c.isprintable() or c in "\r\n\t\f" for c in text):
        return "text"
    return "of an unknown kind"
