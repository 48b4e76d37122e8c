"""Decode a recording's sound to PCM (s16le), 16 kHz mono unless another form is wanted, in a stream of small blocks.

Sample i is the sound at t = i / rate on the recording's clock, in spite of gaps, offsets and overlaps in the file.
The module is independent of the samples' destination.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

import av
import av.error
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler

from shared.domain.errors import NoUsableStream, RecordingTooLong, UnsupportedRecording
from shared.domain.recording import AudioStream, Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.audio.clock import SAMPLE_RATE, AudioClock
from shared.media.audio.gaps import JOINT_SLACK_SEC, gap_warnings
from shared.media.audio.level_meter import LevelMeter
from shared.media.audio.mono import MonoMix
from shared.media.container import HEADERLESS, AnyPacket
from shared.media.limits import MAX_SOUND_FRAME_SEC, MAX_SOUND_SEC
from shared.media.timeline.measure import apply_walk
from shared.media.timeline.walk import Walk

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class SoundForm:
    """The form of decoded sound."""

    rate_hz: int = SAMPLE_RATE
    channels: int = 1
    """1: mixed so that speech on either channel is heard; 2: as it is."""

    @property
    def sample_bytes(self) -> int:
        """Return the bytes of one sample of all channels."""
        return BYTES_PER_SAMPLE * self.channels

    @property
    def block_bytes(self) -> int:
        """Return the bytes of one second, which is a block: small in memory, large enough for the writer."""
        return self.rate_hz * self.sample_bytes


FOR_SPEECH = SoundForm()
"""What speech engines take."""

_BATCH_SEC = 1.0
"""Sound that is resampled and mixed at once: frames of a few milliseconds cost more calls than work."""

_TAGS = (b"ID3", b"TAG", b"APE")
"""How the tags begin that stand between joined MP3 files; FFmpeg takes them for sound."""


class AudioDecoder:
    """The sound of `recording` as an iterable of PCM blocks, for one iteration.

    The counts, properties and warnings are final when the iteration has ended. `report` is called with the fraction
    done (0 to 1), many times in a second of work. An exception of `report` stops the work. Exceptions of `source` pass
    through. `meter`, which takes sound `FOR_SPEECH` only, has heard all of it when the iteration has ended.

    Raises:
        NoUsableStream: The recording has no sound.
        RecordingTooLong: The decoded sound is longer than `max_sec`, in spite of the declared length.
        UnsupportedRecording: The sound comes in pieces that are too long, or it cannot be resampled.
    """

    def __init__(
        self,
        source: BinaryIO,
        recording: Recording,
        report: Callable[[float], None],
        max_sec: float = MAX_SOUND_SEC,
        form: SoundForm = FOR_SPEECH,
        meter: LevelMeter | None = None,
    ) -> None:
        if recording.audio is None:
            raise NoUsableStream("The recording has no sound.")
        self._recording = recording
        self._form = form
        self._stream: AudioStream = recording.audio
        # All streams are read, not only the sound, so that progress is reported in long stretches without sound, and
        # the picture is measured as well.
        self._walk = Walk(source, recording, report)
        self._shift_sec = 0.0
        self._at_joint = False
        self._max_sec = min(max_sec, MAX_SOUND_SEC)
        self._clock = AudioClock(recording.duration_sec, form.rate_hz)
        self._resampler: AudioResampler | None = None
        self._batch = AudioFifo()
        self._mix: MonoMix | None = None
        self._input: tuple[object, ...] = ()
        self._out = bytearray()
        self._drop_bytes = 0
        self._times_hold = True
        self.samples = 0
        """Samples produced, silence included."""
        self.silent_samples = 0
        """Of `samples`, those of silence inserted for gaps and for a late beginning."""
        self.lost_samples = 0
        """Of `silent_samples`, those inserted for gaps in the middle."""
        self.damaged_packets = 0
        """Packets left out because they could not be decoded."""
        self._meter = meter

    @property
    def end_sec(self) -> float:
        """Return the time at which the sound ends on the recording's clock."""
        return self.samples / self._form.rate_hz

    @property
    def decoded_sec(self) -> float:
        """Return the length of the decoded sound, without the inserted silence."""
        return (self.samples - self.silent_samples) / self._form.rate_hz

    @property
    def silence_sec(self) -> float:
        """Return the length of the silence inserted for gaps and for a late beginning."""
        return self.silent_samples / self._form.rate_hz

    @property
    def warnings(self) -> list[RecordingWarning]:
        """Return the warnings about damage and gaps in the sound; `measured` warns about files that were cut off."""
        warnings = []
        if self.damaged_packets:
            places = "1 place" if self.damaged_packets == 1 else f"{self.damaged_packets} places"
            text = f"The sound is damaged in {places}; what could not be decoded was left out."
            warnings.append(RecordingWarning("sound_damaged", About.SOUND, text))
        return [*warnings, *gap_warnings(self.lost_samples / self._form.rate_hz)]

    def measured(self) -> Recording:
        """Return the recording with its measured length and pieces, when the iteration has ended.

        Raise DamagedRecording if nothing of it could be read.
        """
        recording = replace(self._recording, warnings=(*self._recording.warnings, *self.warnings))
        return apply_walk(recording, self._walk, self.end_sec)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._walk:
            stream = piece.audio
            if stream is None:
                if not self._walk.pieces and self._stream.start_sec == 0.0:
                    raise NoUsableStream("The recording's sound is no longer where it was.")
                continue
            if stream.codec_context.name == "flac":
                # FLAC carries checksums; without this option FFmpeg returns damaged blocks as noise.
                stream.codec_context.options = {"err_detect": "crccheck+explode"}
            self._shift_sec, self._at_joint = piece.shift_sec, bool(self._walk.pieces)
            for packet in chain(piece.packets, [None]):
                if packet is not None and packet.stream_index != stream.index:
                    continue
                for frame in self._decode(stream, packet):
                    yield from self._place(frame)
        self._flush_resampler()
        # At a few hertz the resampler's filter returns nothing for short sounds; silence fills their time.
        yield from self._silence(round(self._clock.end_sec * self._form.rate_hz) - self.samples)
        if self._out:
            yield self._heard(bytes(self._out))
            self._out.clear()

    def _decode(self, stream: av.AudioStream, packet: AnyPacket | None) -> list[av.AudioFrame]:
        """Return the frames of a packet, or with None those that the decoder still holds."""
        try:
            return stream.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self.damaged_packets += packet is None or bytes(packet)[:3] not in _TAGS
            return []

    def _place(self, frame: av.AudioFrame) -> Iterator[bytes]:
        """Put `frame` in its place on the clock and yield the blocks that are full with it."""
        if frame.samples == 0 or frame.sample_rate <= 0:
            return
        time_sec: float | None = None
        # Without a header the times are only the sum of the packets' lengths, at the first packet's rate.
        self._times_hold &= self._recording.container not in HEADERLESS or frame.sample_rate == self._stream.sample_rate
        if self._times_hold and frame.pts is not None and frame.time_base is not None:
            time_sec = frame.pts * frame.time_base.numerator / frame.time_base.denominator + self._shift_sec
        length_sec = frame.samples / frame.sample_rate
        if length_sec > MAX_SOUND_FRAME_SEC:
            raise UnsupportedRecording(
                f"The recording's sound comes in pieces of {length_sec:.0f} s; that is no sound."
            )
        placement = self._clock.place(time_sec, length_sec)
        if self._clock.end_sec > self._max_sec:
            raise RecordingTooLong(
                f"The recording's sound goes on for longer than the {self._max_sec / 60:.0f} minutes that are accepted."
            )
        described = (frame.sample_rate, frame.format.name, frame.layout.name, frame.time_base)
        if placement.new_run or described != self._input:
            yield from self._begin_run(placement.start_sample, channels=frame.layout.nb_channels)
            self._input = described
        frame.pts = None  # the clock has placed it; the resampler must not stretch or cut it
        if self._gather(frame) >= _BATCH_SEC * frame.sample_rate:
            self._take(self._resample_batch())
            yield from self._full_blocks()

    def _begin_run(self, start_sample: int, *, channels: int) -> Iterator[bytes]:
        self._flush_resampler()
        missing = start_sample - self.samples
        counted = self._recording.container not in HEADERLESS  # there a frame without sound may be a header
        if counted and self.samples and not (self._at_joint and missing <= JOINT_SLACK_SEC * self._form.rate_hz):
            self.lost_samples += max(0, missing)
        self._at_joint = False
        yield from self._silence(missing)
        self._drop_bytes = max(0, -missing) * self._form.sample_bytes
        self._batch = AudioFifo()  # a batch has one format
        mixes = channels == 2 and self._form.channels == 1
        self._mix = MonoMix(self._form.rate_hz) if mixes else None
        layout = "stereo" if mixes or self._form.channels == 2 else "mono"
        self._resampler = AudioResampler(format="s16", layout=layout, rate=self._form.rate_hz)

    def _silence(self, samples: int) -> Iterator[bytes]:
        """Add `samples` samples of silence and yield the full blocks, one at a time, as a gap may last hours."""
        while samples > 0:
            some = min(samples, self._form.rate_hz)
            samples -= some
            self.samples += some
            self.silent_samples += some
            self._out.extend(bytes(some * self._form.sample_bytes))
            yield from self._full_blocks()

    def _flush_resampler(self) -> None:
        self._take(self._resample_batch())
        if self._resampler is not None:
            # The resampler returns [None] if it had nothing to convert (16 kHz mono s16 already).
            self._take([frame for frame in self._resampler.resample(None) if frame is not None])
        self._resampler = None

    def _gather(self, frame: av.AudioFrame) -> int:
        """Add the frame to the batch; return how many samples it has now."""
        try:
            self._batch.write(frame)
        except (av.error.FFmpegError, ValueError) as err:
            self._leave_out(frame, err)
        return self._batch.samples

    def _resample_batch(self) -> list[av.AudioFrame]:
        """Return the sound that the resampler makes of the batch, which is empty afterwards."""
        frame = self._batch.read()
        if frame is None or self._resampler is None:
            return []
        frame.pts = None
        if self._meter is not None:
            self._meter.hear_channels(frame, self.end_sec)
        try:
            return self._resampler.resample(frame)
        except av.error.FFmpegError as err:
            self._leave_out(frame, err)
            return []

    def _leave_out(self, frame: av.AudioFrame, err: Exception) -> None:
        """Count sound that cannot be used as damage, so that its time on the clock stays silent; raise
        UnsupportedRecording if none could be used before."""
        if self.samples == self.silent_samples:
            form = f"{frame.layout.nb_channels} channels at {frame.sample_rate} Hz"
            raise UnsupportedRecording(f"The recording's sound, {form}, cannot be used.") from err
        self.damaged_packets += 1
        self._batch, self._resampler, self._input = AudioFifo(), None, ()

    def _take(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            data = self._pcm(frame)
            dropped = min(self._drop_bytes, len(data))
            self._drop_bytes -= dropped
            self._out.extend(data[dropped:])
            self.samples += (len(data) - dropped) // self._form.sample_bytes

    def _pcm(self, frame: av.AudioFrame) -> bytes:
        if self._mix is None:
            return bytes(frame.planes[0])[: frame.samples * self._form.sample_bytes]
        both = np.frombuffer(bytes(frame.planes[0]), dtype="<i2", count=frame.samples * 2)
        return self._mix.mix(both.reshape(-1, 2)).tobytes()

    def _full_blocks(self) -> Iterator[bytes]:
        size = self._form.block_bytes
        whole = len(self._out) // size * size
        for start in range(0, whole, size):
            yield self._heard(bytes(self._out[start : start + size]))
        del self._out[:whole]

    def _heard(self, block: bytes) -> bytes:
        """Measure the levels of the block, if they are wanted, and return it."""
        if self._meter is not None:
            self._meter.hear(block)
        return block


def wav_header(samples: int) -> bytes:
    """Return the 44-byte header of a WAV file (RIFF, PCM format 1) with `samples` samples of 16 kHz mono s16le.

    Raise ValueError if a WAV file cannot hold that many samples.
    """
    data_bytes = samples * BYTES_PER_SAMPLE
    if samples < 0 or data_bytes + 36 > 0xFFFFFFFF:
        raise ValueError(f"a WAV file holds 0 to {(0xFFFFFFFF - 36) // BYTES_PER_SAMPLE} samples, not {samples}")
    return b"".join(
        (
            b"RIFF" + (data_bytes + 36).to_bytes(4, "little") + b"WAVE",
            b"fmt " + (16).to_bytes(4, "little"),
            (1).to_bytes(2, "little") + (1).to_bytes(2, "little"),
            SAMPLE_RATE.to_bytes(4, "little") + (SAMPLE_RATE * BYTES_PER_SAMPLE).to_bytes(4, "little"),
            BYTES_PER_SAMPLE.to_bytes(2, "little") + (16).to_bytes(2, "little"),
            b"data" + data_bytes.to_bytes(4, "little"),
        )
    )
