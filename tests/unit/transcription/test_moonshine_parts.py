"""What Moonshine's engine is made of, without its model: guards, utterances, vocabulary, word times."""

from itertools import pairwise

import numpy as np
import pytest

from shared.domain.errors import EngineUnavailable
from shared.transcription.moonshine import guards
from shared.transcription.moonshine.spelling import as_now
from shared.transcription.moonshine.tokens import SPACE, VOCABULARY_SIZE, Vocabulary
from shared.transcription.moonshine.utterances import LONGEST_SEC, utterances
from shared.transcription.moonshine.word_times import FRAME_SEC, SHORTEST_WORD_SEC, WrittenWord, time_words
from shared.transcription.vad import Span


def vocabulary(*pieces: bytes) -> Vocabulary:
    filler = (b"<unk>", b"<s>", b"</s>", *pieces, *(b"x" for _ in range(VOCABULARY_SIZE - 3 - len(pieces))))
    return Vocabulary(b"".join(length_of(piece) + piece for piece in filler))


def length_of(piece: bytes) -> bytes:
    return bytes([len(piece)]) if len(piece) < 128 else bytes([128 + len(piece) % 128, len(piece) // 128])


def test_the_bytes_of_a_word_are_decoded_together() -> None:
    known = vocabulary(SPACE + b"caf", b"\xc3", b"\xa9", SPACE + b"au", b".", b"z" * 300)
    words = known.words([3, 4, 5, 6, 7, 2])
    assert [(word.text, word.first, word.end) for word in words] == [("café", 0, 3), ("au.", 3, 6)]
    assert known.piece(8) == b"z" * 300


def test_a_vocabulary_of_another_size_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="3 entries"):
        Vocabulary(b"\x01a\x01b\x01c")


@pytest.mark.parametrize("period", [1, 3, 16, 32])
def test_a_loop_is_found_when_sixteen_tokens_repeat_what_stands_before(period: int) -> None:
    phrase = list(range(100, 100 + period))
    tokens = [1, 2, 3, *phrase]
    while not guards.is_looping(tokens):
        tokens.append(phrase[(len(tokens) - 3) % period])
        assert len(tokens) < 100
    assert len(tokens) == 3 + period + guards.LOOP_TOKENS


def test_speech_is_no_loop() -> None:
    assert not guards.is_looping([*range(40), *range(10), *range(40, 80)])


@pytest.mark.parametrize(
    ("text", "tokens", "seconds", "ended", "made_up"),
    [
        ("Yes.", 2, 0.6, True, False),
        ("Thank you.", 3, 3.0, True, False),
        ("Thank you.", 3, 3.1, True, True),
        ("And so on and on", 12, 4.0, False, True),
        ("...", 3, 1.0, True, True),
        ("You", 1, 1.0, True, True),
        ("You.", 2, 1.0, True, False),
    ],
)
def test_what_cannot_be_speech_is_made_up(text: str, tokens: int, seconds: float, ended: bool, made_up: bool) -> None:
    assert guards.is_made_up(text, range(tokens), seconds, 0.8, ended=ended) is made_up


def test_a_short_utterance_that_the_model_is_unsure_of_is_made_up() -> None:
    assert guards.is_made_up("You can also use it.", range(6), 1.0, 0.2, ended=True)
    assert not guards.is_made_up("You can also use it.", range(6), 4.0, 0.2, ended=True)


def test_utterances_are_cut_at_their_longest_pause() -> None:
    spans = [Span(0.0, 6.0), Span(6.3, 9.0), Span(9.9, 15.0), Span(15.3, 19.0), Span(19.3, 25.0), Span(26.5, 27.0)]
    assert list(utterances(spans)) == [tuple(spans[:2]), tuple(spans[2:5]), (spans[5],)]
    assert all(group[-1].end - group[0].start <= LONGEST_SEC for group in utterances(spans))


def test_a_span_that_is_too_long_stays_by_itself() -> None:
    assert list(utterances([Span(0.0, 22.0), Span(22.1, 23.0)])) == [(Span(0.0, 22.0),), (Span(22.1, 23.0),)]


def test_words_are_placed_where_the_attention_is_and_not_into_pauses() -> None:
    frames, tokens = 100, 4
    samples = np.random.default_rng(1).normal(0.0, 0.1, frames * 384).astype(np.float32)
    samples[40 * 384 : 60 * 384] = 0.0
    attention = np.full((tokens, 48, frames), 1e-3, np.float32)
    for token, (first, end) in enumerate([(0, 18), (18, 38), (62, 80), (80, 100)]):
        attention[token, :, first:end] = 1.0 / (end - first)
    words = [WrittenWord(str(number), number, number + 1) for number in range(tokens)]
    times = time_words(samples, attention, words)
    assert times[0].start <= 0.03
    assert times[1].start == pytest.approx(18 * FRAME_SEC, abs=0.04)
    assert times[1].end == pytest.approx(40 * FRAME_SEC, abs=0.03)
    assert times[2].start == pytest.approx(60 * FRAME_SEC, abs=0.03)
    assert times[3].start == pytest.approx(80 * FRAME_SEC, abs=0.04)
    assert times[3].end == pytest.approx(100 * FRAME_SEC, abs=0.05)


@pytest.mark.parametrize("frames", [1, 3, 8, 40])
def test_words_have_a_length_and_stay_inside_for_any_attention(frames: int) -> None:
    random = np.random.default_rng(frames)
    tokens = 6
    samples = random.normal(0.0, 0.1, frames * 384 + 500).astype(np.float32)
    attention = random.random((tokens, 48, frames), np.float32)
    words = [WrittenWord("a", at, at + 1) for at in range(0, tokens)]
    times = time_words(samples, attention, words)
    length = len(samples) / 16_000
    assert len(times) == tokens
    assert all(time.end - time.start >= min(SHORTEST_WORD_SEC, length / tokens) - 1e-9 for time in times)
    assert times[0].start >= 0.0
    assert times[-1].end <= length + 1e-9
    assert all(one.end <= other.start + 1e-9 for one, other in pairwise(times))


def test_old_spellings_are_written_as_people_do_now() -> None:
    assert [as_now(word) for word in ("To-day,", "to-morrow's", "TO-NIGHT", "to-do")] == [
        "Today,",
        "tomorrow's",
        "TONIGHT",
        "to-do",
    ]
