"""The engine azure-speech against a stand-in for the service that answers as its documentation says."""

import io
import json
import threading
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np
import pytest
from pydantic import SecretStr

from shared.domain.errors import EngineBusy, EngineUnavailable
from shared.domain.warning import texts
from shared.transcription.audio import WavAudio
from shared.transcription.azure_speech_engine import API_VERSION, AzureSpeechEngine
from shared.transcription.choose import AzureSpeech, choose_engine
from shared.transcription.engine import NO_HINTS, Hints, Segment, TranscriptionRequest
from shared.transcription.vad import Span

KEY = "0123456789abcdef"
GOOD_AFTERNOON = {
    "durationMilliseconds": 4000,
    "combinedPhrases": [{"text": "Good afternoon. This is Sam."}],
    "phrases": [
        {
            "offsetMilliseconds": 1600,
            "durationMilliseconds": 640,
            "text": "This is Sam.",
            "words": [
                {"text": "This", "offsetMilliseconds": 1600, "durationMilliseconds": 240},
                {"text": "is", "offsetMilliseconds": 1840, "durationMilliseconds": 120},
                {"text": "Sam.", "offsetMilliseconds": 1960, "durationMilliseconds": 280},
            ],
            "locale": "en-US",
            "confidence": 0.93554276,
        },
        {"offsetMilliseconds": 960, "durationMilliseconds": 640, "text": "Good afternoon.", "locale": "en-US"},
    ],
}


@dataclass
class Fake:
    """What the service is going to answer, in turn, and what it was asked. An answer of None never comes."""

    answers: list[tuple[int, dict[str, str], Any] | None] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    endpoint: str = ""
    over: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def fake() -> Iterator[Fake]:
    state = Fake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = BytesParser().parsebytes(b"Content-Type: %b\n\n%b" % (self.headers["Content-Type"].encode(), body))
            parts = {str(part.get_param("name", header="content-disposition")): part for part in form.get_payload()}
            state.asked.append({"path": self.path, "key": self.headers["Ocp-Apim-Subscription-Key"], "parts": parts})
            answer = state.answers.pop(0)
            if answer is None:
                state.over.wait(180)
                return
            status, headers, content = answer
            sent = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(sent))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield state
    state.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _sound(seconds: float) -> tuple[WavAudio, bytes]:
    samples = np.random.default_rng(1).normal(0, 3000, round(seconds * 16000)).astype("<i2").tobytes()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples)
    return WavAudio(out), samples


def _transcribe(
    fake: Fake, *spans: Span, locales: tuple[str, ...] = ("en-US",), hints: Hints = NO_HINTS, answer_sec: float = 20.0
) -> tuple[list[Segment], list[float]]:
    waits: list[float] = []
    service = AzureSpeech(fake.endpoint, SecretStr(KEY), locales)
    engine = AzureSpeechEngine(service, answer_sec=answer_sec, sleep=waits.append)
    done: list[float] = []
    request = TranscriptionRequest(_sound(50.0)[0], spans or (Span(10.0, 14.0),), "en", done.append, hints)
    segments = list(engine.transcribe(request))
    assert done == sorted(done)
    assert done[-1] == 1.0
    return segments, waits


def test_phrases_come_back_on_the_recordings_clock_in_order(fake: Fake) -> None:
    fake.answers = [(200, {}, GOOD_AFTERNOON)]
    (greeting, name), _ = _transcribe(fake)
    assert (greeting.text, greeting.start, greeting.end) == ("Good afternoon.", 10.96, pytest.approx(11.6))
    assert [word.text for word in greeting.words] == ["Good afternoon."]  # the service gave no words for it
    assert [(word.text, word.start) for word in name.words] == [("This", 11.6), ("is", 11.84), ("Sam.", 11.96)]
    assert (name.end, name.language) == (pytest.approx(12.24), "en")
    assert {word.confidence for word in name.words} == {name.confidence} == {0.93554276}


def test_the_request_is_what_the_documentation_asks_for(fake: Fake) -> None:
    fake.answers = [(200, {}, {"phrases": []})]
    segments, _ = _transcribe(fake, hints=Hints(hotwords=("Noether", "eigenvalue")))
    assert segments == []
    (asked,) = fake.asked
    assert asked["path"] == f"/speechtotext/transcriptions:transcribe?api-version={API_VERSION}"
    assert asked["key"] == KEY
    assert json.loads(asked["parts"]["definition"].get_payload(decode=True)) == {
        "locales": ["en-US"],
        "profanityFilterMode": "None",
        "phraseList": {"phrases": ["Noether", "eigenvalue"]},
    }
    audio = asked["parts"]["audio"]
    assert (audio.get_content_type(), audio.get_filename()) == ("audio/flac", "audio.flac")
    with av.open(io.BytesIO(audio.get_payload(decode=True))) as flac:
        heard = b"".join(frame.to_ndarray().astype("<i2").tobytes() for frame in flac.decode(audio=0))
    assert heard == _sound(50.0)[1][10 * 32000 : 14 * 32000]


