"""Transcribe speech with the fast transcription API of Azure AI Speech.

Apart from the other engines because it sends the sound to a service. API:
https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create. Stretches of speech are sent as
FLAC, at most five minutes at a time, without long silences. The service gives a confidence for each phrase, not for
each word.
"""

import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import av
import httpx
import numpy as np

from shared.domain.errors import EngineBusy, EngineUnavailable
from shared.domain.warning import RecordingWarning
from shared.transcription.audio import SAMPLE_RATE, WavAudio
from shared.transcription.choose import AzureSpeech, azure_warnings
from shared.transcription.engine import EngineInfo, Segment, TranscriptionRequest, Word
from shared.transcription.vad import Span

API_VERSION = "2025-10-15"
EXPECTATION = "How many words the service gets wrong was not measured by this project."
STRETCH_SEC = 300.0
"""Longest sound in one request."""
LONG_PAUSE_SEC = 20.0
"""A longer pause is not sent: it ends the request."""
BLOCK_SEC = 10.0
"""Sound encoded at a time."""
ANSWER_SEC = 240.0
"""Timeout of a request; the service needs a small fraction of the sound's length."""
CONNECT_SEC = 10.0
LOOK_SEC = 0.5
"""Interval at which a waiting engine calls `report`, which may stop the work."""
ATTEMPTS = 4
FIRST_WAIT_SEC = 2.0
"""Wait before the second attempt; doubles with each attempt, unless the service gives `Retry-After`."""
LONGEST_WAIT_SEC = 60.0
MAX_MESSAGE_CHARS = 300

