"""Writes a transcript as WebVTT, SubRip and plain text.

Apart from `cues`, which decides the content of each cue and knows no file format.
"""

from collections.abc import Callable, Iterator

from pysubs2 import SSAEvent, SSAFile

from shared.transcription.caption_rules import DEFAULT_RULES, CaptionRules
from shared.transcription.cues import UNSPACED, make_cues
from shared.transcription.payload import Transcript
from shared.transcription.sentence_ends import SENTENCE_ENDS

PARAGRAPH_PAUSE_SEC = 2.0
"""A pause of this length ends any paragraph."""
LONG_PARAGRAPH_CHARS = 600
"""From this length on, a shorter pause or the end of a sentence ends a paragraph."""
SHORTER_PAUSE_SEC = 0.7
"""A pause of this length ends a long paragraph."""


def to_webvtt(transcript: Transcript, rules: CaptionRules = DEFAULT_RULES) -> str:
    """Return the transcript as WebVTT (`text/vtt`)."""
    return _subtitles(transcript, rules, "vtt", _webvtt_text)


def to_srt(transcript: Transcript, rules: CaptionRules = DEFAULT_RULES) -> str:
    """Return the transcript as SubRip (`application/x-subrip`)."""
    return _subtitles(transcript, rules, "srt", lambda line: line.replace("-->", "→"))


def to_text(transcript: Transcript) -> str:
    """Return the transcript as paragraphs, which end at long pauses; the text ends with a line feed unless empty."""
    return "\n\n".join(_paragraphs(transcript)) + "\n" if transcript.segments else ""


def _subtitles(transcript: Transcript, rules: CaptionRules, format_: str, escape: Callable[[str], str]) -> str:
    subtitles = SSAFile()
    for cue in make_cues(transcript, rules):
        text = r"\N".join(
            escape(line.replace("\\", "∖")) for line in cue.lines
        )  # pysubs2 reads \n in a word as a break
        subtitles.append(SSAEvent(start=round(cue.start * 1000), end=round(cue.end * 1000), text=text))
    return subtitles.to_string(format_, keep_ssa_tags=True)  # braces in the text are braces


def _webvtt_text(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _paragraphs(transcript: Transcript) -> Iterator[str]:
    space = "" if transcript.language in UNSPACED else " "
    paragraph = ""
    end = 0.0
    for segment in transcript.segments:
        pause = segment.start - end
        full = len(paragraph) >= LONG_PARAGRAPH_CHARS and (
            pause >= SHORTER_PAUSE_SEC or paragraph.endswith(SENTENCE_ENDS)
        )
        if paragraph and (pause >= PARAGRAPH_PAUSE_SEC or full):
            yield paragraph
            paragraph = ""
        paragraph += (space if paragraph else "") + segment.text
        end = segment.end
    if paragraph:
        yield paragraph
