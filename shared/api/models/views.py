"""Define what all views share: the shapes in which the API shows things."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """Something that is shown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, from_attributes=True)


def without_query(url: str) -> str:
    """Return the address without its query, which may be a signature that readers were not given."""
    return url.partition("?")[0].partition("#")[0]
