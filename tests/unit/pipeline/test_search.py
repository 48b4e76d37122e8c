"""Search over the in-memory storage: what goes into the index, what comes out of it, and what is found."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.domain.search.places import NEAR_TOKENS
from shared.domain.session import Session
from shared.pipeline.context import Services
from shared.pipeline.jobs.search import (
    PLACES_OF_ONE_SESSION,
    Found,
    FoundPage,
    search,
)
from shared.pipeline.stages.search_index import forget_session, index_transcript
from shared.pipeline.updates import change_session
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import RESULTS
from shared.storage.search_table import SearchTable
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from tests.support.scripted_store import ScriptedStore, instead

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORG = "acme"


class Talks:
    """Sessions with transcripts; session `s1` is newer than `s2`."""

    def __init__(self) -> None:
        self.storage = MemoryStorage(lambda: NOW)
        self.words, self.passages = MemoryTable(lambda: NOW), MemoryTable(lambda: NOW)
        self.scripted_words, self.scripted_passages = ScriptedStore(self.words), ScriptedStore(self.passages)
        index: Any = {"words": self.scripted_words, "passages": self.scripted_passages}
        object.__setattr__(self.storage, "search", SearchTable(**index))
        self.services = Services(
            storage=self.storage, settings=Settings(), clock=lambda: NOW, new_id=lambda: "unused", work={}
        )

    def add(self, session_id: str, text: str, *, name: str = "A talk", org_id: str = ORG) -> None:
        """A session with an indexed transcript."""
        self.storage.sessions.create(
            Session(session_id=session_id, org_id=org_id, name=name, source_blob="b", created_at=NOW, updated_at=NOW)
        )
        self.transcribe(session_id, "job", text, org_id=org_id)
        index_transcript(self.services, org_id, session_id, "job")

    def transcribe(self, session_id: str, job_id: str, text: str, *, org_id: str = ORG, language: str = "en") -> None:
        """A job makes the session's transcript; every word takes a second."""
        words = tuple(
            TranscriptWord(word=word, start=at, end=at + 1, confidence=1) for at, word in enumerate(text.split())
        )
        segments = [
            TranscriptSegment(id=number, start=some[0].start, end=some[-1].end, text="", confidence=1, words=some)
            for number, some in enumerate(words[at : at + 7] for at in range(0, len(words), 7))
        ]
        transcript = Transcript(
            session_id=session_id,
            job_id=job_id,
            language=language,
            duration_sec=len(words),
            engine=TranscriptEngine(name="e", version="1", model="m"),
            segments=tuple(segments),
            speech_sec=len(words),
            warnings=(),
        )
        blob = f"{org_id}/{session_id}/{job_id}/transcript.json"
        self.storage.blobs.write(RESULTS, blob, transcript.model_dump_json(by_alias=True).encode(), "application/json")
        self.present(session_id, job_id, org_id=org_id)

    def present(self, session_id: str, job_id: str, *, org_id: str = ORG) -> None:
        """The job's transcript is the session's."""
        change_session(self.services, org_id, session_id, lambda session: session.evolve(transcript_job_id=job_id))

    def delete(self, session_id: str) -> None:
        change_session(self.services, ORG, session_id, lambda session: session.evolve(deleted_at=NOW))

    def find(self, text: str, *, org_id: str = ORG, limit: int = 100, **options: Any) -> FoundPage:
        return search(self.services, org_id, text, limit=limit, **options)

    def shown(self, text: str, *, org_id: str = ORG) -> list[tuple[str, str]]:
        """(session, snippet with highlights in brackets) of all finds."""
        return [(found.session_id, bracketed(found)) for found in self.find(text, org_id=org_id).items]

    def rows(self) -> tuple[int, int]:
        return tuple(len(list(table.scan_partitions(""))) for table in (self.words, self.passages))  # type: ignore[return-value]


def bracketed(found: Found) -> str:
    shown = found.snippet
    for start, end in reversed(found.highlights):
        shown = f"{shown[:start]}[{shown[start:end]}]{shown[end:]}"
    return shown


@pytest.fixture
def talks() -> Talks:
    return Talks()


def test_a_find_tells_session_time_and_words(talks: Talks) -> None:
    talks.add("s1", "So, this is Gradient Descent. It goes down.", name="Lecture 4")
    (found,) = talks.find("gradient descent").items
    assert (found.session_id, found.session_name, found.job_id) == ("s1", "Lecture 4", "job")
    assert (found.start, found.end) == (3.0, 5.0)
    assert bracketed(found) == "So, this is [Gradient Descent]. It goes down."


