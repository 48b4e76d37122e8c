from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from shared.transcription.quality import assess


def transcript(*words: tuple[str, float, float, float], speech_sec: float = 10.0) -> Transcript:
    made = tuple(TranscriptWord(word=text, start=start, end=end, confidence=sure) for text, start, end, sure in words)
    segment = (
        (TranscriptSegment(id=0, start=made[0].start, end=made[-1].end, text="", confidence=1, words=made),)
        if made
        else ()
    )
    return Transcript(
        session_id="s",
        job_id="j",
        language="en",
        duration_sec=600.0,
        engine=TranscriptEngine(name="e", version="1", model="m"),
        segments=segment,
        speech_sec=speech_sec,
        warnings=(),
    )


def at_pace(text: str, confidence: float = 0.9, start: float = 0.0) -> list[tuple[str, float, float, float]]:
    return [(word, start + n * 0.5, start + n * 0.5 + 0.4, confidence) for n, word in enumerate(text.split())]


def test_what_was_heard_is_compared_with_what_was_written() -> None:
    words = [*at_pace("one two three four"), *at_pace("five six", start=8.0)]
    quality = assess(transcript(*words, speech_sec=5.6))
    assert (quality.words, quality.mean_confidence) == (6, 0.9)
    assert quality.transcribed_sec == 2.8  # 6 words of 0.4 s, four breaths; the pause of 6 s is none
    assert (quality.transcribed_share, quality.words_per_minute) == (0.5, 128.6)
    assert (quality.doubtful, quality.repeated, quality.language_switches) == ((), (), ())


def test_doubtful_stretches_are_named_and_single_words_are_not() -> None:
    words = [
        *at_pace("sure " * 10),
        *at_pace("hm", 0.1, start=5.0),
        *at_pace("sure " * 9, start=5.5),
        *at_pace("hm " * 8, 0.2, start=10.0),
    ]
    (span,) = assess(transcript(*words)).doubtful
    assert 9.0 <= span.start <= 10.0
    assert span.end == 13.9
    assert span.confidence < 0.5
    stricter = transcript(*at_pace("sure " * 10, 0.9)).model_copy(update={"doubtful_below": 0.95})
    assert len(assess(stricter).doubtful) == 1


def test_what_goes_round_in_circles_is_named() -> None:
    (loop,) = assess(transcript(*at_pace("we begin thank you thank you thank you thank you now"))).repeated
    assert (loop.text, loop.times, loop.start, loop.end) == ("thank you", 4, 1.0, 4.9)


def test_a_change_of_language_is_named() -> None:
    heard = [(0.0, "en"), (300.0, "en"), (600.0, "de"), (900.0, "en")]
    switches = assess(transcript(*at_pace("a b")), heard).language_switches
    assert [(each.at, each.before, each.after) for each in switches] == [(600.0, "en", "de"), (900.0, "de", "en")]


def test_nothing_said_is_no_error() -> None:
    quality = assess(transcript(speech_sec=0.0))
    assert (quality.words, quality.transcribed_share, quality.words_per_minute) == (0, 0.0, 0.0)
