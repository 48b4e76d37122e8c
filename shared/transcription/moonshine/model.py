"""Run the encoder and the decoder of Moonshine tiny-en in onnxruntime, token by token.

Apart from the engine because it knows tokens and no words. Shapes: samples at 16 kHz between -1 and 1 → states (1,
frames, 288), a frame each 24 ms → logits (1, 1, 32768).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.transcription.moonshine.attention_outputs import LAYERS, expose_attention, output_name
from shared.transcription.moonshine.files import ModelFiles
from shared.transcription.moonshine.tokens import END, START

FRAME_SAMPLES = 384
"""Samples that one frame of the encoder stands for: the strides 64, 3 and 2 of its convolutions."""
FEWEST_SAMPLES = 1_600
"""Less sound gives the encoder no frame."""
HEADS = 8
HEAD_SIZE = 36

GoesOn = Callable[[Sequence[int]], bool]
"""Called after each token with all tokens so far; returns False to end the decoding; may raise to stop the work."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The decoded tokens of one utterance."""

    tokens: tuple[int, ...]
    """Without the start and the end."""

    probabilities: NDArray[np.float32]
    """(tokens,): the probability of each token."""

    attention: NDArray[np.float32]
    """(tokens, 48 heads, frames): the cross-attention over the sound at each token."""

    ended: bool
    """Whether the model ended the text itself."""


class MoonshineModel:
    """The encoder's and the decoder's sessions; one thread each, so that parallel parts do not compete for cores."""

    def __init__(self, files: ModelFiles) -> None:
        self._encoder = _session(files.encoder)
        self._decoder = _session(bytes(expose_attention(files.decoder)))
        self._outputs = [output.name for output in self._decoder.get_outputs()]

    def decode(self, samples: NDArray[np.float32], goes_on: GoesOn) -> Decoded:
        """Return the most probable tokens, each chosen by itself (greedy)."""
        mask = np.ones((1, len(samples)), np.int64)
        (states,) = self._encoder.run(None, {"input_values": samples[None, :], "attention_mask": mask})
        feeds = {
            "encoder_hidden_states": states,
            "encoder_attention_mask": mask,  # of samples: the decoder thins it out to frames itself
        }
        cache = self._open(feeds)
        tokens: list[int] = []
        probabilities: list[float] = []
        attention: list[NDArray[np.float32]] = []
        token = START
        ended = False
        while not ended and (not tokens or goes_on(tokens)):
            logits, rows = self._step(feeds, cache, token)
            token = int(logits.argmax())
            ended = token == END
            if not ended:
                tokens.append(token)
                probabilities.append(1.0 / float(np.exp(logits - logits[token]).sum()))
                attention.append(rows)
        frames = states.shape[1]
        return Decoded(
            tokens=tuple(tokens),
            probabilities=np.array(probabilities, np.float32),
            attention=np.array(attention, np.float32).reshape(len(tokens), LAYERS * HEADS, frames),
            ended=ended,
        )

    def _open(self, feeds: dict[str, Any]) -> dict[str, Any]:
        """Return the cache that decoding starts with: the sound's keys and values, and no token's.

        They come from the branch without a cache. Its logits of the first token are discarded: that branch does not
        give the attention, so the first token is decoded again with the cache.
        """
        empty = np.zeros((1, HEADS, 0, HEAD_SIZE), np.float32)
        cache = {
            f"past_key_values.{layer}.{side}.{kind}": empty
            for layer in range(LAYERS)
            for side in ("decoder", "encoder")
            for kind in ("key", "value")
        }
        given = self._run(feeds, cache, START, cached=False)
        for layer in range(LAYERS):
            for kind in ("key", "value"):
                cache[f"past_key_values.{layer}.encoder.{kind}"] = given[f"present.{layer}.encoder.{kind}"]
        return cache

    def _step(
        self, feeds: dict[str, Any], cache: dict[str, Any], token: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the logits (32768,) of the token after `token` and the attention (48, frames); extend the cache."""
        given = self._run(feeds, cache, token, cached=True)
        for layer in range(LAYERS):
            for kind in ("key", "value"):
                cache[f"past_key_values.{layer}.decoder.{kind}"] = given[f"present.{layer}.decoder.{kind}"]
        rows = [given[output_name(layer)][0, :, -1, :] for layer in range(LAYERS)]
        return given["logits"][0, -1], np.concatenate(rows)

    def _run(self, feeds: dict[str, Any], cache: dict[str, Any], token: int, *, cached: bool) -> dict[str, Any]:
        inputs = {
            **feeds,
            **cache,
            "input_ids": np.array([[token]], np.int64),
            "use_cache_branch": np.array([cached]),
        }
        return dict(zip(self._outputs, self._decoder.run(None, inputs), strict=True))


def _session(model: bytes) -> Any:
    """Load a model.

    The format is given explicitly because bytes have no file name to infer it from.
    `session.use_ort_model_bytes_directly` is left off on purpose: with it the model, loaded from Python, writes
    nonsense without an error.
    """
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # the edited outputs have other shapes than the file declares
    options.add_session_config_entry("session.load_model_format", "ORT")
    try:
        return onnxruntime.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own that derive from Exception only
        raise EngineUnavailable("Moonshine's model cannot be loaded by this version of onnxruntime.") from error