def test_all_words_have_to_be_there_and_quotations_as_they_are(talks: Talks) -> None:
    talks.add("s1", "the step size of gradient descent")
    talks.add("s2", "descent is what the gradient tells")
    talks.add("s3", "neither")
    assert talks.shown('"gradient descent"') == [("s1", "the step size of [gradient descent]")]
    assert talks.shown("gradient descent") == [
        ("s1", "the step size of [gradient descent]"),
        ("s2", "[descent] is what the [gradient] tells"),
    ]
    assert talks.shown('"gradient descent" neither') == []
    assert talks.shown("gradient nowhere") == []


def test_words_far_apart_are_no_place(talks: Talks) -> None:
    talks.add("s1", "gradient " + "x " * NEAR_TOKENS + "descent")
    assert talks.shown("gradient descent") == []


def test_talks_that_say_it_often_or_in_their_name_go_first_then_the_newest(talks: Talks) -> None:
    talks.add("s1", "about matrices")
    talks.add("s2", "about matrices")
    talks.add("s3", "about matrices", name="Matrices")
    talks.add("s4", "matrices " + "x " * 40 + "matrices " + "x " * 40 + "matrices")
    first = [found.session_id for found in talks.find("matrices").items]
    assert first == ["s3", "s4", "s1", "s2", "s4", "s4"]


def test_a_talk_does_not_fill_the_answer_unless_it_is_asked_alone(talks: Talks) -> None:
    talks.add("s1", ("the " + "x " * 40) * 50)
    talks.add("s2", "the end")
    everywhere = [found.session_id for found in talks.find("the").items]
    assert everywhere.count("s1") == PLACES_OF_ONE_SESSION
    assert everywhere.index("s2") < 3
    alone = talks.find("the", session_id="s1").items
    assert sorted(found.start for found in alone) == [float(41 * number) for number in range(50)]


def test_one_session_is_searched_alone(talks: Talks) -> None:
    talks.add("s", "a word")
    talks.add("s-1", "a word")
    talks.add("s1", "a word")
    assert [found.session_id for found in talks.find("word", session_id="s").items] == ["s"]
    assert talks.find("word", session_id="s2").items == ()


def test_another_organisation_finds_nothing(talks: Talks) -> None:
    talks.add("s1", "our secret")
    talks.add("s1", "their own", org_id="other")
    assert talks.shown("secret", org_id="other") == []
    assert talks.shown("own", org_id="other") == [("s1", "their [own]")]
    assert talks.find("secret", org_id="other", session_id="s1").items == ()
    forget_session(talks.services, "other", "s1")
    assert talks.shown("secret") == [("s1", "our [secret]")]


def test_chinese_is_found_and_shown_without_spaces(talks: Talks) -> None:
    talks.add("s1", "")
    talks.transcribe("s1", "job-2", "今天 我 们 学 习 深度 学习", language="zh")
    index_transcript(talks.services, ORG, "s1", "job-2")
    assert talks.shown("学习") == [("s1", "今天我们[学习]深度[学习]")]


def test_pages_follow_each_other_while_talks_are_added(talks: Talks) -> None:
    for number in range(20, 40):
        talks.add(f"s{number}", "the same words again and again")
    whole = talks.find("words").items
    got: list[Found] = []
    cursor: str | None = None
    for number in range(100):
        page = search(talks.services, ORG, "words", limit=3, cursor=cursor)
        got += page.items
        talks.add(f"s1{number}", "the same words again and again")
        cursor = page.cursor
        if cursor is None:
            break
    assert got == list(whole)
    assert len(got) == 20


