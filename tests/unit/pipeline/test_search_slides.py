"""Search over slides: a hit says that it stood on a slide, and has the time of the slide's first visit."""

import pytest

from shared.domain.search.transcript import PASSAGE_TOKENS, Source, SpokenWord, index_texts
from shared.pipeline.jobs.search import search
from shared.pipeline.stages.search_index import forget_session, index_slides, index_transcript
from shared.pipeline.updates import change_session
from shared.slides.payload import SlideLine, SlidePayload, Slides
from shared.storage.ports import RESULTS
from tests.unit.pipeline.test_search import ORG, Talks, bracketed

BOX = (0.1, 0.1, 0.5, 0.1)


def slide(number: int, title: str, body: str, start: float) -> SlidePayload:
    lines = [("title", title), ("body", body), ("footer", "Rostrum lectures"), ("number", str(number))]
    return SlidePayload(
        id=number,
        title=title,
        number=str(number),
        picture=f"slide-{number:04d}.jpg",
        lines=tuple(SlideLine(text=text, box=BOX, confidence=0.9, role=role) for role, text in lines),
        visits=((start, start + 30.0), (start + 100.0, start + 110.0)),
    )


@pytest.fixture
def talks() -> Talks:
    """A talk with two slides, of which little is said."""
    talks = Talks()
    talks.add("s1", "Rivers carve valleys over time")
    show(talks, "job", slide(1, "How rain falls", "Clouds gather moisture", 10.0), slide(2, "Rivers", "Erosion", 50.0))
    return talks


def show(talks: Talks, job_id: str, *slides: SlidePayload) -> None:
    """Index the slides of the session's latest job."""
    found = Slides(session_id="s1", job_id=job_id, region=None, slides=slides, warnings=())
    blob = f"{ORG}/s1/{job_id}/slides.json"
    talks.storage.blobs.write(RESULTS, blob, found.model_dump_json(by_alias=True).encode(), "application/json")
    change_session(talks.services, ORG, "s1", lambda session: session.evolve(sidecar_job_id=job_id))
    index_slides(talks.services, ORG, "s1", job_id)


def test_a_hit_on_a_slide_says_so_and_has_the_time_of_its_first_visit(talks: Talks) -> None:
    (found,) = talks.find("moisture").items
    assert (found.source, found.job_id, found.start, found.end) == (Source.SLIDE, "job", 10.0, 40.0)
    assert bracketed(found) == "How rain falls Clouds gather [moisture]"


def test_what_is_said_and_shown_is_found_twice(talks: Talks) -> None:
    assert [found.source for found in talks.find("rivers").items] == [Source.SPEECH, Source.SLIDE]


def test_words_of_two_slides_are_no_place_and_footers_are_not_searched(talks: Talks) -> None:
    assert talks.find("moisture erosion").items == ()
    assert talks.find("lectures").items == ()
    assert [found.start for found in talks.find("rivers erosion").items] == [50.0]


def test_pages_go_over_both_sources(talks: Talks) -> None:
    first = search(talks.services, ORG, "rivers", limit=1)
    second = search(talks.services, ORG, "rivers", limit=1, cursor=first.cursor)
    assert [first.items[0].source, second.items[0].source] == [Source.SPEECH, Source.SLIDE]
    assert second.cursor is None


def test_neither_source_removes_the_other_and_a_later_job_replaces_its_own(talks: Talks) -> None:
    index_transcript(talks.services, ORG, "s1", "job")
    assert len(talks.find("erosion").items) == 1
    show(talks, "job-2", slide(1, "Glaciers", "Ice", 5.0))
    assert talks.find("erosion").items == ()
    assert [found.source for found in talks.find("rivers").items] == [Source.SPEECH]
    forget_session(talks.services, ORG, "s1")
    assert talks.rows() == (0, 0)


def test_each_text_begins_a_passage() -> None:
    long = [SpokenWord(f"word{number}", 0.0, 1.0) for number in range(PASSAGE_TOKENS + 5)]
    short = [SpokenWord("end", 2.0, 3.0)]
    found = index_texts([long, short, short], org_id="o", session_id="s", job_id="j", session_name="", spaced=True)
    assert [(passage.number, passage.first_token) for passage in found.passages] == [
        (number, number * PASSAGE_TOKENS) for number in range(4)
    ]
    assert found.positions["end"] == [2 * PASSAGE_TOKENS, 3 * PASSAGE_TOKENS]
