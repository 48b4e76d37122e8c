"""Writes `e4b8643.json.gz`, the copy of a storage account that `test_stored_data.py` reads.

Run it with a checkout of that commit, whose code does everything that is written:

    git worktree add --detach ../old e4b8643
    (cd ../old && python3 dev.py setup)
    ../old/.rostrum/venv/bin/python tests/stored/make_stored.py ../old

It starts an Azurite of its own, takes about two minutes, and needs the network for nothing. What the states are is in
`job_states.py` and `task_states.py`; the form of the copy is in `README.md`.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

COMMIT = "e4b8643"
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write the copy beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", type=Path, help=f"a checkout of {COMMIT}")
    checkout = parser.parse_args().checkout.resolve()
    sys.path[:0] = [str(checkout), str(HERE)]
    os.environ["ROSTRUM_MODELS_DIR"] = str(HERE / "none")  # no model that happens to be on this machine
    os.chdir(checkout)

    from clips import clips
    from dump import write_copy
    from job_states import make_download, make_jobs
    from old_host import OldHost
    from recordings import serving
    from task_states import make_old, make_tasks

    from devhost.azurite import install_azurite, start_azurite

    files = clips(checkout / "examples" / "lecture.mp4")
    with tempfile.TemporaryDirectory() as folder, serving(files) as server:
        emulator = start_azurite(install_azurite(print), Path(folder))
        try:
            with OldHost(emulator.connection_string, server) as host:
                make_old(host)
                make_jobs(host)
                make_tasks(host)
                make_download(host)
                write_copy(host, HERE / f"{COMMIT}.json.gz", COMMIT)
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
