"""Speech from espeak-ng with the exact time of every word, for measuring word times; absent where the library is."""

import ctypes
import ctypes.util
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from shared.transcription.audio import SAMPLE_RATE

_RETRIEVAL = 1
_UTF8 = 1
_WORD = 1
_OK = 0
_RATE_WORDS_PER_MIN = 1
"""The parameter `espeakRATE`."""


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Spoken:
    """Synthesized speech: samples at 16 kHz, and each word of the text with the second in which it begins."""

    samples: NDArray[np.int16]
    words: tuple[tuple[str, float], ...]


class Espeak:
    """The library; one a process. `missing` tells why there is none."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise OSError("espeak-ng is not installed (Debian and Ubuntu: apt install espeak-ng)")
        self._library = ctypes.CDLL(name)
        self._rate = self._library.espeak_Initialize(_RETRIEVAL, 0, None, 0)
        if self._rate <= 0:
            raise OSError("espeak-ng does not find its data")

    def say(self, text: str, voice: str = "en-us", words_per_min: int = 160) -> Spoken:
        """Return `text` as spoken by `voice`; raise OSError where there is no such voice."""
        pieces: list[bytes] = []
        starts: list[tuple[str, float]] = []
        # Positions count characters from 1.

        def take(wave: object, count: int, events: object) -> int:
            if count:
                pieces.append(ctypes.string_at(wave, count * 2))  # type: ignore[arg-type]
            at = 0
            while events[at].type:  # type: ignore[index]
                event = events[at]  # type: ignore[index]
                if event.type == _WORD:
                    first = event.text_position - 1
                    starts.append((text[first : first + event.length], event.sample / self._rate))
                at += 1
            return 0

        callback = _CALLBACK(take)
        self._library.espeak_SetSynthCallback(callback)
        if self._library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise OSError(f"espeak-ng has no voice {voice}")
        self._library.espeak_SetParameter(_RATE_WORDS_PER_MIN, words_per_min, 0)
        content = text.encode()
        self._library.espeak_Synth(content, len(content) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return Spoken(_at_16_khz(b"".join(pieces), self._rate), tuple(starts))


def _at_16_khz(samples: bytes, rate: int) -> NDArray[np.int16]:
    frame = av.AudioFrame.from_ndarray(np.frombuffer(samples, np.int16)[None, :], format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
    made = [out.to_ndarray()[0] for given in (frame, None) for out in resampler.resample(given)]
    return np.concatenate(made)
