import pytest
from pydantic import ValidationError

from shared.domain.warning import OTHER, About, RecordingWarning, from_text
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptPart, TranscriptSegment, TranscriptWord
from shared.transcription.transcribe import DOUBTFUL, NO_SPEECH, NO_WORDS, TELEPHONE, merge_parts

SPHINX = TranscriptEngine(name="pocketsphinx", version="5", model="en-us")
WHISPER = TranscriptEngine(name="faster-whisper", version="1", model="base")


def segment(text: str, start: float, number: int = 0, step: float = 0.5) -> TranscriptSegment:
    words = tuple(
        TranscriptWord(word=word, start=start + at * step, end=start + (at + 1) * step, confidence=0.5)
        for at, word in enumerate(text.split())
    )
    return TranscriptSegment(id=number, start=start, end=words[-1].end, text=text, confidence=0.5, words=words)


def part(
    number: int, *segments: TranscriptSegment, engine: TranscriptEngine = SPHINX, **more: object
) -> TranscriptPart:
    fields = {"language": "en" if segments else None, "speech_sec": float(len(segments)), "warnings": ("careful",)}
    return TranscriptPart(
        part=number,
        start=number * 10,
        end=number * 10 + 10,
        engine=engine,
        written=engine is WHISPER,
        segments=segments,
        **(fields | more),  # type: ignore[arg-type]
    )


def merge(*parts: TranscriptPart, duration_sec: float = 30.0) -> Transcript:
    return merge_parts(parts, session_id="s1", job_id="j1", duration_sec=duration_sec)


def test_utterances_become_sentences_at_long_pauses() -> None:
    transcript = merge(
        part(0, segment("well i think", 1.0), segment("i'm in india", 2.9), segment("yes", 9.0)),
        part(1, segment("indeed", 10.0), segment("so", 12.0)),
    )
    assert [s.text for s in transcript.segments] == ["Well I think I'm in india.", "Yes indeed.", "So."]
    assert [s.id for s in transcript.segments] == [0, 1, 2]
    assert [w.word for w in transcript.segments[0].words] == ["Well", "I", "think", "I'm", "in", "india."]
    assert (transcript.segments[0].start, transcript.segments[0].end) == (1.0, 4.4)
    assert transcript.speech_sec == 5.0


def test_words_that_an_engine_wrote_itself_are_left_alone_and_their_sentences_joined() -> None:
    transcript = merge(
        part(0, segment("i said", 1.0, 0), segment("this.", 2.0, 1), engine=WHISPER),
        part(1, segment("and that", 12.0, 0), engine=WHISPER),
    )
    assert [(s.id, s.text) for s in transcript.segments] == [(0, "i said this."), (1, "and that")]


def test_a_recording_without_speech_has_an_empty_transcript_that_says_so() -> None:
    transcript = merge(part(0), part(1))
    assert (transcript.segments, transcript.language) == ((), "und")
    assert transcript.warnings == ("careful", NO_SPEECH.text)
    assert merge(part(0, speech_sec=3.0)).warnings == ("careful", NO_WORDS.text)


def test_what_is_wrong_with_the_sound_is_told_to_who_reads_the_transcript() -> None:
    sound = "The sound is damaged in 3 places; what could not be decoded was left out."
    whole = "The recording is cut off: it declares 60.0 s but only 20.0 s could be decoded."
    picture = "The picture is damaged and was left out: nothing of it could be decoded."
    merged = merge_parts(
        [part(0, segment("one", 0.0))],
        session_id="s1",
        job_id="j1",
        duration_sec=20.0,
        recording_warnings=[from_text(each) for each in (sound, picture, whole)],
    )
    assert merged.warnings == (sound, whole, "careful")
    assert [(each.code, each.about) for each in merged.warning_details] == [
        ("sound_damaged", About.SOUND),
        ("recording_cut_off", About.RECORDING),
        (OTHER, About.RECORDING),
    ]


def test_the_subject_of_a_warning_decides_and_not_its_words() -> None:
    about_sound = RecordingWarning("made_up", About.SOUND, "The picture is a good one, and the sound is not.")
    about_picture = RecordingWarning("made_up", About.PICTURE, "Something is wrong with what is shown.")
    merged = merge_parts(
        [part(0, segment("one", 0.0), warnings=())],
        session_id="s1",
        job_id="j1",
        duration_sec=20.0,
        recording_warnings=[about_sound, about_picture],
    )
    assert merged.warning_details == (about_sound,)