_TRY_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class AzureSpeechEngine:
    """Speech engine on an Azure resource, without diarization or profanity filter; `sleep` waits between attempts."""

    def __init__(
        self, service: AzureSpeech, *, answer_sec: float = ANSWER_SEC, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._service = service
        self._timeout = httpx.Timeout(answer_sec, connect=CONNECT_SEC)
        self._sleep = sleep
        self._info = EngineInfo(
            "azure-speech", API_VERSION, "fast-transcription", written=True, expectation=EXPECTATION
        )

    @property
    def info(self) -> EngineInfo:
        return self._info

    def warnings_for(self, language: str | None) -> tuple[RecordingWarning, ...]:
        """Return the warning that the sound was sent to the service."""
        return azure_warnings(self._service.endpoint)

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """Yield the service's phrases; the candidate languages were set by `choose_engine`, not by the request."""
        total = sum(span.length for span in request.spans)
        definition: dict[str, Any] = {"locales": list(self._service.locales), "profanityFilterMode": "None"}
        if request.hints.hotwords:
            definition["phraseList"] = {"phrases": list(request.hints.hotwords)}
        done = 0.0
        for spans in _stretches(request.spans):
            start, end = spans[0].start, spans[-1].end
            look = partial(request.report, done / total)
            answer = self._ask(to_flac(request.audio, start, end), definition, look)
            yield from _segments(answer, Span(start, end))
            done += sum(span.length for span in spans)
        request.report(1.0)

    def _ask(self, sound: bytes, definition: Mapping[str, Any], look: Callable[[], None]) -> Mapping[str, Any]:
        """Return the service's answer, retrying timeouts, transport errors, 408, 429 and 5xx with backoff.

        Raises:
            EngineUnavailable: If the service refused the request.
            EngineBusy: If no attempt succeeded, or the answer cannot be read.
        """
        problem = ""
        for attempt in range(ATTEMPTS):
            look()
            wait_sec = FIRST_WAIT_SEC * 2**attempt
            try:
                response = _aside(lambda: self._post(sound, definition), look)
            except httpx.TimeoutException:
                problem = "did not answer in time"
            except httpx.TransportError as error:
                problem = f"could not be reached ({type(error).__name__})"
            else:
                if response.status_code == HTTPStatus.OK:
                    return _read(response)
                problem = f"answered {response.status_code}: {_message(response)}"
                if response.status_code not in _TRY_AGAIN and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise EngineUnavailable(f"{self._host} {problem}")
                wait_sec = _retry_after(response, wait_sec)
            if attempt + 1 < ATTEMPTS:
                self._wait(min(wait_sec, LONGEST_WAIT_SEC), look)
        raise EngineBusy(f"{self._host} {problem}")

    def _post(self, sound: bytes, definition: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(
            f"{self._service.endpoint}/speechtotext/transcriptions:transcribe",
            params={"api-version": API_VERSION},
            headers={"Ocp-Apim-Subscription-Key": self._service.key.get_secret_value()},
            files={
                "audio": ("audio.flac", sound, "audio/flac"),
                "definition": (None, json.dumps(definition), "application/json"),
            },
            timeout=self._timeout,
        )

    def _wait(self, seconds: float, look: Callable[[], None]) -> None:
        while seconds > 0:
            self._sleep(min(LOOK_SEC, seconds))
            seconds -= LOOK_SEC
            look()

    @property
    def _host(self) -> str:
        return f"The speech service at {urlsplit(self._service.endpoint).hostname}"


def to_flac(audio: WavAudio, start_sec: float, end_sec: float) -> bytes:
    """Return the sound of [start, end) as FLAC: lossless, about half the size."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        at = start_sec
        while at < end_sec:
            samples = np.frombuffer(audio.read_s16(at, min(at + BLOCK_SEC, end_sec)), dtype="<i2")
            at += BLOCK_SEC
            if len(samples) == 0:
                break
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def _aside(work: Callable[[], httpx.Response], look: Callable[[], None]) -> httpx.Response:
    """Run the work in a thread, so that `look` may stop the wait; the request then ends by its own timeout."""
    future: Future[httpx.Response] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)

    Thread(target=run, name="azure-speech", daemon=True).start()
    while not wait([future], LOOK_SEC).done:
        look()
    return future.result()


def _stretches(spans: Iterable[Span]) -> Iterator[list[Span]]:
    stretch: list[Span] = []
    for span in spans:
        if stretch and (span.end - stretch[0].start > STRETCH_SEC or span.start - stretch[-1].end > LONG_PAUSE_SEC):
            yield stretch
            stretch = []
        stretch.append(span)
    if stretch:
        yield stretch


def _segments(answer: Mapping[str, Any], within: Span) -> Iterator[Segment]:
    phrases = [phrase for phrase in answer["phrases"] if str(phrase.get("text", "")).strip()]
    for phrase in sorted(phrases, key=lambda each: float(each["offsetMilliseconds"])):
        confidence = min(1.0, max(0.0, float(phrase.get("confidence", 1.0))))
        words = tuple(_words(phrase, within, confidence))
        yield Segment(
            start=words[0].start,
            end=words[-1].end,
            text=str(phrase["text"]).strip(),
            confidence=confidence,
            words=words,
            language=str(phrase.get("locale") or "und").split("-")[0].lower(),
        )


def _words(phrase: Mapping[str, Any], within: Span, confidence: float) -> Iterator[Word]:
    """Yield the phrase's words, or the phrase as a single word where the service gave none."""
    for word in phrase.get("words") or [phrase]:
        start = within.start + float(word["offsetMilliseconds"]) / 1000
        end = start + float(word["durationMilliseconds"]) / 1000
        yield Word(str(word["text"]), min(start, within.end), min(end, within.end), confidence)


def _read(response: httpx.Response) -> Mapping[str, Any]:
    try:
        answer = response.json()
        for phrase in answer["phrases"]:
            for timed in (phrase, *(phrase.get("words") or ())):
                float(timed["offsetMilliseconds"]), float(timed["durationMilliseconds"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineBusy("The speech service's answer cannot be read.") from error
    return dict(answer)


def _message(response: httpx.Response) -> str:
    """Return the error message of the service, from {"code", "message"} or {"error": {…}}."""
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "the key in ROSTRUM_AZURE_SPEECH_KEY is not accepted for this resource or region."
    try:
        body = response.json()
        message = str(body.get("message") or body["error"]["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        message = response.reason_phrase
    return message[:MAX_MESSAGE_CHARS]


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return otherwise
