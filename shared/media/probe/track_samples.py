"""Sample several tracks of a recording: how much speech each sound has, and how much moves in each picture.

Reads a few short windows by seeking, never the whole file. Apart from `choose_tracks.py`, which decides.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import av
import av.error
import cv2
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.stream import Stream
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.media.audio.clock import SAMPLE_RATE
from shared.media.audio.voice import WINDOW, VoiceModel
from shared.media.container import AnyPacket, demux_past_damage, open_container

WINDOWS = 8
"""Windows, spread evenly over the recording."""
WINDOW_SEC = 4.0
"""Most of each track that is decoded in a window."""
PICTURE_SEC = 1.5
"""Most of each picture that is decoded in a window: long enough for a person to move."""
WINDOW_BYTES = 1024**2
"""Most of the file that is read in a window; a probe may read 32 MiB in all."""
HEAD_BYTES = 3 * 1024**2
"""The same, where only the beginning can be read."""
WINDOW_PACKETS = 3000
SPEECH = 0.5
"""Probability from which a window of the voice model counts as speech."""

_SMALL_PX = (160, 90)
_CELLS = (16, 9)
_MOVED_STEPS = 3.0
"""Mean difference of brightness (0 to 255) from which a cell has moved; noise and coding stay below."""
_MOST_MOVED = 0.25
"""A window counts no more than this share of moved cells: a new slide changes all of them, once."""
_QUIET_SHARE = 20
"""Percentile of the levels that stands for the sound between words."""
_SILENT_DB = -96.0


@dataclass(slots=True)
class SoundSample:
    """The sound of a track in the windows: one value for each 32 ms."""

    voices: list[float] = field(default_factory=list)
    """Probability of speech."""
    powers: list[float] = field(default_factory=list)
    """Mean square, of samples between -1 and 1."""

    @property
    def speech_share(self) -> float:
        """Return the share of the samples with speech."""
        return sum(each >= SPEECH for each in self.voices) / max(1, len(self.voices))

    @property
    def level_db(self) -> float:
        """Return the level relative to full scale."""
        return _decibel(float(np.mean(self.powers))) if self.powers else _SILENT_DB

    @property
    def clarity_db(self) -> float:
        """Return by how much speech is louder than what is heard between the words."""
        speech = [power for power, voice in zip(self.powers, self.voices, strict=True) if voice >= SPEECH]
        if not speech:
            return 0.0
        return _decibel(float(np.mean(speech))) - _decibel(float(np.percentile(self.powers, _QUIET_SHARE)))


@dataclass(slots=True)
class PictureSample:
    """The picture of a track in the windows."""

    moved: list[float] = field(default_factory=list)
    """Share of cells that moved, by window."""

    @property
    def activity(self) -> float:
        """Return the mean share of the picture that moves."""
        return sum(min(each, _MOST_MOVED) for each in self.moved) / max(1, len(self.moved))


def sample_tracks(
    source: BinaryIO, audios: Sequence[int], videos: Sequence[int], duration_sec: float | None
) -> tuple[Mapping[int, SoundSample], Mapping[int, PictureSample]]:
    """Return what the tracks with these stream indexes contain.

    Args:
        source: the recording (seekable).
        audios: the sounds to sample.
        videos: the pictures to sample.
        duration_sec: the length that windows are spread over; None to read the beginning only.
    """
    sounds = {index: SoundSample() for index in audios}
    pictures = {index: PictureSample() for index in videos}
    with open_container(source) as container:
        streams = [container.streams[index] for index in (*audios, *videos)]
        for index in videos:
            container.streams[index].codec_context.skip_frame = "NONREF"
        if duration_sec is None:
            _sample_window(container, streams, sounds, pictures, HEAD_BYTES)
            return sounds, pictures
        for number in range(WINDOWS):
            if _seek(container, streams[0], duration_sec * (number + 0.5) / WINDOWS):
                _sample_window(container, streams, sounds, pictures, WINDOW_BYTES)
    return sounds, pictures


def _seek(container: InputContainer, stream: Stream, after_sec: float) -> bool:
    """Seek to a time after the stream's beginning, and return whether that worked."""
    if stream.time_base is None:
        return False
    try:
        container.seek((stream.start_time or 0) + round(after_sec / stream.time_base), stream=stream)
    except (av.error.FFmpegError, OverflowError):
        return False
    return True


