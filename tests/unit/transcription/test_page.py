"""The HTML transcript, read by a parser that did not write it."""

from html.parser import HTMLParser

import pytest

from shared.transcription.chapters import propose_chapters
from shared.transcription.page import to_html
from shared.transcription.payload import ChapterPayload, Transcript
from tests.unit.transcription.test_captions import spoken, transcript

VOID = {"meta"}


class Reader(HTMLParser):
    """Notes the elements in order, and raises AssertionError for a page that is not well formed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def texts_of(self, tag: str) -> list[str]:
        return [text for at, text in self.texts if at == tag]

    def values(self, tag: str, name: str) -> list[str]:
        return [found[name] for at, found in self.attributes if at == tag and name in found]


def read(talk: Transcript, title: str = "A talk", chapters: tuple[tuple[float, float, str], ...] = ()) -> Reader:
    proposed = propose_chapters(talk)
    if chapters:
        given = tuple(ChapterPayload(start=a, end=b, title=name, reasons=()) for a, b, name in chapters)
        proposed = proposed.model_copy(update={"chapters": given})
    return Reader(to_html(talk, proposed, title))


def test_times_are_links_to_their_paragraphs() -> None:
    talk = transcript(spoken("One two.", 0.5), spoken("Three.", 3605.25), duration=4000.0)
    page = read(talk, chapters=((0.0, 4000.0, "All"),))
    assert page.texts_of("p")[1:3] == ["One two.", "Three."]
    assert page.values("a", "href") == ["#t=0.5", "#t=3605.25"]
    assert page.values("div", "id") == ["t=0.5", "t=3605.25"]
    assert page.texts_of("time") == ["0:00", "1:00:05"]


def test_chapters_are_headings_and_contents() -> None:
    talk = transcript(spoken("One.", 0.5), spoken("Two.", 1.5), spoken("Three.", 2.5), duration=60.0)
    page = read(talk, chapters=((0.0, 1.5, "Begin"), (1.5, 60.0, "End <here>")))
    assert page.texts_of("h2") == ["Begin", "End <here>"]
    assert page.texts_of("p")[1:3] == ["One.", "Two. Three."]
    assert page.values("a", "href") == ["#t=0.5", "#t=1.5", "#t=0.5", "#t=1.5"]
    assert read(talk).texts_of("h2") == []


def test_a_chapter_that_begins_between_segments_has_the_next_as_its_first() -> None:
    talk = transcript(spoken("One.", 0.5), spoken("Two.", 1.5), spoken("Three.", 2.5), duration=60.0)
    page = read(talk, chapters=((0.0, 1.2, "Begin"), (1.2, 2.6, "Middle"), (2.6, 60.0, "End")))
    assert page.texts_of("h2") == ["Begin", "Middle", "End"]
    assert page.texts_of("p")[1:4] == ["One.", "Two.", "Three."]


@pytest.mark.parametrize(
    "evil", ["</title><script>alert(1)</script>", '" onload="alert(1)', "a & b &lt; c", "</style>"]
)
def test_every_text_is_escaped(evil: str) -> None:
    talk = transcript([(evil, 0.5, 1.0)], [(evil, 2.0, 3.0)], duration=60.0)
    segments = [segment.model_copy(update={"speaker": evil, "language": evil}) for segment in talk.segments]
    page = read(
        talk.model_copy(update={"segments": tuple(segments), "expectation": evil}),
        title=evil,
        chapters=((0.0, 2.0, evil), (2.0, 60.0, evil)),
    )
    assert {tag for tag, _ in page.attributes} == (
        {"html", "head", "meta", "title", "style", "body", "header", "h1", "p", "nav", "ol", "li", "a", "span"}
        | {"main", "section", "h2", "div", "time", "footer"}
    )
    assert page.texts_of("title") == page.texts_of("h1") == [evil]
    assert page.texts_of("h2") == [evil, evil]
    assert page.texts_of("p").count(evil) == 2
    assert page.texts_of("span").count(f"{evil}:") == 2  # named again in each chapter
    assert not any(name.startswith("on") for _, found in page.attributes for name in found)


def test_the_page_and_what_differs_from_it_say_their_language() -> None:
    talk = transcript(spoken("Guten Tag.", 0.5), spoken("Good day.", 9.0), duration=60.0, language="de")
    segments = (talk.segments[0], talk.segments[1].model_copy(update={"language": "en"}))
    page = read(talk.model_copy(update={"segments": segments}))
    assert page.values("html", "lang") == ["de"]
    assert page.values("p", "lang") == ["en", "en"]  # the line of facts, and what was said in English
    assert read(transcript(language="und")).values("html", "lang") == [""]


def test_the_page_loads_nothing() -> None:
    text = to_html(transcript(spoken("One.")), propose_chapters(transcript(spoken("One."))), "A talk")
    assert not any(found in text for found in ("src=", "url(", "@import", "<link", "<script"))
    assert "default-src 'none'" in text


def test_two_paragraphs_at_one_time_have_one_place() -> None:
    page = read(transcript([("x" * 700 + ".", 1.0, 1.0)], [("y", 1.0, 2.0)], duration=60.0))
    assert page.values("a", "href") == ["#t=1", "#t=1"]
    assert page.values("div", "id") == ["t=1"]


def test_nothing_said_is_said() -> None:
    assert "Nothing was understood in this recording." in read(transcript(language="und")).texts_of("p")
