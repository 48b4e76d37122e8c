"""Write a Whisper model with a scripted output: for tests without a download, and for memory at real sizes.

Attention and feed-forward layers end in zeros, so nothing counts but the position, and the codes of positions are
orthogonal: a token's row in the output projection is the sum of the codes of the positions it belongs to. The decoder's
attention, which the word times are read from, looks at half a second of sound for each word: the first from 0.5 to
1.0 s, and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ctranslate2.specs
import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

FRAMES_PER_WORD = 25  # of 20 ms
SECONDS_HEARD = 30
CONTEXT_FRAMES = 1500
CODES = 64  # orthogonal ones; as many numbers as the first head of attention takes
WORDS = ["Ġhello", "Ġworld,", "Ġthis", "Ġis", "Ġa", "Ġtest.", "Ġagain"]
LANGUAGES = ["<|en|>", "<|de|>", "<|fr|>"]
SENTENCE = ["<|0.00|>", "Ġhello", "Ġworld,", "Ġthis", "Ġis", "Ġa", "Ġtest.", "<|4.00|>"]
FIRST_SAID_AT = 2  # the prompt is <|startoftranscript|><|language|><|transcribe|>; its last position says the first


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is; `vocabulary` is at least so many tokens."""

    layers: int
    width: int
    heads: int
    vocabulary: int = 0


TINY = Shape(layers=1, width=CODES, heads=1)
BASE = Shape(layers=6, width=512, heads=8, vocabulary=51_865)  # Whisper's paper, table 1


def write_model(
    path: Path,
    shape: Shape = TINY,
    said: Sequence[str] = SENTENCE,
    language: str = "<|en|>",
    first_said_at: int = FIRST_SAID_AT,
) -> Path:
    """Write the model into the new directory `path`; larger ones than TINY in int8.

    It outputs `said` from position `first_said_at` on, and detects `language`.
    """
    width = shape.width
    tokens = _tokens(shape.vocabulary)
    codes = np.eye(CODES, width, dtype=np.float32)
    one, zero = np.eye(width, dtype=np.float32), np.zeros((width, width), np.float32)
    spec = ctranslate2.specs.WhisperSpec(shape.layers, shape.heads, shape.layers, shape.heads)
    encoder, decoder = spec.encoder, spec.decoder
    for conv, inputs in ((encoder.conv1, 80), (encoder.conv2, width)):
        conv.weight, conv.bias = np.zeros((width, inputs, 3), np.float32), np.zeros(width, np.float32)
    encoder.position_encodings.encodings = codes[np.arange(CONTEXT_FRAMES) // FRAMES_PER_WORD]
    decoder.position_encodings.encodings = codes[np.minimum(np.arange(448), CODES - 1)]
    decoder.embeddings.weight = np.zeros((len(tokens), width), np.float32)
    rows = np.zeros((len(tokens), width), np.float32)
    rows[tokens.index(language), 0] = 5.0
    rows[tokens.index("<|endoftext|>"), first_said_at + len(said) : CODES] = 5.0
    for position, token in enumerate(said, start=first_said_at):
        rows[tokens.index(token), position] = 5.0
    decoder.projection.weight = rows
    where = one.copy()  # the word at position 3 is heard in the second half second
    where[:CODES, :CODES] = np.roll(np.eye(CODES, dtype=np.float32), 1 - (FIRST_SAID_AT + 1), axis=0)
    for layer in (*encoder.layer, *decoder.layer):
        _linear(layer.self_attention.linear[0], np.vstack([zero, zero, zero]))
        _linear(layer.self_attention.linear[1], zero)
        _norm(layer.self_attention.layer_norm, width)
        _linear(layer.ffn.linear_0, np.zeros((4 * width, width), np.float32))
        _linear(layer.ffn.linear_1, np.zeros((width, 4 * width), np.float32))
        _norm(layer.ffn.layer_norm, width)
    for layer in decoder.layer:
        for linear, weight in zip(layer.attention.linear, (where, np.vstack([one, zero]), zero), strict=True):
            _linear(linear, weight)
        _norm(layer.attention.layer_norm, width)
    _norm(encoder.layer_norm, width)
    _norm(decoder.layer_norm, width)
    spec.config.suppress_ids = spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokens.index(token) for token in LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    if shape is not TINY:
        spec.optimize(quantization="int8")
    path.mkdir()
    spec.save(str(path))
    _write_tokenizer(tokens, path / "tokenizer.json")
    return path


def _tokens(least: int) -> list[str]:
    """Return text tokens, with fillers up to the number that is wanted, then the special ones, time stamps last."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|startoftranscript|>", *LANGUAGES, "<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special += [f"<|{step * 0.02:.2f}|>" for step in range(SECONDS_HEARD * 50 + 1)]
    text = [*alphabet, "", *WORDS]
    return [*text, *(f"Ġfiller{number}" for number in range(least - len(text) - len(special))), *special]


def _write_tokenizer(tokens: list[str], path: Path) -> None:
    text = tokens[: tokens.index("<|endoftext|>")]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(text)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[len(text) :]])
    tokenizer.save(str(path))


def _norm(spec: object, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), np.zeros(width, np.float32)  # type: ignore[attr-defined]


def _linear(spec: object, weight: NDArray[np.float32]) -> None:
    spec.weight, spec.bias = weight, np.zeros(weight.shape[0], np.float32)  # type: ignore[attr-defined]