def test_a_part_that_an_earlier_release_left_is_read() -> None:
    written = part(0, segment("one", 0.0)).model_dump(by_alias=True, mode="json")
    written["warnings"] = [TELEPHONE.text, "Something else."]
    read = TranscriptPart.model_validate(written)
    assert read.warnings == (TELEPHONE, RecordingWarning(OTHER, About.RECORDING, "Something else."))
    assert TranscriptPart.model_validate_json(read.model_dump_json(by_alias=True)) == read


@pytest.mark.parametrize(("confidence", "doubted"), [(0.2, True), (0.6, False)])
def test_words_that_the_engine_was_unsure_of_are_told_of(confidence: float, doubted: bool) -> None:
    heard = segment("he he yea", 1.0)
    words = tuple(word.model_copy(update={"confidence": confidence}) for word in heard.words)
    transcript = merge(part(0, heard.model_copy(update={"words": words})), part(1, segment("so", 12.0)))
    assert (DOUBTFUL in transcript.warning_details) is doubted


def test_the_transcript_tells_the_highest_threshold_of_its_engines() -> None:
    first, second = part(0, segment("one", 0.0)), part(1, segment("two", 10.0))
    assert merge(first, second).doubtful_below == 0.5
    assert merge(first, second.model_copy(update={"doubtful": 0.6})).doubtful_below == 0.6


def test_parts_that_disagree_are_told_of() -> None:
    transcript = merge(
        part(0, segment("one", 0.0), engine=WHISPER),
        part(1, segment("zwei", 10.0), segment("drei", 11.0), language="de"),
    )
    assert transcript.language == "de"
    assert transcript.warnings == (
        "careful",
        "Several languages were heard: de, en.",
        "Parts of this transcript were made by different engines: faster-whisper (base), pocketsphinx (en-us).",
    )


@pytest.mark.parametrize("numbers", [[], [1], [0, 2], [0, 0], [1, 0]])
def test_parts_must_be_complete_and_in_order(numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="part"):
        merge(*(part(number) for number in numbers))


def test_the_file_reads_as_the_contract_says() -> None:
    made = merge(part(0, segment("hello there", 1.0)), duration_sec=61.2)
    assert made.model_dump(by_alias=True, mode="json") == {
        "version": "v1",
        "sessionId": "s1",
        "jobId": "j1",
        "language": "en",
        "durationSec": 61.2,
        "engine": {"name": "pocketsphinx", "version": "5", "model": "en-us"},
        "segments": [
            {
                "id": 0,
                "start": 1.0,
                "end": 2.0,
                "text": "Hello there.",
                "confidence": 0.5,
                "words": [
                    {"word": "Hello", "start": 1.0, "end": 1.5, "confidence": 0.5},
                    {"word": "there.", "start": 1.5, "end": 2.0, "confidence": 0.5},
                ],
                "language": None,
            }
        ],
        "speechSec": 1.0,
        "warnings": ["careful"],
        "expectation": "",
        "warningDetails": [{"code": "other", "about": "recording", "text": "careful"}],
        "quality": None,  # judged by the step that merges
        "doubtfulBelow": 0.5,
    }
    assert Transcript.model_validate_json(made.model_dump_json(by_alias=True)) == made


def word(start: float, end: float) -> TranscriptWord:
    return TranscriptWord(word="w", start=start, end=end, confidence=1)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [(1, 2, [(0.5, 1.5)]), (1, 2, [(1, 2.5)]), (1, 2, [(1, 1.6), (1.5, 2)]), (1, 2, [(1.5, 1.2)]), (1, 2, [(-1, 1)])],
    ids=["before", "behind", "overlapping", "backwards", "negative"],
)
def test_words_outside_their_segment_cannot_be_written(
    start: float, end: float, words: list[tuple[float, float]]
) -> None:
    with pytest.raises(ValidationError):
        TranscriptSegment(id=0, start=start, end=end, text="w", confidence=1, words=tuple(word(*w) for w in words))


def test_segments_that_overlap_or_pass_the_end_cannot_be_written() -> None:
    with pytest.raises(ValidationError, match="starts at"):
        part(0, segment("one two", 1.0), segment("three", 1.5))
    made = merge(part(0, segment("hello", 1.0)))
    with pytest.raises(ValidationError, match="passes the recording's end"):
        Transcript.model_validate(made.model_dump() | {"duration_sec": 1.2})


def test_a_transcript_without_warnings_has_no_details_of_them() -> None:
    made = merge(part(0, segment("hello there", 1.0), warnings=()))
    assert (made.warnings, made.warning_details) == ((), ())
    assert "warningDetails" not in made.model_dump(by_alias=True, mode="json")
