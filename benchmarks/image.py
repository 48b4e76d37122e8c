"""Replay the steps of the Dockerfile in an empty folder; print the size of the image and what indexing its app costs.

    python -m benchmarks.image [--python python3.13] [--requirements requirements-api.txt …]

No container engine is needed: `COPY` goes to a folder, and `RUN python` runs in an empty virtual environment of the
Python that the image has. Packages come from the registry that pip is set up for. Prints for each set of requirements
the size of what was installed, the number of functions, the CPU seconds of indexing them, and the media libraries that
indexing loaded. Exit status 1 where the app is not indexed, loads a media library, or takes longer than the bar.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BAR_CPU_SEC = 3.0
"""CPU seconds that the first indexing may take, imports and their compilation included."""
SETS = {"requirements.txt": "all", "requirements-embedded.txt": "worker", "requirements-api.txt": "api"}
"""The sets of requirements, each with the role of the app that it is for."""

INDEX = """
import json, sys, time
import function_app
names = [each.get_function_name() for each in function_app.app.get_functions()]
media = sorted({"av", "cv2", "numpy", "onnxruntime"} & set(sys.modules))
print(json.dumps({"functions": names, "cpu_sec": time.process_time(), "media": media}))
"""


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--python", default=f"python{image_argument('PYTHON_VERSION')}", help="the image's Python")
    arguments.add_argument("--requirements", nargs="+", choices=SETS, default=list(SETS))
    given = arguments.parse_args()
    if not runs(given.python):
        print(f"{given.python} is not on this machine; name the image's Python with --python")
        return 1
    return max([replay(given.python, name) for name in given.requirements])


def runs(python: str) -> bool:
    """Return whether the interpreter is there; the launcher of a version manager may stand for one that is not."""
    found = shutil.which(python)
    return found is not None and subprocess.run([found, "--version"], capture_output=True).returncode == 0


def image_argument(name: str) -> str:
    """Return the default of an argument of the Dockerfile."""
    found = re.search(rf"^ARG {name}=(\S+)$", dockerfile(), re.MULTILINE)
    if found is None:
        raise LookupError(f"the Dockerfile has no argument {name}")
    return found[1]


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def replay(python: str, requirements: str) -> int:
    """Take the Dockerfile's steps with these requirements, index the app, and print what came of it."""
    with tempfile.TemporaryDirectory() as name:
        image = Path(name)
        subprocess.run([python, "-m", "venv", image / "venv"], check=True)
        environment = {"PATH": f"{image / 'venv/bin'}:/usr/bin:/bin", "HOME": name, "ROSTRUM_ROLE": SETS[requirements]}
        for words in (line.split() for line in dockerfile().splitlines() if line and not line.startswith("#")):
            if words[0] == "ENV":
                environment |= dict(word.split("=", 1) for word in words[1:])
            elif words[0] == "COPY":
                for source in words[1:-1]:
                    copy(ROOT / source.replace("${REQUIREMENTS}", requirements), image / words[-1].lstrip("/"))
            elif words[0] == "RUN":
                steps = [word.replace("/requirements.txt", str(image / "requirements.txt")) for word in words[1:]]
                subprocess.run(
                    steps, check=True, cwd=image, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
                )
        app = image / environment["AzureWebJobsScriptRoot"].lstrip("/")
        indexed = subprocess.run(["python", "-c", INDEX], cwd=app, env=environment, capture_output=True, text=True)
        if indexed.returncode != 0:
            print(f"{requirements}: not indexed\n{indexed.stderr}")
            return 1
        found = json.loads(indexed.stdout)
        packages = next((image / "venv/lib").glob("python*/site-packages"))
        megabytes = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / 1e6
        print(
            f"{requirements:26} {megabytes:5.0f} MB installed, {len(found['functions']):2} functions indexed in "
            f"{found['cpu_sec']:.1f} CPU s (bar {BAR_CPU_SEC:g}), media libraries loaded: "
            f"{', '.join(found['media']) or 'none'}"
        )
        return 0 if found["functions"] and not found["media"] and found["cpu_sec"] <= BAR_CPU_SEC else 1


def copy(source: Path, target: Path) -> None:
    """Copy as Docker does: a folder's content, or a file to a path or into a folder."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        return
    into = target / source.name if target.is_dir() or not target.suffix else target
    into.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, into)


if __name__ == "__main__":
    sys.exit(main())
