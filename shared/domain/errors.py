"""Every failure that Rostrum names, in one tree; knows nothing of HTTP status codes, Azure or media libraries.

    RostrumError
    ├── FinalError                       the job or task ends at once: trying again cannot help
    │   ├── NotMedia                     ├── SourceNotFound
    │   ├── EmptyRecording               ├── SourceRefused
    │   ├── EncryptedRecording           ├── AddressRefused
    │   ├── NoUsableStream               ├── RecordingTooLarge
    │   ├── DamagedRecording             ├── RecordingTooLong
    │   ├── UnsupportedRecording         ├── ChecksumMismatch
    │   ├── EngineUnavailable            ├── StageExhausted
    │   ├── SourceTooSlow                ├── WebhookUndelivered
    │   └── TrackNotFound                └── UnknownVocabulary
    ├── TransientError                   raised to the host, which delivers the message again
    │   ├── SourceUnavailable
    │   ├── SourceChanged
    │   ├── StorageUnavailable
    │   ├── WriteConflict
    │   ├── EngineBusy
    │   ├── WorkerDied
    │   ├── KeyServerUnavailable
    │   └── RowOfLaterRelease
    ├── UnreadableRow                    a row in storage holds what this release cannot read
    ├── SettingsInvalid                  a setting cannot be read
    └── RequestError                     the caller's mistake; nothing was accepted
        ├── InvalidRequest               ├── StorageFull
        ├── NotFound                     ├── Conflict
        │   └── BlobMissing              │
        ├── ResultNotReady               ├── UploadIncomplete
        │   └── ResultInTheMaking        │
        ├── InsufficientScope            ├── RateLimited
        │                                │   └── TooManyStreams
        ├── IdempotencyKeyReused         ├── IdempotencyKeyInUse
        ├── RedeliveryWaiting            │
        ├── CannotProbe                  ├── WebhooksNotConfigured
        ├── Busy                         ├── RequestTimedOut
        ├── InvalidOperation             ├── TextDoesNotFit
        ├── PreconditionRequired         ├── PreconditionFailed
        ├── ForeignHost                  ├── ForeignOrigin
        └── Unauthenticated              who calls is not known
            ├── AuthNotConfigured        ├── TokenMissing
            └── TokenInvalid             └── TokenExpired

A class gives the stable `code` and the `title` (its docstring's first line); an instance gives the `detail`,
one sentence that a person can act on.
"""

from typing import ClassVar

MAX_DETAIL_CHARS = 2000
"""A detail is for a person; what a library adds to it must not outgrow a table's column."""


class RostrumError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail[:MAX_DETAIL_CHARS]

    @property
    def title(self) -> str:
        """Return the kind of failure in a few words, the same for every instance."""
        return (type(self).__doc__ or RostrumError.__doc__ or "").splitlines()[0].rstrip(".")


class FinalError(RostrumError):
    """The recording cannot be processed."""

    code = "cannot_process"


class NotMedia(FinalError):
    """The file is not a recording."""

    code = "not_media"


class EmptyRecording(FinalError):
    """The recording is empty."""

    code = "empty_recording"


class EncryptedRecording(FinalError):
    """The recording is encrypted."""

    code = "encrypted_recording"


class NoUsableStream(FinalError):
    """The recording has neither sound nor picture that can be read."""

    code = "no_usable_stream"


class DamagedRecording(FinalError):
    """The recording is damaged beyond use."""

    code = "damaged_recording"


class UnsupportedRecording(FinalError):
    """The recording is in a form that is not supported."""

    code = "unsupported_recording"


class TrackNotFound(FinalError):
    """The recording has no such track."""

    code = "track_not_found"


class SourceNotFound(FinalError):
    """Nothing is to be found at the source's address."""

    code = "source_not_found"


class SourceRefused(FinalError):
    """The source's server refused to hand out the recording."""

    code = "source_refused"


class AddressRefused(FinalError):
    """The source's address may not be used."""

    code = "address_refused"


class RecordingTooLarge(FinalError):
    """The recording is larger than allowed."""

    code = "recording_too_large"


class SourceTooSlow(FinalError):
    """The source's server is too slow."""

    code = "source_too_slow"


class RecordingTooLong(FinalError):
    """The recording is longer than allowed."""

    code = "recording_too_long"


class ChecksumMismatch(FinalError):
    """The recording is not the file that was announced."""

    code = "checksum_mismatch"


class EngineUnavailable(FinalError):
    """The engine or model that was asked for is not available."""

    code = "engine_unavailable"


class UnknownVocabulary(FinalError):
    """The organisation has no vocabulary with this name."""

    code = "unknown_vocabulary"


class WebhookUndelivered(FinalError):
    """The webhook was not accepted."""

    code = "webhook_undelivered"


class StageExhausted(FinalError):
    """A stage failed again and again."""

    code = "stage_exhausted"
    retryable = True


class TransientError(RostrumError):
    """Something failed that may work a little later."""

    code = "transient_failure"
    retryable = True


class SourceUnavailable(TransientError):
    """The source's server did not answer as it should."""

    code = "source_unavailable"


