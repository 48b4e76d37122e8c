"""The copy of commit e4b8643's data, taken up by the application of today in an emulator of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devhost.azurite import install_azurite, start_azurite
from shared.settings import Settings
from shared.storage.connect import connect
from tests.stored.new_host import PART_SEC, Clock, NewHost, new_host
from tests.stored.recordings import RecordingServer, serving
from tests.stored.stored_copy import StoredCopy, served_files


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    """Serve what jobs of the copy are still to fetch, and take their webhooks."""
    with serving(served_files()) as server:
        yield server


@pytest.fixture(scope="module")
def host(server: RecordingServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewHost]:
    """Today's application over the copy, columns with the types of the table service; nothing has run yet."""
    copy = StoredCopy(server.netloc)
    clock = Clock(copy.taken_at)
    settings: dict[str, Any] = {
        "engine": "pocketsphinx",
        "detector": "plate",
        "transcription_part_sec": PART_SEC,
        "tracking_part_sec": PART_SEC,
        "rendition_part_sec": PART_SEC,
        "allow_loopback_sources": True,
    }
    emulator = start_azurite(install_azurite(print), Path(tmp_path_factory.mktemp("stored")))
    try:
        settings["AzureWebJobsStorage"] = emulator.connection_string
        copy.into_account(emulator.connection_string)
        storage = connect(emulator.connection_string, clock=clock)
        with new_host(copy, server, storage, clock, Settings.model_validate(settings)) as host:
            yield host
        storage.close()
    finally:
        emulator.stop()
