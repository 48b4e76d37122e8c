"""Transcribe English with the embedded pocketsphinx and the tuned model of its wheel.

Apart from the other engines because only it needs cepstra. It needs no download. The decoder is fed cepstra computed by
this project (see `features`) in short pieces. It lets no other thread run while it decodes a piece, and the heartbeat's
thread has to run every second. The model's `feat.params` overrides the argument `cmn` of `Decoder()`, so the model's
directory is copied and edited.

Measured on read English, word errors fall from 31% (default settings, in one piece) to 28% when speech is cut into
utterances, to 22% with a lower weight of the language model, and to 20.4% with twice as many densities in each frame.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Lock

import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.domain.warning import RecordingWarning
from shared.transcription.choose import embedded_warnings
from shared.transcription.engine import EngineInfo, Segment, TranscriptionRequest, Word
from shared.transcription.features import FRAMES_PER_SEC, cepstra, filter_levels, without_mean
from shared.transcription.telephone import BandFiller, sounds_of
from shared.transcription.vad import Span

LANGUAGE_WEIGHT = 6.0
BEST_PATH_LANGUAGE_WEIGHT = 9.5
WORD_INSERTION_PENALTY = 0.3
DENSITIES = 8
"""Densities evaluated in each frame; the decoder's default is 4."""
PIECE_FRAMES = 10
"""Frames of 10 ms decoded before other threads may run."""
MIN_UTTERANCE_SEC = 0.15
"""Shorter spans are not decoded."""
NOT_A_WORD = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
PRONUNCIATION = re.compile(r"\(\d+\)$")
MODEL_NAME = "en-us"
EXPECTATION = "On read English 20 of 100 words were wrong where this engine was measured, on other voices up to 30."


@dataclass(frozen=True, slots=True)
class Progress:
    """Converts the fraction done of a piece of the work into the fraction done of all of it, and reports that."""

    report: Callable[[float], None]
    before: float
    share: float

    def __call__(self, fraction: float) -> None:
        self.report(min(1.0, self.before + fraction * self.share))


class PocketsphinxEngine:
    """English speech engine; one decoder, used by one thread at a time.

    `piece_frames` are decoded before other threads may run.
    """

    def __init__(self, piece_frames: int = PIECE_FRAMES) -> None:
        self._decoder = load_decoder()
        self._piece_frames = piece_frames
        self._filler = BandFiller(sounds_of(Path(pocketsphinx.get_model_path(MODEL_NAME)) / MODEL_NAME))
        self._lock = Lock()
        self._info = EngineInfo(
            "pocketsphinx", version("pocketsphinx"), MODEL_NAME, written=False, expectation=EXPECTATION
        )

    @property
    def info(self) -> EngineInfo:
        return self._info

    def warnings_for(self, language: str | None) -> tuple[RecordingWarning, ...]:
        """Return the warning about this engine's quality, and that English was assumed if no language was given."""
        return embedded_warnings(language)

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """Yield one segment for each span in which words were found."""
        if request.language not in (None, "en"):
            raise EngineUnavailable(f"pocketsphinx knows English only, not '{request.language}'.")
        total = sum(span.length for span in request.spans)
        done = 0.0
        for span in request.spans:
            request.report(done / total)
            if span.length >= MIN_UTTERANCE_SEC:
                samples = np.frombuffer(request.audio.read_s16(span.start, span.end), dtype="<i2")
                frames = without_mean(cepstra(self._filler.fill(filter_levels(samples))))
                words = self._decode(frames, span, Progress(request.report, done / total, span.length / total))
                if words:
                    yield Segment.of(words, "en")
            done += span.length
        request.report(1.0)

    def _decode(self, frames: NDArray[np.float32], span: Span, report: Callable[[float], None]) -> tuple[Word, ...]:
        """Return the words of one utterance; `report` receives the fraction done, and may raise to stop the work."""
        if len(frames) == 0:
            return ()
        with self._lock:
            self._decoder.start_utt()
            try:
                for at in range(0, len(frames), self._piece_frames):
                    report(at / len(frames))
                    self._decoder.process_cep(frames[at : at + self._piece_frames].tobytes(), no_search=False)
            finally:
                self._decoder.end_utt()
            if self._decoder.hyp() is None:
                return ()
            return tuple(
                Word(
                    text=PRONUNCIATION.sub("", heard.word),
                    start=min(span.end, span.start + heard.start_frame / FRAMES_PER_SEC),
                    end=min(span.end, span.start + (heard.end_frame + 1) / FRAMES_PER_SEC),
                    confidence=min(1.0, max(0.0, heard.prob)),  # sums over a pruned lattice can pass 1
                )
                for heard in self._decoder.seg()
                if not NOT_A_WORD.match(heard.word)
            )


def load_decoder(means: str = "none") -> pocketsphinx.Decoder:
    """Return a decoder with the tuned settings; `means` is its own cepstral mean normalisation (`cmn`)."""
    model = Path(pocketsphinx.get_model_path(MODEL_NAME))
    with tempfile.TemporaryDirectory(prefix="rostrum-", ignore_cleanup_errors=True) as scratch:
        acoustic = Path(scratch) / MODEL_NAME
        shutil.copytree(model / MODEL_NAME, acoustic)
        params = acoustic / "feat.params"
        text = params.read_text(encoding="ascii").replace("-remove_noise yes", "-remove_noise no")
        params.write_text(text.replace("-cmn batch", f"-cmn {means}"), encoding="ascii")
        return pocketsphinx.Decoder(
            hmm=str(acoustic),
            lm=str(model / "en-us.lm.bin"),
            dict=str(model / "cmudict-en-us.dict"),
            lw=LANGUAGE_WEIGHT,
            bestpathlw=BEST_PATH_LANGUAGE_WEIGHT,
            wip=WORD_INSERTION_PENALTY,
            topn=DENSITIES,
            loglevel="FATAL",
        )
