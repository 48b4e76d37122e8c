"""An example of every operation's answer, made of the models that the API answers with, so that none can be wrong.

The modules of this package have the examples of one group of routes each.
"""

import json
from typing import Any

from pydantic import BaseModel

from shared.api.openapi.operation_examples.common import JSON, PATH_VALUES, Examples
from shared.api.openapi.operation_examples.jobs import JOB_EXAMPLES
from shared.api.openapi.operation_examples.queues import QUEUE_EXAMPLES
from shared.api.openapi.operation_examples.results import RESULT_EXAMPLES
from shared.api.openapi.operation_examples.sessions import SESSION_EXAMPLES

__all__ = ["EXAMPLES", "JSON", "PATH_VALUES", "examples_of"]

EXAMPLES: Examples = {**JOB_EXAMPLES, **QUEUE_EXAMPLES, **SESSION_EXAMPLES, **RESULT_EXAMPLES}


def examples_of(operation_id: str) -> dict[str, Any]:
    """Return the operation's examples by media type; empty where the schema has its own, or none are needed."""
    found = EXAMPLES.get(operation_id, {})
    texts = {JSON: found.model_dump_json(by_alias=True)} if isinstance(found, BaseModel) else found
    return {kind: json.loads(text) if kind == JSON else text for kind, text in texts.items()}
