"""Speech made worse, and sounds that are no speech; the same in every run. All are float32 at 16 kHz, -1 to 1."""

from collections.abc import Mapping

import av
import numpy as np
from numpy.typing import NDArray

from shared.transcription.audio import SAMPLE_RATE

Sound = NDArray[np.float32]
_SEED = 12
_TELEPHONE = "highpass=f=300,highpass=f=300,lowpass=f=3400,lowpass=f=3400,aresample=8000,aresample=16000"


def degraded(sound: Sound) -> Mapping[str, Sound]:
    """Return the degradations that the benchmark has bars for, by name."""
    return {
        "telephone": _filtered(sound, _TELEPHONE),
        "pink noise 10 dB": _mixed(sound, _pink(len(sound)), 10.0),
        "pink noise 5 dB": _mixed(sound, _pink(len(sound)), 5.0),
        "speed x 1.6": _filtered(sound, "atempo=1.6"),
    }


def no_speech(seconds: float) -> Mapping[str, Sound]:
    """Return sounds without a word, by name."""
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    random = np.random.default_rng(_SEED)
    hum = sum(np.sin(2 * np.pi * 50 * order * time) / order for order in range(1, 8))
    return {
        "silence": np.zeros(count, np.float32),
        "faint hiss": (random.normal(0.0, 3e-4, count)).astype(np.float32),
        "white noise": (random.normal(0.0, 0.1, count)).astype(np.float32),
        "hum": (0.1 * np.asarray(hum)).astype(np.float32),
        "music": _music(count),
        "applause": _applause(count),
    }


def _music(count: int) -> Sound:
    """Return chords of four notes, half a second each, with overtones and a decay."""
    random = np.random.default_rng(_SEED)
    sound = np.zeros(count)
    step = SAMPLE_RATE // 2
    time = np.arange(step) / SAMPLE_RATE
    scale = 220.0 * 2.0 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12.0)
    for at in range(0, count - step, step):
        for note in random.choice(scale, 4, replace=False):
            tone = sum(np.sin(2 * np.pi * note * order * time) / order**1.5 for order in range(1, 7))
            sound[at : at + step] += np.asarray(tone) * np.exp(-3.0 * time)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def _applause(count: int) -> Sound:
    """Return 60 claps a second: bursts of noise that fade within some milliseconds."""
    random = np.random.default_rng(_SEED)
    sound = np.zeros(count + SAMPLE_RATE)
    for at in random.integers(0, count, round(60 * count / SAMPLE_RATE)):
        length = int(random.integers(80, 320))
        clap = random.normal(0.0, 1.0, length) * np.exp(-np.arange(length) / (length / 4))
        sound[at : at + length] += clap * random.uniform(0.2, 1.0)
    return (0.3 * sound[:count] / np.abs(sound).max()).astype(np.float32)


def _pink(count: int) -> Sound:
    spectrum = np.fft.rfft(np.random.default_rng(_SEED).normal(size=count))
    spectrum /= np.sqrt(np.maximum(1.0, np.arange(len(spectrum))))
    return np.fft.irfft(spectrum, count).astype(np.float32)


def _mixed(sound: Sound, noise: Sound, ratio_db: float) -> Sound:
    level = np.sqrt(np.mean(sound**2) / np.mean(noise**2)) * 10.0 ** (-ratio_db / 20.0)
    mixed = sound + noise * np.float32(level)
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def _filtered(sound: Sound, filters: str) -> Sound:
    """Return the sound after a chain of FFmpeg's filters, at 16 kHz."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="flt", layout="mono")
    nodes = [source]
    for text in filters.split(","):
        name, _, arguments = text.partition("=")
        nodes.append(graph.add(name, arguments))
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    frame = av.AudioFrame.from_ndarray(sound[None, :].astype(np.float32), format="flt", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    source.push(frame)
    source.push(None)
    made = []
    while True:
        try:
            made.append(graph.pull().to_ndarray()[0])
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(made).astype(np.float32)
