"""Make up recordings that have one thing wrong with them, and healthy ones, of the example lecture and real speech.

Each is 40 s long and small: the lecture's picture at 320 by 180, five pictures a second. Real speech comes from
`../shared/data/speech` where it is there, else everything is said by the example's voice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks._espeak import Espeak
from benchmarks._slide_lectures import SAMPLE_FPS, Lecture

Picture = NDArray[np.uint8]
Sound = NDArray[np.float32]
"""(channels, samples) at `RATE`."""

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "lecture.mp4"
SPEECH = Path(__file__).resolve().parents[2] / "shared" / "data" / "speech"
RATE = 48_000
FPS = 5
SIZE = (320, 180)
SECONDS = 40.0
_SEED = 14
GERMAN = "Guten Morgen zusammen. Heute sprechen wir über Flüsse und über die Täler, die sie in Jahrtausenden formen. "
FRENCH = "Bonjour à tous. Aujourd'hui nous parlons des rivières et des vallées qu'elles creusent depuis des siècles. "


@dataclass(frozen=True, slots=True)
class Made:
    """A recording to make."""

    name: str
    expected: frozenset[str]
    """Codes of the reasons that have to be named; none for a healthy recording, of which nothing may be said."""
    sound: Callable[[], Sound | None]
    """Returns the sound; None for a recording without one."""
    picture: Callable[[], list[Picture]] | None
    """Returns the pictures at `FPS`; None for a recording without any."""
    language: str | None = None
    """The language that the client gives."""


def write(made: Made, path: Path) -> None:
    """Write the recording as MP4: H.264 and AAC."""
    pictures, sound = made.picture() if made.picture is not None else [], made.sound()
    if sound is not None:  # the picture ends with the sound
        pictures = pictures[: int(np.ceil(sound.shape[1] / RATE * FPS))]
    with av.open(str(path), "w") as container:
        video = audio = None
        if pictures:
            video = container.add_stream("libx264", rate=FPS, options={"crf": "23", "preset": "veryfast", "g": "25"})
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = "yuv420p"
        if sound is not None:
            audio = container.add_stream("aac", rate=RATE)
            audio.layout = "stereo" if len(sound) == 2 else "mono"
        for number, picture in enumerate(pictures):
            assert video is not None
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        if video is not None:
            container.mux(video.encode(None))
        if audio is not None and sound is not None:
            for at in range(0, sound.shape[1], 1024):
                piece = np.ascontiguousarray(np.clip(sound[:, at : at + 1024], -1, 1))
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=audio.layout.name)
                frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


def recordings() -> Iterator[Made]:
    """Yield all recordings: those with a fault, then the healthy ones. Raises OSError without espeak-ng."""
    yield from _faulty_sound()
    yield from _faulty_picture()
    yield from _faulty_talk()
    yield from _healthy()


def _faulty_sound() -> Iterator[Made]:
    def faulty(name: str, code: str, sound: Callable[[], Sound | None], *more: str) -> Made:
        return Made(name, frozenset({code, *more}), sound, lecture)

    yield faulty("no stream of sound", "no_sound", lambda: None)
    yield faulty("digital silence", "no_sound", lambda: voice(0) * 0)
    yield faulty("muted in the middle", "sound_muted", lambda: _muted(voice(1), 12, 25))
    yield faulty("muted from a time on", "sound_muted", lambda: _muted(voice(2), 28, SECONDS))
    yield faulty("hiss", "sound_noise_only", lambda: _noise(-42)[None])
    yield faulty("hum", "sound_noise_only", lambda: _hum()[None])
    yield faulty("clipped by 20 dB", "sound_clipped", lambda: np.clip(voice(1) * 10, -1, 1))
    yield faulty("clipped by 12 dB", "sound_clipped", lambda: np.clip(_normalised(voice(3)) * 4, -1, 1))
    yield faulty("left channel dead", "channel_dead", lambda: _two(voice(0) * 0, voice(0)))
    yield faulty("right channel dead for a time", "channel_dead", lambda: _two(voice(1), _muted(voice(1), 10, 32)))
    yield faulty("too quiet", "sound_quiet", lambda: voice(1) * 0.02 + _noise(-75))
    yield faulty("much too quiet", "sound_quiet", lambda: voice(2) * 0.012 + _noise(-78))
    yield faulty("echo of 0.9 s", "far_microphone", lambda: _far(voice(1), 0.9, -6) + _noise(-55))
    yield faulty("echo of 1.2 s", "far_microphone", lambda: _far(voice(4), 1.2, -10) + _noise(-50))


def _faulty_picture() -> Iterator[Made]:
    def faulty(name: str, code: str, picture: Callable[[], list[Picture]], *more: str) -> Made:
        return Made(name, frozenset({code, *more}), lambda: voice(1), picture)

    yield faulty("an empty room", "nobody_in_picture", _empty_room)
    yield faulty("a bright empty room", "nobody_in_picture", lambda: [_brighter(each, 30) for each in _empty_room()])
    yield faulty("black", "picture_black", lambda: [each * 0 for each in lecture()])
    yield faulty("black from a time on", "picture_black", lambda: _from(lecture(), 24, lambda each: each * 0))
    yield faulty("frozen from a time on", "picture_frozen", lambda: _frozen(lecture(), 17))
    yield faulty("frozen all the time", "picture_frozen", lambda: _frozen(_without_screen(lecture()), 12, from_sec=0))
    yield faulty("frozen from the start before a slide", "picture_frozen", lambda: _frozen(lecture(), 12, from_sec=0))
    yield faulty("out of focus", "picture_unfocused", lambda: [_blurred(each) for each in lecture()])
    yield faulty("out of focus from a time on", "picture_unfocused", lambda: _from(lecture(), 16, _blurred))
    yield faulty("covered", "picture_covered", lambda: [_covered(number) for number in range(int(SECONDS * FPS))])
    yield faulty("covered from a time on", "picture_covered", lambda: _from(lecture(), 20, lambda _: _covered(1)))


def _faulty_talk() -> Iterator[Made]:
    yield Made("stopped in a word", frozenset({"stopped_mid_sentence"}), lambda: _stopped(voice(1)), lecture)
    yield Made("stopped in another word", frozenset({"stopped_mid_sentence"}), lambda: _stopped(voice(4)), lecture)
    yield Made("begun long before", frozenset({"begun_early"}), lambda: _moved(voice(3), 24), lecture)
    yield Made("begun still longer before", frozenset({"begun_early"}), lambda: _moved(voice(2), 25), lecture)
    yield Made("goes on long after", frozenset({"ended_late"}), lambda: _cut(voice(3), 15), lecture)
    yield Made("goes on still longer after", frozenset({"ended_late"}), lambda: _cut(voice(5), 13), lecture)
    espeak = Espeak()
    for name, text, language in (("German", GERMAN, "de"), ("French", FRENCH, "fr")):
        sound = _spoken(espeak, text * 4, language)
        yield Made(name, frozenset({"language_unsure"}), lambda sound=sound: sound, lecture)  # type: ignore[misc]
    for name, text in (("hums", "hm hm hm hm hm hm. "), ("calls", "aaah. aaah. oooh. ")):
        sound = _spoken(espeak, text * 8, "en", again_to_sec=30.0)
        yield Made(name, frozenset({"transcript_thin"}), lambda sound=sound: sound, lecture, "en")  # type: ignore[misc]


def _spoken(espeak: Espeak, text: str, language: str, again_to_sec: float | None = None) -> Sound:
    """Return a text that is read by a synthetic voice, once or over and over until this time."""
    said = np.repeat(espeak.say(text, language).samples.astype(np.float32) / 32768, RATE // 16_000)
    return _padded(said if again_to_sec is None else np.resize(said, int(again_to_sec * RATE)))[None]


def _healthy() -> Iterator[Made]:
    def healthy(name: str, sound: Callable[[], Sound | None], picture: Callable[[], list[Picture]] | None) -> Made:
        return Made(name, frozenset(), sound, picture)

    for number in range(7):
        yield healthy(f"voice {number}", lambda number=number: voice(number), lecture)  # type: ignore[misc]
    yield healthy("sound alone", lambda: voice(1), None)
    yield healthy("sound alone, two channels", lambda: _two(voice(2), voice(2) * 0.5), None)
    yield healthy("a small room", lambda: _far(voice(1), 0.45, 0), lecture)
    yield healthy("a fan", lambda: voice(3) + _noise(-48), lecture)
    yield healthy("normalised", lambda: _normalised(voice(5)), lecture)
    yield healthy("a quiet voice", lambda: voice(1) * 0.25, lecture)
    yield healthy("a screencast", lambda: voice(2), lambda: _screencast(3))
    yield healthy("a screencast of two slides", lambda: voice(3), lambda: _screencast(4, hold=3.0))
    yield healthy("a pause of six seconds", lambda: _muted(voice(4), 20, 26), lecture)


@cache
def _example() -> tuple[list[Picture], Sound]:
    """Return the example's pictures at `FPS`, and its sound."""
    pictures: list[Picture] = []
    pieces: list[Sound] = []
    with av.open(str(EXAMPLE)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.AudioFrame):
                pieces += [each.to_ndarray() for each in resampler.resample(frame)]
            elif frame.time is not None and frame.time >= len(pictures) / FPS:
                bgr = frame.to_ndarray(format="bgr24")
                pictures.append(np.asarray(cv2.resize(bgr, SIZE, interpolation=cv2.INTER_AREA), np.uint8))
    return pictures, np.concatenate(pieces, axis=1).astype(np.float32)


