"""What can go wrong between a program and Rostrum.

RostrumClientError
├── RostrumApiError      the API answered with a problem
├── RostrumUnreachable   no answer came, after several tries
├── UploadFailed         storage did not take the file
├── ArtefactDamaged      a result differs from what its sidecar announces
└── WaitTimedOut         the job did not end in the time the caller gave
"""


class RostrumClientError(Exception):
    """Something went wrong between this program and Rostrum."""


class RostrumApiError(RostrumClientError):
    """The API answered with a problem: `code` is stable, `title` names the kind, `detail` tells a person what to do."""

    def __init__(self, code: str, title: str, detail: str, status: int) -> None:
        super().__init__(f"{title.rstrip('.')}: {detail}" if detail else title)
        self.code = code
        self.title = title
        self.detail = detail
        self.status = status

    @property
    def is_callers_mistake(self) -> bool:
        """Whether the request itself was wrong, so that sending it again cannot help."""
        return self.status in (400, 413, 415, 422)


class RostrumUnreachable(RostrumClientError):
    """No answer came, after several tries."""


class UnexpectedAnswer(RostrumClientError):
    """Something answered that does not speak like Rostrum."""


class UploadFailed(RostrumClientError):
    """Storage did not take the file."""


class ArtefactDamaged(RostrumClientError):
    """A result differs from what its sidecar announces."""


class WaitTimedOut(RostrumClientError):
    """The job did not end in the time the caller gave."""
