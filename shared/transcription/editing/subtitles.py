"""Read the words of a corrected WebVTT, SubRip or plain text file, with their speakers where it names them.

Apart from `captions`, which writes such files. Times are not read: the words are aligned with those that are known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import unescape

from shared.domain.text import is_visible, is_writable
from shared.transcription.editing.operations import MAX_SPEAKER_CHARS

_ARROW = "-->"
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>")
_TAG = re.compile(r"<[^<>]*>")  # `<` ends the search as well: a file of a million `<` takes linear time
_SRT_TAG = re.compile(r"</?(?:[biu]|font\b[^<>]*)>|\{\\[^{}]*\}", re.IGNORECASE)
_NO_CUES = ("NOTE", "STYLE", "REGION", "WEBVTT")


class TextFormat(StrEnum):
    """The form of a corrected text."""

    VTT = "vtt"
    SRT = "srt"
    TXT = "txt"


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word of the file."""

    text: str
    speaker: str | None


def recognised(content: str) -> TextFormat:
    """Return the form that the content has."""
    if content.removeprefix("\ufeff").startswith("WEBVTT"):
        return TextFormat.VTT
    return TextFormat.SRT if re.search(r"^[ \t]*\d+:\d\d:\d\d,\d{3}\s+-->", content, re.MULTILINE) else TextFormat.TXT


def read_words(content: str, form: TextFormat) -> list[WrittenWord]:
    """Return the words in order."""
    content = content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if form is TextFormat.TXT:
        return [WrittenWord(text, None) for text in _words(content)]
    return list(_cue_words(content, form))


def _cue_words(content: str, form: TextFormat) -> Iterator[WrittenWord]:
    for block in re.split(r"\n[ \t]*\n", content):
        lines = block.strip("\n").split("\n")
        arrow = next((at for at, line in enumerate(lines[:2]) if _ARROW in line), None)
        if arrow is None or (
            lines[0].split(" ")[0].split("\t")[0] in _NO_CUES and arrow != 0 and form is TextFormat.VTT
        ):
            continue
        text = " ".join(lines[arrow + 1 :])
        if form is TextFormat.SRT:
            yield from (WrittenWord(word, None) for word in _words(_SRT_TAG.sub("", text)))
        else:
            yield from _voiced(text)


def _voiced(text: str) -> Iterator[WrittenWord]:
    speaker: str | None = None
    at = 0
    for voice in (*_VOICE.finditer(text), None):
        said = text[at : voice.start() if voice else len(text)]
        for word in _words(unescape(_TAG.sub("", said))):
            yield WrittenWord(word, speaker)
        if voice is not None:
            speaker, at = " ".join(_words(unescape(voice[1])))[:MAX_SPEAKER_CHARS].strip() or None, voice.end()


def _words(text: str) -> list[str]:
    return [word for word in "".join(filter(is_writable, text)).split() if is_visible(word)]