def lecture() -> list[Picture]:
    """Return the pictures of a lecturer who is there from the beginning to the end."""
    pictures, grain = _example()[0][4 * FPS :], np.random.default_rng(_SEED)
    made = pictures[: int(SECONDS * FPS)]
    return [np.clip(each + grain.normal(0, 2, each.shape), 0, 255).astype(np.uint8) for each in made]


def voice(number: int) -> Sound:
    """Return half a minute of speech, mono, with silence around it."""
    files = sorted(SPEECH.glob("*.flac"))
    if not files:
        return _padded(_example()[1][0, int((4 + number) * RATE) : int((34 + number) * RATE)])[None]
    return _padded(_real(files[number % len(files)]))[None]


@cache
def _real(path: Path) -> Sound:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        said = np.concatenate([each.to_ndarray()[0] for each in [*frames, *resampler.resample(None)]])
    times = int(np.ceil(30 * RATE / (len(said) + RATE / 2)))
    pause = said[: RATE // 2] * 0
    return _until_pause(np.concatenate([np.concatenate([said, pause]) for _ in range(times)]).astype(np.float32))


def _until_pause(said: Sound) -> Sound:
    """Return the speech until its quietest moment between 30 and 36 s."""
    around = np.square(said[30 * RATE : 36 * RATE])
    if len(around) < RATE // 2:
        return said
    quiet = np.convolve(around, np.ones(RATE // 4), "valid")
    return said[: 30 * RATE + int(np.argmin(quiet)) + RATE // 8]


def _padded(said: Sound) -> Sound:
    """Return the speech in a recording of `SECONDS`: a second before it, three and more after it."""
    background = np.random.default_rng(_SEED).normal(0, 10 ** (-62 / 20), int(SECONDS * RATE))
    background[RATE : RATE + len(said)] += said
    return background.astype(np.float32)


def _noise(level_db: float) -> Sound:
    random = np.random.default_rng(_SEED)
    return random.normal(0, 10 ** (level_db / 20), int(SECONDS * RATE)).astype(np.float32)


def _hum() -> Sound:
    time = np.arange(int(SECONDS * RATE)) / RATE
    waves = sum(np.sin(2 * np.pi * 50 * order * time) / order for order in range(1, 6))
    return (0.03 * np.asarray(waves)).astype(np.float32)


def _muted(sound: Sound, start_sec: float, end_sec: float) -> Sound:
    made = sound.copy()
    made[:, int(start_sec * RATE) : int(end_sec * RATE)] = 0
    return made


def _cut(sound: Sound, end_sec: float) -> Sound:
    """Return the sound with noise alone after a time."""
    made = sound.copy()
    at = int(end_sec * RATE)
    made[:, at:] = np.random.default_rng(_SEED).normal(0, 10 ** (-62 / 20), made[:, at:].shape)
    fade = np.linspace(1, 0, RATE // 10)
    made[:, at - len(fade) : at] *= fade
    return made


def _moved(sound: Sound, by_sec: float) -> Sound:
    """Return the sound behind so much noise, as long as before."""
    silence = np.random.default_rng(_SEED).normal(0, 10 ** (-62 / 20), (1, int(by_sec * RATE))).astype(np.float32)
    return _cut(np.concatenate([silence, sound], axis=1)[:, : sound.shape[1]], sound.shape[1] / RATE - 2.0)


def _stopped(sound: Sound) -> Sound:
    """Return the sound until the loudest moment after 25 s."""
    at = 25 * RATE
    loud = np.convolve(np.square(sound[0, at : at + 5 * RATE]), np.ones(RATE // 10), "same")
    return sound[:, : at + int(np.argmax(loud))]


def _normalised(sound: Sound) -> Sound:
    return sound / np.abs(sound).max()


def _two(left: Sound, right: Sound) -> Sound:
    return np.concatenate([left, right])


def _far(sound: Sound, echo_sec: float, direct_db: float) -> Sound:
    """Return the sound in a room whose echo falls by 60 dB in `echo_sec`; `direct_db` is the voice over the echo."""
    count = int(echo_sec * RATE)
    tail = np.random.default_rng(_SEED).standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.square(tail).sum())
    tail[0] += 1
    size = 1 << (sound.shape[1] + count).bit_length()
    made = np.fft.irfft(np.fft.rfft(sound[0], size) * np.fft.rfft(tail, size), size)[: sound.shape[1]]
    return (0.5 * made / np.abs(made).max()).astype(np.float32)[None]


def _empty_room() -> list[Picture]:
    """Return the room before the lecturer comes, with a camera's noise."""
    grain = np.random.default_rng(_SEED)
    room = _example()[0][0]
    return [np.clip(room + grain.normal(0, 3, room.shape), 0, 255).astype(np.uint8) for _ in range(int(SECONDS * FPS))]


def _brighter(picture: Picture, steps: int) -> Picture:
    return np.clip(picture.astype(np.int16) + steps, 0, 255).astype(np.uint8)


def _blurred(picture: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.5), np.uint8)


def _from(pictures: list[Picture], at_sec: float, change: Callable[[Picture], Picture]) -> list[Picture]:
    return [each if number < at_sec * FPS else change(each) for number, each in enumerate(pictures)]


def _frozen(pictures: list[Picture], at_sec: float, from_sec: float | None = None) -> list[Picture]:
    """Return the pictures with the one at `at_sec` in place of all from then on, or from `from_sec` on."""
    held = pictures[int(at_sec * FPS)]
    return _from(pictures, at_sec if from_sec is None else from_sec, lambda _: held)


def _without_screen(pictures: list[Picture]) -> list[Picture]:
    """Return the pictures with a bare wall in place of the screen: a still picture with text may be a screencast."""
    bare = [each.copy() for each in pictures]
    for each in bare:
        each[: int(0.68 * SIZE[1]), : int(0.69 * SIZE[0])] = np.median(each[:, int(0.9 * SIZE[0]) :], axis=(0, 1))
    return bare


def _covered(number: int) -> Picture:
    dark = np.random.default_rng(number).normal(45, 3, (SIZE[1], SIZE[0], 3))
    return np.clip(dark, 0, 255).astype(np.uint8)


def _screencast(seed: int, hold: float = 1.0) -> list[Picture]:
    """Return slides that fill the picture; each sample of them stands `hold` times as long.

    A picture that shows the same as the one before is that one.
    """
    slides = Lecture(in_room=False, seed=seed, slides=8, grain=0.0)
    each = int(hold * FPS / SAMPLE_FPS)
    made: list[Picture] = []
    for sample in slides.samples():
        picture = np.asarray(cv2.resize(sample.frame, (640, 360), interpolation=cv2.INTER_AREA), np.uint8)
        if made and np.count_nonzero(cv2.absdiff(picture, made[-1]) > 40) < 0.0005 * picture.size:
            picture = made[-1]
        made += [picture] * each
        if len(made) >= SECONDS * FPS:
            break
    return made[: int(SECONDS * FPS)]
