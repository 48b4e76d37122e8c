"""Write a transcript as an HTML page to read, to print and to publish.

Apart from `captions`, which is for players. The page is one file without scripts that loads nothing; every text in it
is escaped. A time is a link of the form `#t=83.2`, as media fragments have it: https://www.w3.org/TR/media-frags/
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from shared.domain.timestamps import clock
from shared.domain.transcript_version import ReviewState
from shared.transcription.page_style import STYLE
from shared.transcription.paragraphs import chapter_of, joined, paragraphs
from shared.transcription.payload import UNDETERMINED, Chapters, Transcript, TranscriptSegment

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may do: apply its own style."""

Paragraph = tuple[TranscriptSegment, ...]


def to_html(transcript: Transcript, chapters: Chapters, title: str, state: ReviewState = ReviewState.AUTO) -> str:
    """Return the page of a recording with this title; the foot says how far its text is corrected."""
    starts = [chapter.start for chapter in chapters.chapters]
    found = list(paragraphs(transcript, starts))
    parts = [
        (chapters.chapters[number].title if number >= 0 else "", list(group))
        for number, group in groupby(found, lambda paragraph: chapter_of(paragraph[0], starts))
    ]
    if len(parts) == 1:  # a single chapter is the recording
        parts = [("", found)]
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{_language(transcript.language)}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}\n</style>",
        "</head>",
        "<body>",
        *_header(transcript, title, [(name, group[0]) for name, group in parts if name]),
        "<main>",
        *_sections(parts, transcript.language),
        "</main>",
        *_footer(transcript, state),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _header(transcript: Transcript, title: str, contents: Sequence[tuple[str, Paragraph]]) -> Iterator[str]:
    yield "<header>"
    yield f'<h1 dir="auto">{escape(title)}</h1>'
    yield f'<p class="facts" lang="en">Transcript · {clock(transcript.duration_sec)}</p>'
    if contents:
        yield '<nav aria-label="Chapters"><ol>'
        for name, first in contents:
            start = first[0].start
            yield f'<li><a href="#{_anchor(start)}"><span>{clock(start)}</span><span>{escape(name)}</span></a></li>'
        yield "</ol></nav>"
    yield "</header>"


def _sections(parts: Sequence[tuple[str, Sequence[Paragraph]]], language: str) -> Iterator[str]:
    shown: set[str] = set()
    for name, group in parts:
        yield "<section>"
        if name:
            yield f'<h2 dir="auto">{escape(name)}</h2>'
        speaker = None
        for paragraph in group:
            anchor = _anchor(paragraph[0].start)
            yield from _paragraph(paragraph, language, anchor, is_new=anchor not in shown, before=speaker)
            shown.add(anchor)
            speaker = paragraph[0].speaker
        yield "</section>"


def _paragraph(paragraph: Paragraph, language: str, anchor: str, *, is_new: bool, before: str | None) -> Iterator[str]:
    first = paragraph[0]
    identity = f' id="{anchor}"' if is_new else ""
    spoken = {segment.language for segment in paragraph} - {None, language}
    tongue = f' lang="{_language(spoken.pop() or language)}"' if len(spoken) == 1 else ""
    named = first.speaker is not None and first.speaker != before
    speaker = f'<span class="speaker">{escape(first.speaker or "")}:</span> ' if named else ""
    yield f'<div class="said"{identity}>'
    yield f'<a class="time" href="#{anchor}"><time datetime="PT{first.start:g}S">{clock(first.start)}</time></a>'
    yield f'<p dir="auto"{tongue}>{speaker}{escape(joined(paragraph, language))}</p>'
    yield "</div>"


def _footer(transcript: Transcript, state: ReviewState) -> Iterator[str]:
    if not transcript.segments:
        yield '<footer lang="en"><p>Nothing was understood in this recording.</p></footer>'
    elif state is ReviewState.REVIEWED:
        yield '<footer lang="en"><p>Corrected and reviewed by people.</p></footer>'
    elif state is ReviewState.IN_CORRECTION:
        yield '<footer lang="en"><p>Written by a machine, and being corrected by people.</p></footer>'
    else:
        by = f"Written by a machine ({transcript.engine.name}, {transcript.engine.model})."
        yield f'<footer lang="en"><p>{escape(f"{by} {transcript.expectation}".strip())}</p></footer>'


def _anchor(seconds: float) -> str:
    return f"t={round(seconds, 3)!r}".removesuffix(".0")


def _language(code: str) -> str:
    """Return the code for `lang`, which is empty where the language is unknown."""
    return "" if code == UNDETERMINED else escape(code)