class SourceChanged(TransientError):
    """The source changed while it was being downloaded."""

    code = "source_changed"


class StorageUnavailable(TransientError):
    """The storage account did not answer."""

    code = "storage_unavailable"


class WriteConflict(TransientError):
    """Someone else changed the same row at the same time."""

    code = "write_conflict"


class EngineBusy(TransientError):
    """The transcription service does not answer as it should."""

    code = "engine_busy"


class WorkerDied(TransientError):
    """The process that ran the step was not heard of any more."""

    code = "worker_died"


class KeyServerUnavailable(TransientError):
    """The server with the keys of tokens does not answer."""

    code = "key_server_unavailable"

    def __init__(self, detail: str, retry_after_sec: int = 10) -> None:
        super().__init__(detail)
        self.retry_after_sec = retry_after_sec


class RowOfLaterRelease(TransientError):
    """What is asked for was written by a later release."""


class UnreadableRow(RostrumError):
    """What is asked for cannot be read from storage."""

    code = "unreadable_row"


class SettingsInvalid(RostrumError):
    """The service is not set up correctly."""

    code = "settings_invalid"


class RequestError(RostrumError):
    """The request cannot be served."""

    code = "bad_request"


class InvalidRequest(RequestError):
    """The request is not valid."""

    code = "invalid_request"


class InvalidOperation(RequestError):
    """An operation cannot be applied to the transcript."""

    code = "invalid_operation"

    def __init__(self, detail: str, pointer: str = "#") -> None:
        super().__init__(detail)
        self.pointer = pointer
        """A JSON pointer into the body, as a fragment."""


class TextDoesNotFit(RequestError):
    """The text is not one of this recording."""

    code = "text_does_not_fit"


class PreconditionRequired(RequestError):
    """The request needs If-Match."""

    code = "precondition_required"


class PreconditionFailed(RequestError):
    """There is a newer version."""

    code = "precondition_failed"


class NotFound(RequestError):
    """There is no such thing here."""

    code = "not_found"


class BlobMissing(NotFound):
    """A file is not in storage any more."""

    def __init__(self, detail: str, container: str = "", name: str = "") -> None:
        super().__init__(detail)
        self.container, self.name = container, name

    @classmethod
    def of(cls, container: str, name: str) -> "BlobMissing":
        """Return the error for this blob."""
        return cls(f"There is no blob {container}/{name}.", container, name)


class ResultNotReady(RequestError):
    """The result does not exist yet."""

    code = "result_not_ready"


class ResultInTheMaking(ResultNotReady):
    """The result does not exist yet."""

    retryable = True


class Conflict(RequestError):
    """The request does not fit the present state."""

    code = "conflict"


class RedeliveryWaiting(RequestError):
    """A redelivery of this webhook is waiting already."""

    code = "redelivery_waiting"
    retryable = True


class IdempotencyKeyReused(RequestError):
    """The idempotency key belongs to another request."""

    code = "idempotency_key_reused"


class IdempotencyKeyInUse(RequestError):
    """The first request with this idempotency key is still running."""

    code = "idempotency_key_in_use"
    retryable = True


class UploadIncomplete(RequestError):
    """The upload is not complete."""

    code = "upload_incomplete"


class CannotProbe(RequestError):
    """The recording cannot be judged by a part of it."""

    code = "cannot_probe"


class StorageFull(RequestError):
    """The disk behind the local storage is nearly full."""

    code = "storage_full"
    retryable = True


class WebhooksNotConfigured(RequestError):
    """Webhooks cannot be signed."""

    code = "webhooks_not_configured"


class InsufficientScope(RequestError):
    """The token does not allow this."""

    code = "insufficient_scope"

    def __init__(self, detail: str, scope: str = "") -> None:
        super().__init__(detail)
        self.scope = scope


class RateLimited(RequestError):
    """The organisation asks too often."""

    code = "rate_limited"
    retryable = True

    def __init__(self, detail: str, retry_after_sec: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_sec = retry_after_sec


class TooManyStreams(RateLimited):
    """The organisation holds as many event streams as it may."""

    code = "too_many_streams"


class Busy(RequestError):
    """Too much of this is going on."""

    code = "busy"
    retryable = True

    def __init__(self, detail: str, retry_after_sec: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_sec = retry_after_sec


class ForeignHost(RequestError):
    """The request names a host that is not this one."""

    code = "foreign_host"


class ForeignOrigin(RequestError):
    """The request comes from another site's page."""

    code = "foreign_origin"


class RequestTimedOut(RequestError):
    """The request did not arrive in time."""

    code = "request_timeout"
    retryable = True


class Unauthenticated(RequestError):
    """Who calls is not known."""

    code = "unauthenticated"


class AuthNotConfigured(Unauthenticated):
    """No caller is let in before authentication is set up."""

    code = "auth_not_configured"


class TokenMissing(Unauthenticated):
    """The request has no token."""

    code = "token_missing"


class TokenInvalid(Unauthenticated):
    """The token is not valid."""

    code = "token_invalid"


class TokenExpired(Unauthenticated):
    """The token has expired."""

    code = "token_expired"
