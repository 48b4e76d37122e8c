"""Write a transcript as WebVTT, SubRip and plain text.

Apart from `cues`, which decides the content of each cue and knows no file format.
"""

from collections.abc import Callable, Iterable, Iterator

from pysubs2 import SSAEvent, SSAFile

from shared.domain.transcript_version import ReviewState
from shared.transcription.caption_rules import DEFAULT_RULES, CaptionRules
from shared.transcription.cues import Cue, make_cues
from shared.transcription.paragraphs import joined, paragraphs
from shared.transcription.payload import Transcript

AUTO_GENERATED = "(auto-generated)"
"""What captions are labelled with until people correct them."""


def to_webvtt(
    transcript: Transcript, rules: CaptionRules = DEFAULT_RULES, state: ReviewState = ReviewState.AUTO
) -> str:
    """Return the transcript as WebVTT (`text/vtt`), with the voice of each cue whose speaker is known.

    A note says that a text is auto-generated, until people correct it.
    """
    text = _subtitles(transcript, rules, "vtt", _webvtt_lines)
    if state is not ReviewState.AUTO:
        return text
    head, line, cues = text.partition("\n")
    return f"{head}{line}\nNOTE {AUTO_GENERATED}\n{cues}"


def to_srt(transcript: Transcript, rules: CaptionRules = DEFAULT_RULES) -> str:
    """Return the transcript as SubRip (`application/x-subrip`)."""
    return _subtitles(transcript, rules, "srt", _srt_lines)


def to_text(transcript: Transcript) -> str:
    """Return the transcript as paragraphs, which end at long pauses; the text ends with a line feed unless empty."""
    texts = [joined(paragraph, transcript.language) for paragraph in paragraphs(transcript)]
    return "\n\n".join(texts) + "\n" if texts else ""


def _subtitles(
    transcript: Transcript, rules: CaptionRules, format_: str, lines_of: Callable[[Cue], Iterable[str]]
) -> str:
    subtitles = SSAFile()
    for cue in make_cues(transcript, rules):
        text = r"\N".join(line.replace("\\", "∖") for line in lines_of(cue))  # pysubs2 reads \n in a word as a break
        subtitles.append(SSAEvent(start=round(cue.start * 1000), end=round(cue.end * 1000), text=text))
    return subtitles.to_string(format_, keep_ssa_tags=True)  # braces in the text are braces


def _webvtt_lines(cue: Cue) -> Iterator[str]:
    voice = "" if cue.speaker is None else f"<v {_webvtt_text(' '.join(cue.speaker.split()))}>"
    for line in cue.lines:
        yield voice + _webvtt_text(line)
        voice = ""


def _srt_lines(cue: Cue) -> Iterator[str]:
    return (line.replace("-->", "→") for line in cue.lines)


def _webvtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
