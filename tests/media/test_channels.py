"""What becomes of several channels: nothing that was said may get lost when they are made one."""

import io
import wave

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.media.audio.decoder import AudioDecoder
from shared.media.audio.mono import MonoMix
from shared.media.probe.probe import probe

RATE = 48_000


def tone(seconds: float, pitch: float = 440.0, rate: int = RATE) -> NDArray[np.float64]:
    return np.asarray(np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate) * 8000)


def decoded(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The audio copy of a WAV file with these channels, (channels, samples)."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(channels.T.astype("<i2").tobytes())
    recording = probe(out, len(out.getvalue()))
    out.seek(0)
    blocks = list(AudioDecoder(out, recording, lambda fraction: None))
    return np.frombuffer(b"".join(blocks), dtype="<i2").astype(np.float64)


@pytest.mark.parametrize(
    ("gains", "level"),
    [
        ([1, 1], 1.0),
        ([1, 0], 0.5),
        ([0, 1], 0.5),
        ([1, -1], 1.0),
        ([0.5, -1], 0.75),
        ([0, 0, 1, 0, 0, 0], 0.29),
        ([1, 0, 0, 0, 0, 0], 0.2),
    ],
    ids=["alike", "left", "right", "opposite", "opposite and unequal", "5.1, centre", "5.1, front left"],
)
def test_a_voice_is_heard_whichever_channels_it_is_on(gains: list[float], level: float) -> None:
    heard = decoded(np.outer(gains, tone(3.0)))
    assert len(heard) == 3 * 16_000
    inside = heard[4000:-4000]
    assert np.std(inside) / (8000 / np.sqrt(2)) == pytest.approx(level, abs=0.02)


def test_two_speakers_on_a_channel_each_are_both_heard_at_their_times() -> None:
    first, second, pause = tone(1.0, 300.0), tone(1.0, 500.0), np.zeros(RATE)
    left = np.concatenate([pause, first, pause, pause])
    right = np.concatenate([pause, pause, pause, second])
    heard = decoded(np.stack([left, right])).reshape(4, 16_000)
    assert [np.std(second_) > 1000 for second_ in heard] == [False, True, False, True]
    np.testing.assert_allclose(heard[1][:15_900], tone(1.0, 300.0, 16_000)[:15_900] / 2, atol=60)


def test_channels_that_differ_are_added_up_as_they_are() -> None:
    noise = np.random.default_rng(2).normal(0, 2000, (16_000, 2))
    noise[:, 1] -= 0.3 * noise[:, 0]  # a wide picture: they run against each other a little
    stereo = noise.astype(np.int16)
    mixer = MonoMix(16_000)
    mixed = np.concatenate([mixer.mix(piece) for piece in np.array_split(stereo, 50)])
    np.testing.assert_allclose(mixed, stereo.mean(axis=1), atol=0.51)


def test_a_channel_that_turns_over_in_the_middle_is_followed_within_a_second_and_a_half() -> None:
    left = tone(3.0, rate=16_000)
    right = np.concatenate([left[:16_000], -left[16_000:]])
    mixer = MonoMix(16_000)
    stereo = np.stack([left, right], axis=1).astype(np.int16)
    mixed = np.concatenate([mixer.mix(piece) for piece in np.array_split(stereo, 150)])
    assert np.std(mixed[:16_000]) == pytest.approx(8000 / np.sqrt(2), rel=0.01)
    assert np.std(mixed[40_000:]) == pytest.approx(8000 / np.sqrt(2), rel=0.01)


def voice(seconds: float) -> NDArray[np.float64]:
    """A tone that comes and goes as syllables do."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    return np.asarray(np.sin(2 * np.pi * 300 * time) * 6000 * np.maximum(0.0, np.sin(2 * np.pi * 2 * time)))


def mixed(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    mixer = MonoMix(16_000)
    stereo = np.stack([left, right], axis=1).round().astype(np.int16)
    return np.concatenate([mixer.mix(piece) for piece in np.array_split(stereo, len(stereo) // 341)]).astype(float)


def hiss(seconds: float, strength: float = 3000.0) -> NDArray[np.float64]:
    return np.random.default_rng(5).normal(0, strength, round(seconds * 16_000))


@pytest.mark.parametrize("on_left", [True, False], ids=["voice on the left", "voice on the right"])
def test_the_hiss_of_a_microphone_without_a_voice_is_left_out(on_left: bool) -> None:
    channels = (voice(8.0), hiss(8.0)) if on_left else (hiss(8.0), voice(8.0))
    heard = mixed(*channels)
    np.testing.assert_allclose(heard[4 * 16_000 :], voice(8.0)[4 * 16_000 :] / 2, atol=1.0)


def test_what_only_hisses_stays_where_there_is_nothing_else() -> None:
    np.testing.assert_allclose(mixed(hiss(8.0), 0 * voice(8.0)), hiss(8.0) / 2, atol=1.0)


def test_a_second_voice_over_hiss_is_heard_from_its_first_moment() -> None:
    second = hiss(10.0, 200.0)
    second[5 * 16_000 :] += voice(5.0)
    heard = mixed(voice(10.0), second)
    np.testing.assert_allclose(heard[4 * 16_000 : 5 * 16_000], voice(10.0)[4 * 16_000 : 5 * 16_000] / 2, atol=1.0)
    np.testing.assert_allclose(heard[81_000:112_000], (voice(10.0) + second)[81_000:112_000] / 2, atol=1.0)


@pytest.mark.parametrize("same", [voice(6.0), hiss(6.0)], ids=["a voice", "hiss"])
def test_channels_that_are_alike_are_their_mean(same: NDArray[np.float64]) -> None:
    np.testing.assert_array_equal(mixed(same, same), same.round().astype(np.int16))


def test_no_samples_are_no_samples() -> None:
    assert MonoMix(16_000).mix(np.zeros((0, 2), np.int16)).shape == (0,)
