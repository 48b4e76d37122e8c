"""Find the facts of a recording (container, picture, sound, clock) by reading a little of it.

Every file that is no usable recording ends here in an error of the project's tree, with a sentence for a person. Apart
from storage, jobs and the stages, which it knows nothing of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from shared.domain.errors import EmptyRecording, NoUsableStream
from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.aiff_length import find_short_aiff
from shared.media.container import HEADERLESS, open_container
from shared.media.corrected_file import ShortSound
from shared.media.probe.choose_tracks import choose_tracks
from shared.media.probe.stream_facts import describe, with_others
from shared.media.probe.stream_trial import StreamTrial, sort_out, try_decoding, unusable_picture
from shared.media.probe.xing import declared_frames
from shared.media.timeline.pieces import is_decodable, moving_pictures, sounds
from shared.media.timeline.truncation import length_warning
from shared.media.wav_length import find_short_wav

XING_SHARE = 0.02
"""FFmpeg's length of an MP3 differs from the declared one by the encoder's delays at most, unless it is a guess."""
MAX_PICTURES = 4
"""Most pictures of a recording that are considered."""
MAX_SOUNDS = 8
"""Most sounds of a recording that are considered."""
GUESSED = RecordingWarning(
    "duration_guessed",
    About.RECORDING,
    "The recording does not say how long it is; its length was guessed from its bit rate.",
)


def probe(source: BinaryIO, size_bytes: int, *, guess: bool = False, whole: bool = True) -> Recording:
    """Return the facts of the recording in `source` (seekable, `size_bytes` long) that its header declares.

    The length is 0 where no header declares it; `timeline.measure` finds the real one.

    Raise EmptyRecording, NotMedia, EncryptedRecording, NoUsableStream, DamagedRecording or UnsupportedRecording.

    Args:
        source: the file.
        size_bytes: its size.
        guess: if no header declares the length, take FFmpeg's guess from the bit rate, with a warning.
        whole: False if `source` ends before the recording does.
    """
    if size_bytes == 0:
        raise EmptyRecording("The file is empty (0 bytes).")
    with open_container(source) as container:
        candidates = [StreamTrial(stream) for stream in _candidates(container)]
        if not candidates:
            raise NoUsableStream(_nothing_usable(container))
        whole_read = try_decoding(container, candidates) and whole
        videos, audios = (_worth_choosing(candidates, kind) for kind in ("video", "audio"))
        length_sec = container.duration / av.time_base if whole and container.duration else None
        chosen = choose_tracks(source, videos, audios, length_sec)
        usable, warnings = sort_out([each for each in candidates if each.stream.index in chosen.used], whole_read)
        recording = describe(container, usable, size_bytes)
        unused = [each for each in candidates if each.frame is not None and each.stream.index not in chosen.used]
        recording = replace(with_others(recording, unused), choice=chosen.choice)
        warnings.extend(chosen.warnings)
    if recording.container in HEADERLESS and not _has_xing_header(recording, usable):
        if guess and recording.duration_sec > 0:
            warnings.append(GUESSED)
        else:
            recording = _without_length(recording)
    elif recording.container == "mp3":
        recording = _with_xing_length(source, recording)
    if recording.container == "wav" and whole:
        warnings.extend(_wav_cut_off(source, size_bytes))
        warnings.extend(_declared_short(find_short_wav(source)))
    if recording.container == "aiff" and whole:
        warnings.extend(_declared_short(find_short_aiff(source)))
    return replace(recording, warnings=tuple(warnings))


def _candidates(container: InputContainer) -> Iterator[Stream]:
    """Yield pictures, then sounds, as players prefer them: marked as default first, then the largest."""
    videos, audios = list(moving_pictures(container)), list(sounds(container))
    videos.sort(key=lambda s: (not s.disposition & Disposition.default, -s.width * s.height, s.index))
    audios.sort(key=lambda s: (not s.disposition & Disposition.default, -s.channels, s.index))
    yield from videos[:MAX_PICTURES]
    yield from audios[:MAX_SOUNDS]


def _worth_choosing(trials: Sequence[StreamTrial], kind: str) -> list[int]:
    """Return the stream indexes of this kind that can be used; of none, the one that players prefer."""
    those = [trial for trial in trials if trial.stream.type == kind]
    usable = [
        trial
        for trial in those
        if isinstance(trial.frame, av.AudioFrame)
        or (isinstance(trial.frame, av.VideoFrame) and not unusable_picture(trial.frame, trial.stream))
    ]
    return [trial.stream.index for trial in usable or those[:1]]


def _nothing_usable(container: InputContainer) -> str:
    """Return the sentence that explains why the container has no usable stream."""
    kinds = sorted({stream.type for stream in container.streams})
    if not kinds:
        return "The file has no streams: neither sound nor picture."
    if any(not is_decodable(s) for s in container.streams if s.type in ("video", "audio")):
        return "The recording's sound and picture are in a coding that is not supported."
    if kinds == ["video"]:
        return "The file has only still pictures (cover art): neither sound nor moving picture."
    return f"The file has neither sound nor picture, only: {', '.join(kinds)}."


def _has_xing_header(recording: Recording, usable: Sequence[StreamTrial]) -> bool:
    # FFmpeg knows an MP3's start (the encoder's delay) only from that header, which also has the exact length.
    return recording.container == "mp3" and bool(usable[0].stream.start_time)


def _with_xing_length(source: BinaryIO, recording: Recording) -> Recording:
    """Return an MP3 with the length that its header declares, where FFmpeg guessed another one."""
    audio, frames = recording.audio, declared_frames(source)
    if audio is None or not frames:
        return recording
    declared_sec = frames * (1152 if audio.sample_rate >= 32_000 else 576) / audio.sample_rate
    if abs(declared_sec - recording.duration_sec) <= XING_SHARE * declared_sec:
        return recording
    return replace(recording, duration_sec=declared_sec, audio=replace(audio, duration_sec=declared_sec))


def _declared_short(short: ShortSound | None) -> list[RecordingWarning]:
    """Return a warning if a file holds more sound than its header declares; all of it is read."""
    return [] if short is None else length_warning(short.declared_sec, short.actual_sec, joined=False)


def _without_length(recording: Recording) -> Recording:
    """Return the recording without the length that FFmpeg guessed from its bit rate."""
    audio = recording.audio
    return replace(recording, duration_sec=0.0, audio=None if audio is None else replace(audio, duration_sec=0.0))


def _wav_cut_off(source: BinaryIO, size_bytes: int) -> Iterator[RecordingWarning]:
    """Yield a warning if the WAV's header declares more bytes than the file has; streams declare 0 or -1.

    FFmpeg trims the length of a cut WAV to the file's size, so the header is read here.
    """
    source.seek(0)
    announced = int.from_bytes(source.read(8)[4:8], "little") + 8
    if 0xFFFFFF00 > announced > 8 and size_bytes < 0.98 * announced:
        text = f"The recording is cut off: it declares {announced} bytes but the file has only {size_bytes}."
        yield RecordingWarning("recording_cut_off", About.RECORDING, text)
