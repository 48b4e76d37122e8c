"""The caller of a request and its scopes. Knows nothing of tokens."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import InsufficientScope


class Scope(StrEnum):
    """A right of a caller. `jobs:write` does not include reading; `admin` includes everything."""

    READ = "jobs:read"
    WRITE = "jobs:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """An organisation's member or program."""

    org_id: str
    scopes: frozenset[str]
    name: str | None = None
    """How the token names the caller; it stands beside what the caller changed."""

    def require(self, scope: Scope) -> None:
        """Raise InsufficientScope unless the caller has the scope."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise InsufficientScope(f"The token lacks the scope {scope}.", scope)


LOCAL_ORGANISATION = "local"
"""The organisation of every caller while there is no authentication."""

LOCAL_CALLER = Caller(LOCAL_ORGANISATION, frozenset(Scope), LOCAL_ORGANISATION)
