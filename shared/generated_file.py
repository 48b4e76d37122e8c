"""Write a file of the documentation that is generated from the code, or check that it is up to date.

Apart from what generates the content, because the settings and the API's description are kept up to date alike.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def write_or_check(arguments: Sequence[str], target: Path, content: str, *, module: str, source: str) -> int:
    """Write the content to `target`, or compare the two with `--check`.

    Args:
        arguments: The command line's.
        target: The generated file.
        content: What the file has to hold.
        module: The module that the command line runs, for the message.
        source: What the content is generated from, for the message.

    Returns:
        The exit status: 0 when the file was written or is up to date, 1 when it differs.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Generate {target.name}.")
    parser.add_argument("--check", action="store_true", help="only compare, and fail on a difference")
    if not parser.parse_args(arguments).check:
        target.write_text(content, encoding="utf-8")
        return 0
    if target.is_file() and target.read_text(encoding="utf-8") == content:
        return 0
    sys.stderr.write(f"{target.name} is not what the {source} now: run python -m {module}\n")
    return 1
