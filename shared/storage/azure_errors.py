"""Translate Azure's exceptions into the domain's, so that no module outside this package depends on `azure.core`."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from shared.domain.errors import NotFound, StorageUnavailable, WriteConflict

_CONFLICTS = (409, 412)
_REFUSED = (401, 403)
_BUSY = (408, 429)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise NotFound for 404, WriteConflict for 409 and 412, StorageUnavailable when the account does not answer as it
    should; `what` names the thing in the detail. Any other refusal is a mistake of ours and stays what it is."""
    try:
        yield
    except HttpResponseError as err:
        status = err.status_code
        if status == 404:
            raise NotFound(f"There is no {what}.") from err
        if status in _CONFLICTS:
            raise WriteConflict(f"Someone else changed the {what} meanwhile.") from err
        if status is None or status >= 500 or status in _BUSY:
            raise StorageUnavailable(
                f"The storage account failed to serve the {what} ({status or 'no answer'})."
            ) from err
        if status in _REFUSED:
            raise StorageUnavailable(f"The storage account refused access to the {what} ({status}).") from err
        raise
    except AzureError as err:
        raise StorageUnavailable(f"The storage account did not answer for the {what}.") from err


def has_code(error: HttpResponseError, code: str) -> bool:
    """Return whether the service gave this code of its own, such as `TableNotFound`. The SDKs put it into the text of
    every error, while the attribute `error_code` is missing where their generated layer raised first."""
    return code in str(error)
