"""Warnings as they are stored, and as earlier releases stored them."""

import pytest

from shared.domain.recording import Recording
from shared.domain.warning import OTHER, About, RecordingWarning, from_text
from shared.storage.columns import from_columns, to_columns
from shared.tracking.plan import MOVED
from shared.tracking.plate.camera_motion import UNSETTLED
from shared.tracking.plate.plate import TOO_FEW
from shared.transcription.choose import ASSUMED, QUALITY, azure_warnings
from shared.transcription.transcribe import TELEPHONE

CUT = RecordingWarning("recording_cut_off", About.RECORDING, "The recording is cut off: it declares 2.0 s.")


def test_a_row_keeps_the_codes() -> None:
    recording = Recording("mp4", 1, 0.0, 1.0, None, None, (CUT, TELEPHONE))
    columns = to_columns(recording)
    assert str(columns["warnings"]).count("\n") == 1
    assert from_columns(Recording, columns) == recording


def test_a_row_of_an_earlier_release_is_read() -> None:
    stored = {**to_columns(Recording("mp4", 1, 0.0, 1.0, None, None)), "warnings": f"{CUT.text}\nIt is odd."}
    assert from_columns(Recording, stored).warnings == (CUT, RecordingWarning(OTHER, About.RECORDING, "It is odd."))


@pytest.mark.parametrize(
    "warning",
    [MOVED, UNSETTLED, TOO_FEW, QUALITY, ASSUMED, TELEPHONE, *azure_warnings("https://westeurope.example")],
)
def test_a_text_of_an_earlier_release_gets_its_code(warning: RecordingWarning) -> None:
    assert from_text(warning.text) == warning


@pytest.mark.parametrize(
    ("text", "about"), [("The picture is odd.", About.PICTURE), ("The sound is odd.", About.SOUND)]
)
def test_a_text_that_is_not_known_keeps_its_subject(text: str, about: About) -> None:
    assert from_text(text) == RecordingWarning(OTHER, about, text)
