"""Write the API's description to docs/openapi.json, or check that what is there is up to date:

python -m shared.api.openapi.document [--check]
"""

import json
import sys
from pathlib import Path

from shared.api.app import create_app
from shared.generated_file import write_or_check
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.wiring import build_services

TARGET = Path(__file__).parents[3] / "docs" / "openapi.json"


def described() -> str:
    """Return the description as JSON text, the same at every run."""
    app = create_app(build_services(Settings(), MemoryStorage()))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str], target: Path = TARGET) -> int:
    """Write or check `target`; return 0 when it is up to date or was written, 1 when it differs."""
    return write_or_check(arguments, target, described(), module="shared.api.openapi.document", source="API is")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