def test_long_silence_is_not_sent_and_each_stretch_has_its_place(fake: Fake) -> None:
    fake.answers = [(200, {}, GOOD_AFTERNOON)] * 2
    segments, _ = _transcribe(fake, Span(0.0, 4.0), Span(40.0, 44.0), locales=())
    assert [round(segment.start, 2) for segment in segments] == [0.96, 1.6, 40.96, 41.6]
    assert json.loads(fake.asked[0]["parts"]["definition"].get_payload(decode=True))["locales"] == []


def test_a_busy_service_is_asked_again_when_it_says(fake: Fake) -> None:
    fake.answers = [(429, {"Retry-After": "7"}, {}), (503, {}, b"down"), (200, {}, GOOD_AFTERNOON)]
    segments, waits = _transcribe(fake)
    assert len(segments) == 2
    assert sum(waits) == 7.0 + 4.0


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (
            401,
            {"error": {"code": "401", "message": "Access denied"}},
            "key in ROSTRUM_AZURE_SPEECH_KEY is not accepted",
        ),
        (403, b"", "is not accepted for this resource or region"),
        (
            400,
            {"code": "InvalidArgument", "message": "The locale is not supported."},
            "400: The locale is not supported",
        ),
    ],
)
def test_what_will_not_get_better_is_final(fake: Fake, status: int, content: Any, sentence: str) -> None:
    fake.answers = [(status, {}, content)]
    with pytest.raises(EngineUnavailable, match=sentence) as raised:
        _transcribe(fake)
    assert KEY not in raised.value.detail
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((429, {"Retry-After": "1"}, {}), "answered 429"),
        ((500, {}, {}), "answered 500"),
        (None, "did not answer in time"),
    ],
)
def test_patience_has_an_end(fake: Fake, answer: Any, sentence: str) -> None:
    fake.answers = [answer] * 4
    with pytest.raises(EngineBusy, match=sentence):
        _transcribe(fake, answer_sec=0.2 if answer is None else 20.0)
    assert len(fake.asked) == 4


@pytest.mark.parametrize("content", [b"<html>", {}, {"phrases": [{"text": "Hi"}]}, {"phrases": 3}, []])
def test_an_answer_of_another_form_is_named(fake: Fake, content: Any) -> None:
    fake.answers = [(200, {}, content)]
    with pytest.raises(EngineBusy, match="cannot be read"):
        _transcribe(fake)


def test_no_person_is_there() -> None:
    engine = AzureSpeechEngine(AzureSpeech("http://127.0.0.1:1", SecretStr(KEY)), sleep=lambda seconds: None)
    request = TranscriptionRequest(_sound(1.0)[0], (Span(0.0, 1.0),), None, lambda done: None)
    with pytest.raises(EngineBusy, match="could not be reached"):
        next(engine.transcribe(request))


def test_work_that_is_not_wanted_any_more_does_not_wait_for_the_answer(fake: Fake) -> None:
    class Stopped(Exception):
        pass

    def stop(done: float) -> None:
        if fake.asked:
            raise Stopped

    fake.answers = [None]
    engine = AzureSpeechEngine(AzureSpeech(fake.endpoint, SecretStr(KEY)), answer_sec=20.0)
    with pytest.raises(Stopped):
        next(engine.transcribe(TranscriptionRequest(_sound(1.0)[0], (Span(0.0, 1.0),), None, stop)))


def test_it_is_chosen_by_name_only_and_says_that_the_sound_leaves() -> None:
    service = AzureSpeech("https://westeurope.api.cognitive.microsoft.com", SecretStr(KEY), ("en-US", "de-DE"))
    choice = choose_engine("azure-speech", azure=service)
    assert (choice.name, choice.language, choice.azure) == ("azure-speech", None, service)
    assert texts(choice.warnings) == ("The sound was sent to westeurope.api.cognitive.microsoft.com for recognition.",)
    assert KEY not in repr(choice)
    assert choose_engine("auto", azure=service).name in ("moonshine", "pocketsphinx")
    with pytest.raises(EngineUnavailable, match="set ROSTRUM_AZURE_SPEECH_KEY"):
        choose_engine("azure-speech")


@pytest.mark.parametrize(
    ("language", "locale"), [("de", "de-DE"), ("de-CH", "de-CH"), ("EN", "en-US"), ("zh-Hans-CN", "zh-CN")]
)
def test_a_language_gets_the_region_that_the_service_wants(language: str, locale: str) -> None:
    choice = choose_engine(
        "azure-speech", language=language, azure=AzureSpeech("https://x", SecretStr(KEY), ("fr-FR",))
    )
    assert choice.azure is not None
    assert choice.azure.locales == (locale,)


def test_a_language_without_a_usual_region_is_asked_for_one() -> None:
    with pytest.raises(EngineUnavailable, match="needs the region of 'qu'"):
        choose_engine("azure-speech", language="qu", azure=AzureSpeech("https://x", SecretStr(KEY)))
