"""Show each failure as a caller gets it: one example of every kind that the API's description names.

They are the exceptions themselves, so that the one mapper makes their code, status and headers. A route that raises one
of them raises `new` of it.
"""

from copy import copy
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from shared.domain.errors import (
    AddressRefused,
    AuthNotConfigured,
    Busy,
    CannotProbe,
    ChecksumMismatch,
    Conflict,
    DamagedRecording,
    EmptyRecording,
    EncryptedRecording,
    EngineUnavailable,
    ForeignHost,
    ForeignOrigin,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InsufficientScope,
    InvalidOperation,
    InvalidRequest,
    KeyServerUnavailable,
    NotFound,
    NotMedia,
    NoUsableStream,
    PreconditionFailed,
    PreconditionRequired,
    RateLimited,
    RecordingTooLarge,
    RedeliveryWaiting,
    RequestTimedOut,
    ResultInTheMaking,
    ResultNotReady,
    RostrumError,
    SourceChanged,
    SourceNotFound,
    SourceRefused,
    SourceTooSlow,
    SourceUnavailable,
    StorageFull,
    StorageUnavailable,
    TextDoesNotFit,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    TooManyStreams,
    TrackNotFound,
    UnknownVocabulary,
    UnsupportedRecording,
    UploadIncomplete,
    WebhooksNotConfigured,
)

E = TypeVar("E", bound=Exception)

JOB_ID = "7w1x3e5j8k2m9n4p6q1"
SESSION_ID = "7w1x3e5j8k2m9n4p6q0"
UPLOAD_ID = SCHEDULE_ID = DELIVERY_ID = "7w1x3e5j8k2m9n4p6q2"

_EXAMPLES: tuple[RostrumError, ...] = (
    AuthNotConfigured("ROSTRUM_AUTH=none works only while the storage is the local emulator."),
    TokenMissing("The request needs the header Authorization: Bearer, with a token."),
    TokenInvalid("The token's signature does not fit."),
    TokenExpired("The token has expired."),
    InsufficientScope("The token lacks the scope jobs:write.", "jobs:write"),
    ForeignHost(
        "Without authentication the API answers only as localhost; set ROSTRUM_PUBLIC_URL or ROSTRUM_AUTH=jwt."
    ),
    ForeignOrigin("Without authentication the API takes no orders from other sites' pages."),
    RateLimited("More than 6000 requests a minute; ask again in 3 s.", 3),
    TooManyStreams("500 event streams are open already; close one, or ask again in 10 s.", 10),
    Busy("Too many imports are going on; ask again in 10 s.", 10),
    RequestTimedOut("Nothing more of the form arrived for 30 s."),
    StorageUnavailable("The storage account did not answer for the job."),
    KeyServerUnavailable("The key server does not answer, and the token's key is not known."),
    StorageFull("Only 512 MiB are free on the disk of the local storage; nothing was accepted."),
    InvalidRequest("The cursor belongs to another list."),
    InvalidOperation("The transcript has no word w7.", "#/operations/0/wordIds/0"),
    TextDoesNotFit("Only 12 of 4711 words are the same. Import a corrected text of this recording."),
    PreconditionRequired("Send the ETag of the transcript that you edited in the header If-Match."),
    PreconditionFailed("The transcript has a newer version, 8; read it, and apply your changes to it."),
    IdempotencyKeyReused("The idempotency key 8e03978e-40d5 was used for a request with another body; use a new key."),
    IdempotencyKeyInUse("The first request with this idempotency key is still running; ask again in a moment."),
    NotFound(f"There is no job {JOB_ID}."),
    ResultNotReady(f"Job {JOB_ID} ended in CANCELED."),
    Conflict("The job has ended already: it is DONE."),
    RedeliveryWaiting("A redelivery of this job's end is waiting already; it has to end first."),
    UploadIncomplete("734003200 bytes were announced and 8388608 arrived."),
    UnknownVocabulary("There is no vocabulary 'algebra'; PUT /vocabularies/algebra makes one."),
    EngineUnavailable(
        "The engine pocketsphinx knows English only, not 'de': leave the choice to auto, or take faster-whisper."
    ),
    WebhooksNotConfigured("Webhooks need a secret to be signed with: set ROSTRUM_WEBHOOK_SECRET."),
    ChecksumMismatch("The recording was changed after it had been submitted; upload it as a new one."),
    EmptyRecording("The file is empty (0 bytes)."),
    RecordingTooLarge("The recording has more than 21474836480 bytes, which is the most that is accepted."),
    NotMedia("The address leads to a web page, not to a recording; use the address of the file itself."),
    EncryptedRecording("The recording is encrypted (copy protection); it can only be processed without it."),
    NoUsableStream("The recording has neither sound nor picture that can be read."),
    DamagedRecording("Nothing of the recording's sound or picture could be decoded."),
    UnsupportedRecording("The file refers to other files; only self-contained recordings can be processed."),
    TrackNotFound("audioTrack is 5, which is not the stream index of a sound that can be decoded; there is: 1, 2."),
    AddressRefused(
        "The address leads to a private or reserved network; only servers on the public internet can be used."
    ),
    SourceNotFound("The source's server has nothing at this address (it answered 404)."),
    SourceRefused("The source's server refused to hand out the recording (it answered 403)."),
    SourceTooSlow("The server example.com did not send the recording within 20 s."),
    SourceUnavailable("The source's server cannot serve the recording now (it answered 502)."),
    SourceChanged("The source has become shorter than what was already read."),
    CannotProbe(
        "What the recording is does not show in its first 32 MiB, and a probe may not read all that it would take. "
        "Submit it: a job reads everything."
    ),
)

