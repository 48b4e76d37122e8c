"""Define what can go wrong between a program and Rostrum.

RostrumClientError
├── RostrumApiError      the API answered with a problem
├── RostrumUnreachable   no answer came, after several tries
├── UnexpectedAnswer     something answered that does not speak like Rostrum
├── UploadFailed         storage did not take the file
├── DownloadFailed       storage did not give the recording
├── ArtefactDamaged      a result differs from what its sidecar announces
└── WaitTimedOut         the job did not end in the time the caller gave
"""

from collections.abc import Mapping, Sequence


class RostrumClientError(Exception):
    """Something went wrong between this program and Rostrum."""


class RostrumApiError(RostrumClientError):
    """The API answered with a problem (RFC 9457).

    `code` is stable, `title` names the kind, `detail` tells a person what to do, `errors` lists what is wrong in the
    request as `{"pointer", "detail"}`, `trace_id` is what the server's logs know it under.

    >>> try:
    ...     client.job("no-such-job")
    ... except RostrumApiError as problem:
    ...     print(problem.status, problem.code)
    404 not_found
    """

    def __init__(
        self,
        code: str,
        title: str,
        detail: str,
        status: int,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        trace_id: str | None = None,
        retryable: bool = False,
        retry_after_sec: float | None = None,
    ) -> None:
        told = [f"{error.get('pointer', '')}: {error.get('detail', '')}" for error in errors]
        told = [each for each in told if each not in detail]  # Rostrum's own detail names the first ones already
        more = f"({'; '.join(told[:3])})" if told else ""
        says = " ".join(filter(None, [detail, more]))
        super().__init__(f"{title.rstrip('.')}: {says}" if says else title)
        self.code = code
        self.title = title
        self.detail = detail
        self.status = status
        self.errors = tuple(errors)
        self.trace_id = trace_id
        self.retryable = retryable
        self.retry_after_sec = retry_after_sec

    @property
    def is_callers_mistake(self) -> bool:
        """Return whether the request itself was wrong, so that sending it again cannot help."""
        return self.status in (400, 413, 415, 422)


class RostrumUnreachable(RostrumClientError):
    """No answer came, after several tries."""


class UnexpectedAnswer(RostrumClientError):
    """Something answered that does not speak like Rostrum."""


class UploadFailed(RostrumClientError):
    """Storage did not take the file."""


class DownloadFailed(RostrumClientError):
    """Storage did not give the recording."""


class ArtefactDamaged(RostrumClientError):
    """A result differs from what its sidecar announces."""


class WaitTimedOut(RostrumClientError):
    """The job did not end in the time the caller gave."""