@pytest.mark.parametrize("cursor", ["x", "MTpqb2JzOmFiYw", "MTpzZWFyY2g6YWJj", "MTpzZWFyY2g6MXxzfHg"])
def test_a_foreign_cursor_is_refused(talks: Talks, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        search(talks.services, ORG, "a", limit=1, cursor=cursor)


def test_a_very_common_word_is_searched_in_the_newest_talks(talks: Talks) -> None:
    for number in range(60):
        talks.add(f"s{number:02}", "the word")
    assert talks.find("the").is_complete
    page = talks.find("the", max_postings=30)
    assert not page.is_complete
    assert [found.session_id for found in page.items] == [f"s{number:02}" for number in range(20)]


def test_a_transcript_made_anew_takes_the_old_one_s_place(talks: Talks) -> None:
    talks.add("s1", "old words here")
    talks.transcribe("s1", "job-2", "new words here")
    assert talks.shown("words") == []  # not indexed yet, and the old one is not the session's any more
    index_transcript(talks.services, ORG, "s1", "job-2")
    assert talks.shown("words") == [("s1", "new [words] here")]
    assert talks.shown("old") == []
    assert talks.rows() == (3, 1)


def test_indexing_again_changes_nothing(talks: Talks) -> None:
    talks.add("s1", "some words " * 100)
    rows = talks.rows()
    index_transcript(talks.services, ORG, "s1", "job")
    assert talks.rows() == rows
    assert talks.shown("words some")


def test_an_older_job_that_comes_late_leaves_no_trace(talks: Talks) -> None:
    talks.add("s1", "old words here")
    talks.transcribe("s1", "job-2", "new words here")
    index_transcript(talks.services, ORG, "s1", "job-2")
    index_transcript(talks.services, ORG, "s1", "job")
    assert talks.shown("words") == [("s1", "new [words] here")]
    assert talks.rows() == (3, 1)


def test_a_transcript_that_is_gone_is_not_found(talks: Talks) -> None:
    talks.add("s1", "old words here")
    talks.storage.blobs.delete(RESULTS, f"{ORG}/s1/job/transcript.json")
    index_transcript(talks.services, ORG, "s1", "job")
    assert talks.rows() == (0, 0)


def test_a_forgotten_session_leaves_no_row(talks: Talks) -> None:
    talks.add("s1", "some words " + " ".join(f"w{number}" for number in range(500)))
    talks.delete("s1")
    assert talks.shown("words") == []
    forget_session(talks.services, ORG, "s1")
    forget_session(talks.services, ORG, "s1")
    assert talks.rows() == (0, 0)
    index_transcript(talks.services, ORG, "s1", "job")
    assert talks.rows() == (0, 0)


Meanwhile = Callable[[Talks], None]


def deleted(talks: Talks) -> None:
    talks.delete("s1")
    forget_session(talks.services, ORG, "s1")


def made_anew(talks: Talks) -> None:
    talks.transcribe("s1", "job-2", "new words here")
    index_transcript(talks.services, ORG, "s1", "job-2")


def made_anew_and_not_indexed(talks: Talks) -> None:
    talks.transcribe("s1", "job-2", "new words here")


def indexed_as_well(talks: Talks) -> None:
    index_transcript(talks.services, ORG, "s1", "job")


@pytest.mark.parametrize("write", range(5))
@pytest.mark.parametrize(
    ("meanwhile", "rows", "words"),
    [
        pytest.param(deleted, (0, 0), [], id="the session is deleted"),
        pytest.param(made_anew, (3, 1), ["new [words] here"], id="another job makes it anew"),
        pytest.param(made_anew_and_not_indexed, (0, 0), [], id="another job will index it"),
        pytest.param(indexed_as_well, (3, 1), ["old [words] here"], id="the same is done at once"),
    ],
)
def test_every_crash_while_a_transcript_is_indexed(
    talks: Talks, write: int, meanwhile: Meanwhile, rows: object, words: list[str]
) -> None:
    """Before each of the calls to the index, and after its first table write, the world may move on."""
    talks.add("s1", "other talk")
    talks.transcribe("s1", "job", "old words here")
    moments, is_moving_on = iter(range(100)), list[bool]()

    def now(call: Callable[..., object]) -> Callable[..., object]:
        def with_world(*arguments: object, **options: object) -> object:
            if not is_moving_on and next(moments) == write:
                is_moving_on.append(True)
                meanwhile(talks)
            return call(*arguments, **options)

        return with_world

    talks.scripted_words.script(upsert_many=now(talks.words.upsert_many))
    talks.scripted_passages.script(
        upsert_many=now(talks.passages.upsert_many), delete_many=now(talks.passages.delete_many)
    )
    sessions = talks.storage.sessions
    index_transcript(instead(talks.services, "sessions", get=now(sessions.get)), ORG, "s1", "job")
    assert is_moving_on
    assert [snippet for _, snippet in talks.shown("words")] == words
    assert talks.rows() == rows


WORDS = st.sampled_from(["so", "it", "goes"])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(WORDS, max_size=50), max_size=4), st.lists(WORDS, min_size=1, max_size=3))
def test_a_phrase_is_found_where_brute_force_finds_it(said: list[list[str]], phrase: list[str]) -> None:
    talks = Talks()
    for number, text in enumerate(said):
        talks.add(f"s{number}", " ".join(text))
    size = len(phrase)
    by_hand = {
        (f"s{number}", at)
        for number, text in enumerate(said)
        for at in range(len(text) - size + 1)
        if text[at : at + size] == phrase
    }
    pages = [talks.find(f'"{" ".join(phrase)}"', session_id=f"s{number}") for number in range(len(said))]
    for items in (talks.find(f'"{" ".join(phrase)}"').items, [found for page in pages for found in page.items]):
        got = {
            (found.session_id, int(found.start) + offset)
            for found in items
            for start, end in found.highlights
            for offset in offsets(found, start, end, phrase)
        }
        assert got == by_hand


def offsets(found: Found, start: int, end: int, phrase: list[str]) -> list[int]:
    """How many words behind the find's first the phrase begins, each time that a highlight holds it."""
    before = len(found.snippet[found.highlights[0][0] : start].split())
    words = found.snippet[start:end].split()
    return [before + at for at in range(len(words)) if words[at : at + len(phrase)] == phrase]