EXAMPLES: dict[type[RostrumError], RostrumError] = {type(example): example for example in _EXAMPLES}

MALFORMED_JSON = RequestValidationError(
    [{"type": "json_invalid", "loc": ("body", 27), "ctx": {"error": "Expecting ',' delimiter"}}]
)
INVALID_BODY = RequestValidationError(
    [{"type": "extra_forbidden", "loc": ("body", "sourceURL"), "msg": "Extra inputs are not permitted"}]
)
INVALID_QUERY = RequestValidationError(
    [{"type": "less_than_equal", "loc": ("query", "limit"), "msg": "Input should be less than or equal to 100"}]
)
INVALID_KEY = InvalidRequest(
    "The header Idempotency-Key must be given once and have 1 to 255 visible ASCII characters."
)
BODY_TOO_LARGE = HTTPException(413, "A JSON body may have at most 262144 bytes.")
NO_SESSION = NotFound(f"There is no session {SESSION_ID}.")
NO_VERSION = NotFound("The transcript has no version 7.")
NOT_UTF8 = HTTPException(400, "The file is not in UTF-8.")
EMPTY_TEXT = InvalidRequest("The file has no text.")
NO_UPLOAD = NotFound(f"There is no upload {UPLOAD_ID}.")
NO_SCHEDULE = NotFound(f"There is no schedule {SCHEDULE_ID}.")
TOO_MANY_SCHEDULES = Conflict("The organisation has 100 schedules, which is the most; delete one first.")
NO_VOCABULARY = NotFound("There is no vocabulary algebra.")
CHANGED_VOCABULARY = PreconditionFailed("The vocabulary 'algebra' is another than the caller has read; read it again.")
TOO_MANY_VOCABULARIES = Conflict("The organisation has 100 vocabularies, which is the most; delete one first.")
BEING_MADE = ResultInTheMaking(f"Job {JOB_ID} is at work on it.")
STILL_AT_WORK = Conflict(f"Job {JOB_ID} is at work on the session; cancel it, or wait until it has ended.")
NO_TASK = NotFound("There is no task redelivery-7w1x3e5j8k2m9n4p6q2.")
TASK_RUNNING = Conflict("Only a task that failed or waits can be retried; this one is running.")
SERVICE_SCHEDULE = Conflict("The service keeps this schedule for itself, and would create it again.")
NO_DEAD_LETTER = NotFound(f"Queue transcriptions has no dead letter {DELIVERY_ID}.")
NO_QUEUE = NotFound("There is no queue uploads; there are downloads, transcriptions, trackings, renditions, tasks.")
UPLOAD_EXPIRED = Conflict("The upload expired at 2026-11-20 09:15 UTC; begin a new one.")
NOT_ACCEPTABLE = HTTPException(
    406, "The transcript is offered as application/json, text/vtt, application/x-subrip, text/plain."
)
NO_OLD_PAGE = HTTPException(
    406, "An earlier version is offered as application/json, text/vtt, application/x-subrip, text/plain."
)
ONLY_JSON = HTTPException(406, "A partial transcript is offered as application/json only.")
RELATIVE = Conflict("A manifest needs absolute addresses, and ROSTRUM_PUBLIC_URL is not set.")
NO_JSON = HTTPException(415, "The body must be JSON, with the header Content-Type: application/json.")


def new(example: E) -> E:
    """Return an error like the example, to be raised.

    An exception keeps the frames of every place where it was raised, and with them the bodies of requests.
    """
    return copy(example)


JOB_REFUSED = (EngineUnavailable, TrackNotFound, UnknownVocabulary, AddressRefused, WebhooksNotConfigured)
"""Refusals of a job that could only fail, or that could not tell its end to its `callbackUrl`."""

UNREADABLE = (
    NotMedia,
    EmptyRecording,
    EncryptedRecording,
    NoUsableStream,
    DamagedRecording,
    UnsupportedRecording,
    TrackNotFound,
)
"""Why a recording that is there cannot be processed."""

UNREACHABLE = (
    AddressRefused,
    SourceNotFound,
    SourceRefused,
    SourceTooSlow,
    SourceUnavailable,
    SourceChanged,
    RecordingTooLarge,
)
"""Why a recording cannot be had from its address."""
