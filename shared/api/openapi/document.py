"""Writes the API's description to docs/openapi.json, or checks that what is there is up to date:

python -m shared.api.openapi.document [--check]
"""

import argparse
import json
import sys
from pathlib import Path

from shared.api.app import create_app
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
    parser = argparse.ArgumentParser(prog="python -m shared.api.openapi.document", description="Describe the API.")
    parser.add_argument("--check", action="store_true", help="only compare, and fail on a difference")
    wanted = described()
    if not parser.parse_args(arguments).check:
        target.write_text(wanted, encoding="utf-8")
        return 0
    if target.is_file() and target.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write(f"{target.name} is not what the API is now: run python -m shared.api.openapi.document\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
