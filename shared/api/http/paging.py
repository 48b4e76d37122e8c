"""Query parameters of lists. One that is given empty, as forms send them, is one that is not given."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BeforeValidator, Field

from shared.api.dependencies import ID_PATTERN
from shared.job_status import JobStatus

MAX_PAGE = 100
DEFAULT_PAGE = 20


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


def _usual_if_empty(value: Any) -> Any:
    return DEFAULT_PAGE if value == "" else value


_Empty = Literal[""]
_Size = Annotated[int, Field(ge=1, le=MAX_PAGE)]
_Id = Annotated[str, Field(pattern=ID_PATTERN)]

Limit = Annotated[
    _Size,
    BeforeValidator(_usual_if_empty, json_schema_input_type=_Size | _Empty),
    Query(description="Most items on a page."),
]
Cursor = Annotated[
    Annotated[str, Field(max_length=2000)] | None,
    BeforeValidator(_none_if_empty),
    Query(description="From a page's `nextLink`; it stands at the same place under other filters."),
]
Active = Annotated[
    bool | None,
    BeforeValidator(_none_if_empty, json_schema_input_type=bool | _Empty | None),
    Query(description="Only those that have not ended, or only those that have."),
]
Status = Annotated[
    JobStatus | None,
    BeforeValidator(_none_if_empty, json_schema_input_type=JobStatus | _Empty | None),
    Query(description="Only those in this status."),
]
OfSession = Annotated[
    _Id | None,
    BeforeValidator(_none_if_empty, json_schema_input_type=_Id | _Empty | None),
    Query(alias="sessionId", description="Only those of this session."),
]