def _sample_window(
    container: InputContainer,
    streams: Sequence[Stream],
    sounds: Mapping[int, SoundSample],
    pictures: Mapping[int, PictureSample],
    max_bytes: int,
) -> None:
    """Decode the streams from where the container stands, and add what they contain."""
    heard: dict[int, list[av.AudioFrame]] = {index: [] for index in sounds}
    seen: dict[int, list[NDArray[np.uint8]]] = {index: [] for index in pictures}
    for packet in _packets(container, streams, max_bytes):
        for frame in _decoded(packet):
            if isinstance(frame, av.AudioFrame):
                heard[packet.stream_index].append(frame)
            elif isinstance(frame, av.VideoFrame):
                small = frame.reformat(*_SMALL_PX, "gray", interpolation="AREA").to_ndarray()
                seen[packet.stream_index][1:] = [small.astype(np.uint8, copy=False)]  # the first and the latest
    for index, frames in heard.items():
        _hear(sounds[index], _mono(frames))
    for index, ends in seen.items():
        if len(ends) == 2:
            difference = cv2.absdiff(ends[0], ends[1]).astype(np.float32)
            cells = cv2.resize(difference, _CELLS, interpolation=cv2.INTER_AREA)
            pictures[index].moved.append(float(np.mean(cells > _MOVED_STEPS)))


def _packets(container: InputContainer, streams: Sequence[Stream], max_bytes: int) -> Iterator[AnyPacket]:
    """Yield packets until each stream has given its share, or enough was read."""
    begun_at: dict[int, float] = {}
    missing = {stream.index for stream in streams}
    first_byte: int | None = None
    for count, packet in enumerate(demux_past_damage(container, *streams)):
        if not packet.size or not missing or count > WINDOW_PACKETS:
            return
        if packet.pos is not None:
            first_byte = packet.pos if first_byte is None else first_byte
            if abs(packet.pos - first_byte) > max_bytes:
                return
        ticks = packet.dts if packet.dts is not None else packet.pts
        if ticks is None or packet.time_base is None or packet.stream_index not in missing:
            continue
        time_sec = float(ticks * packet.time_base)
        most_sec = PICTURE_SEC if packet.stream.type == "video" else WINDOW_SEC
        if time_sec - begun_at.setdefault(packet.stream_index, time_sec) > most_sec:
            missing.discard(packet.stream_index)
            continue
        yield packet


def _decoded(packet: AnyPacket) -> Iterable[Any]:
    try:
        return packet.decode()
    except av.error.FFmpegError:
        return ()


def _mono(frames: Sequence[av.AudioFrame]) -> NDArray[np.float32]:
    """Return the frames as samples at 16 kHz; nothing for sound that cannot be resampled."""
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    pieces: list[NDArray[Any]] = []
    try:
        for frame in frames:
            frame.pts = None
            pieces += [each.to_ndarray()[0] for each in resampler.resample(frame)]
    except (av.error.FFmpegError, ValueError):  # the form changes in the middle
        pieces = pieces[:-1]
    if not pieces:
        return np.zeros(0, np.float32)
    return np.concatenate(pieces).astype(np.float32) / np.float32(32768)


def _hear(sample: SoundSample, samples: NDArray[np.float32]) -> None:
    """Add the sound of a window."""
    whole = samples[: len(samples) // WINDOW * WINDOW]
    if not len(whole):
        return
    sample.powers += np.mean(np.square(whole.reshape(-1, WINDOW)), axis=1).tolist()
    try:
        sample.voices += VoiceModel().hear(whole).tolist()
    except EngineUnavailable:  # the levels have to do
        sample.voices += [0.0] * (len(whole) // WINDOW)


def _decibel(power: float) -> float:
    return max(_SILENT_DB, 10 * math.log10(max(power, 1e-12)))
