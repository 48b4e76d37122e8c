"""Who calls, and what they may do. Knows nothing of tokens."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import InsufficientScope


class Scope(StrEnum):
    """What a caller may do. `jobs:write` does not include reading; `admin` includes everything."""

    READ = "jobs:read"
    WRITE = "jobs:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """An organisation's member or program."""

    org_id: str
    scopes: frozenset[str]

    def require(self, scope: Scope) -> None:
        """Raises InsufficientScope unless the caller has the scope."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise InsufficientScope(f"The token lacks the scope {scope}.", scope)


LOCAL_ORGANISATION = "local"
"""Whose everything is while nobody has to say who they are."""

LOCAL_CALLER = Caller(LOCAL_ORGANISATION, frozenset(Scope))
