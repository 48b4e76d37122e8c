"""Define what the models of all result files share: their names on the wire, rounding, and warnings for programs.

Apart from the models, because the rooms of transcription, tracking and slides do not import each other.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.domain.warning import RecordingWarning, read_stored


class Payload(BaseModel):
    """A frozen model in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


def decimals(digits: int) -> AfterValidator:
    """Return a validator that rounds to `digits` decimals, so that computed and re-read values are the same."""
    return AfterValidator(lambda value: round(value, digits))


RoundedSeconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False), decimals(3)]
RoundedFraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False), decimals(4)]

StoredWarnings = Annotated[tuple[RecordingWarning, ...], BeforeValidator(read_stored)]
"""Warnings in a file of a stage; those of earlier releases are texts."""

WarningDetails = Annotated[
    tuple[RecordingWarning, ...],
    Field(description="The warnings for programs, where there are any.", exclude_if=lambda found: not found),
]
"""Warnings beside their texts in a result file."""
