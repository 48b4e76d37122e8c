"""Check a background job's arguments: JSON has to give them back as they were."""

import math
from typing import Any


def find_non_json(value: Any, path: str) -> str | None:
    """Return the first part of `value` that JSON cannot represent, as the first half of a sentence; else None.

    `path` names the value in that sentence. A tuple counts, too: it would come back as a list.
    """
    if value is None or isinstance(value, str | bool | int):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{path} is {value}"
    if isinstance(value, list):
        return next(filter(None, (find_non_json(item, f"{path}[{at}]") for at, item in enumerate(value))), None)
    if isinstance(value, dict):
        if (key := next((each for each in value if not isinstance(each, str)), None)) is not None:
            return f"{path} has the key {key!r}, which is no text"
        return next(filter(None, (find_non_json(item, f"{path}.{key}") for key, item in value.items())), None)
    return f"{path} is of type {type(value).__name__}"
