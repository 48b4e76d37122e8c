"""The search index over both storages, and the batches below it; counted in rows, so that nothing is left behind."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from threading import Thread
from typing import Any

import pytest
import requests

from shared.domain.errors import StorageUnavailable
from shared.domain.search.transcript import (
    PASSAGE_TOKENS,
    IndexedTranscript,
    Passage,
    Posting,
    SpokenWord,
    index_words,
)
from shared.storage.connect import AzureStorage
from shared.storage.search_table import SearchTable
from shared.storage.table import MAX_STRING_UNITS, Row, Table
from tests.support.scripted_store import ScriptedStore

NewTable = Callable[[], Table]

ORG, SESSION, JOB = "acme", "session", "job"


@pytest.fixture
def table(new_table: NewTable) -> Table:
    return new_table()


@pytest.fixture
def words(new_table: NewTable) -> Table:
    return new_table()


@pytest.fixture
def passages(new_table: NewTable) -> Table:
    return new_table()


@pytest.fixture
def index(words: Table, passages: Table) -> SearchTable:
    return SearchTable(words=words, passages=passages)


def transcript(
    text: str,
    *,
    org_id: str = ORG,
    session_id: str = SESSION,
    job_id: str = JOB,
    name: str = "",
    spaced: bool = True,
) -> IndexedTranscript:
    """A transcript in which every word takes a second."""
    spoken = [SpokenWord(word, at + 0.25, at + 1.0) for at, word in enumerate(text.split())]
    return index_words(spoken, org_id=org_id, session_id=session_id, job_id=job_id, session_name=name, spaced=spaced)


def rows(table: Table) -> int:
    return len(list(table.scan_partitions("")))


def found(index: SearchTable, token: str, org_id: str = ORG) -> list[tuple[str, Sequence[int]]]:
    return [(one.job_id, one.positions) for one in index.postings(org_id, token, limit=100)]


KEYS = ["a'b", "a b%20+&=", "的,s,j", "über,s,j", "😀,s", "हिन्दी,s,j", ":"]


def test_a_batch_puts_rows_and_replaces_what_is_there(table: Table) -> None:
    table.upsert(Row("p'ä|1", "old", {"a": 1, "b": 1}))
    table.upsert_many([Row("p'ä|1", "old", {"a": 2}), *(Row("p'ä|1", key, {"text": key}) for key in KEYS)])
    there = {row.key: row.columns for row in table.scan("p'ä|1")}
    assert there == {"old": {"a": 2}, **{key: {"text": key} for key in KEYS}}
    table.delete_many("p'ä|1", KEYS)
    assert [row.key for row in table.scan("p'ä|1")] == ["old"]


def test_any_number_of_rows_of_any_partitions_is_put(table: Table) -> None:
    many = [Row(f"p{number % 2}", f"{number:04}", {"n": number}) for number in range(260)]
    table.upsert_many(many)
    assert {row.columns["n"] for row in table.scan_partitions("")} == set(range(260))
    table.delete_many("p0", [row.key for row in many])
    assert {row.partition for row in table.scan_partitions("")} == {"p1"}


def test_rows_of_full_columns_fit_the_batches_they_are_put_in(table: Table) -> None:
    full = {"x": "ä" * MAX_STRING_UNITS, "y": "y" * MAX_STRING_UNITS}
    table.upsert_many(Row("p", f"{number:02}", full) for number in range(40))
    assert [row.columns for row in table.scan("p", page_size=10)] == [full] * 40


def test_of_rows_with_the_same_keys_the_last_is_put(table: Table) -> None:
    table.upsert_many([Row("p", "k", {"n": 1}), Row("p", "l", {"n": 2}), Row("p", "k", {"n": 3})])
    assert [(row.key, row.columns) for row in table.scan("p")] == [("k", {"n": 3}), ("l", {"n": 2})]


def test_rows_that_are_gone_are_no_hindrance_to_deleting_the_others(table: Table) -> None:
    table.delete_many("p", ["a", "b"])  # not even the table is there yet
    table.upsert_many(Row("p", key, {"n": 1}) for key in "abcd")
    table.delete_many("p", ["a", "x", "c", "y", "a"])
    assert [row.key for row in table.scan("p")] == ["b", "d"]
    table.upsert_many([])
    table.delete_many("p", [])


@pytest.mark.parametrize("arrives", [False, True])
def test_a_batch_survives_a_connection_that_breaks_once(
    azure: AzureStorage, monkeypatch: pytest.MonkeyPatch, org: str, arrives: bool
) -> None:
    send, breaks = azure.session.request, iter([True])

    def breaking(method: str, url: str, **options: object) -> requests.Response:
        if method == "POST" and next(breaks, False):
            if arrives:
                send(method, url, **options).close()
            raise requests.ConnectionError("Connection aborted: remote end closed connection without response")
        return send(method, url, **options)

    azure.search.put(transcript("so it was", org_id=org))
    monkeypatch.setattr(azure.session, "request", breaking)
    azure.search.put(transcript("so it goes", org_id=org))
    assert [one.positions for one in azure.search.postings(org, "goes", limit=9)] == [(2,)]
    breaks = iter([True])
    azure.search.remove(org, SESSION, JOB)
    assert azure.search.jobs(org, SESSION) == set()
    assert azure.search.postings(org, "goes", limit=9) == []
    breaks = iter([True, True])
    with pytest.raises(StorageUnavailable):
        azure.search.put(transcript("so it goes", org_id=org))


def test_what_was_put_is_found_with_its_positions_and_its_words(index: SearchTable) -> None:
    index.put(transcript("Newton's law says: the LAW holds", name="Newton today"))
    assert index.postings(ORG, "law", limit=9) == [Posting("law", SESSION, JOB, (2, 5), in_title=False)]
    assert index.postings(ORG, "newton", limit=9) == [Posting("newton", SESSION, JOB, (0,), in_title=True)]
    assert index.postings(ORG, "today", limit=9) == []
    (passage,) = index.passages(ORG, SESSION, JOB, range(5))
    assert passage == Passage(
        number=0,
        first_token=0,
        words=(
            SpokenWord("Newton's", 0.25, 1.0),
            SpokenWord("law", 1.25, 2.0),
            SpokenWord("says:", 2.25, 3.0),
            SpokenWord("the", 3.25, 4.0),
            SpokenWord("LAW", 4.25, 5.0),
            SpokenWord("holds", 5.25, 6.0),
        ),
        spaced=True,
        new_tokens=("newton", "s", "law", "says", "the", "holds"),
    )


def test_passages_come_by_number(index: SearchTable) -> None:
    index.put(transcript("da " * (PASSAGE_TOKENS * 12)))
    index.put(transcript("other " * 500, job_id="job-2"))
    for numbers in (range(0, 2), range(3, 4), range(9, 11), range(11, 20)):
        got = index.passages(ORG, SESSION, JOB, numbers)
        assert [passage.number for passage in got] == [number for number in numbers if number < 12]
        assert {word.text for passage in got for word in passage.words} == {"da"}


def test_postings_come_by_session_and_from_a_key_on(index: SearchTable) -> None:
    sessions = ["0", "0-", "00", "0a", "A", "_", "a"]
    for session_id in reversed(sessions):
        for job_id in ("j", "j-2"):
            index.put(transcript("so so", session_id=session_id, job_id=job_id))
    index.put(transcript("soon", session_id="0"))
    keys = [(session_id, job_id) for session_id in sessions for job_id in ("j", "j-2")]
    assert [one.key for one in index.postings(ORG, "so", limit=99)] == keys == sorted(keys)
    assert [one.key for one in index.postings(ORG, "so", limit=3, start=("00", "j-2"))] == keys[5:8]
    assert [one.key for one in index.postings(ORG, "so", limit=99, start=("00", "k"))] == keys[6:]
    assert [one.key for one in index.postings(ORG, "so", limit=99, session_id="0")] == keys[:2]
    assert index.postings(ORG, "so", limit=99, start=("b", "")) == []


def test_another_organisation_has_another_index(index: SearchTable) -> None:
    index.put(transcript("mine alone"))
    index.put(transcript("theirs alone", org_id="other"))
    assert [(one.session_id, one.positions) for one in index.postings("other", "alone", limit=9)] == [(SESSION, (1,))]
    assert index.postings("other", "mine", limit=9) == []
    assert index.postings("acme|", "alone", limit=9) == []
    index.remove("other", SESSION, JOB)
    assert found(index, "mine") == [(JOB, (0,))]


def test_putting_again_leaves_only_what_is_said_now(index: SearchTable, words: Table, passages: Table) -> None:
    old = transcript("the old words " + " ".join(f"w{number}" for number in range(400)))
    index.put(old)
    index.put(old)
    assert (rows(words), rows(passages)) == (403, 4)
    index.put(transcript("the new words"))
    assert (rows(words), rows(passages)) == (3, 1)
    assert [found(index, token) for token in ("the", "old", "new")] == [[(JOB, (0,))], [], [(JOB, (1,))]]


def test_two_jobs_of_a_session_stand_side_by_side_until_one_is_removed(
    index: SearchTable, words: Table, passages: Table
) -> None:
    index.put(transcript("the first try", job_id="one"))
    index.put(transcript("the second try", job_id="two"))
    assert set(index.jobs(ORG, SESSION)) == {"one", "two"}
    assert found(index, "the") == [("one", (0,)), ("two", (0,))]
    index.remove(ORG, SESSION, "one")
    assert set(index.jobs(ORG, SESSION)) == {"two"}
    assert found(index, "the") == [("two", (0,))]
    index.remove(ORG, SESSION, "two")
    index.remove(ORG, SESSION, "two")
    assert (rows(words), rows(passages)) == (0, 0)


def test_what_another_removed_half_is_withdrawn_whole(index: SearchTable, words: Table, passages: Table) -> None:
    mine = transcript("some words of mine")
    index.put(mine)
    passages.delete_many(f"{ORG}|{SESSION}", [row.key for row in passages.scan_partitions("")])
    for row in list(words.scan_partitions(""))[::2]:
        words.delete(row.partition, row.key, row.etag)
    index.withdraw(mine)
    assert (rows(words), rows(passages)) == (0, 0)


def test_a_crash_while_putting_leaves_nothing_that_removing_does_not_find(
    index: SearchTable, words: Table, passages: Table
) -> None:
    for survived in count():
        dying = _dying_after(survived, words, passages)
        crashed = _crashes(lambda dying=dying: dying.put(transcript("so it came about")))
        index.remove(ORG, SESSION, JOB)
        assert (rows(words), rows(passages)) == (0, 0)
        if not crashed:
            break
    assert survived == 2


def test_a_crash_while_removing_can_be_resumed(index: SearchTable, words: Table, passages: Table) -> None:
    for survived in count():
        index.put(transcript("so it came about"))
        dying = _dying_after(survived, words, passages)
        crashed = _crashes(lambda dying=dying: dying.remove(ORG, SESSION, JOB))
        index.remove(ORG, SESSION, JOB)
        assert (rows(words), rows(passages)) == (0, 0)
        if not crashed:
            break
    assert survived > 2


def _dying_after(survived: int, words: Table, passages: Table) -> SearchTable:
    """Return the index over the same tables, whose process dies before it changes them once more than so often."""
    left = iter(range(survived))
    tables: list[Any] = [ScriptedStore(words), ScriptedStore(passages)]
    for table in tables:
        table.script(**{name: _dying(getattr(table, name), left) for name in ("upsert_many", "delete_many")})
    return SearchTable(words=tables[0], passages=tables[1])


def _crashes(call: Callable[[], None]) -> bool:
    try:
        call()
    except ConnectionAbortedError:
        return True
    return False


def _dying(call: Callable[..., None], left: Iterator[int]) -> Callable[..., None]:
    def dying(*arguments: object) -> None:
        if not any(arguments[-1:]):
            return
        if next(left, None) is None:
            raise ConnectionAbortedError
        call(*arguments)

    return dying


def test_odd_words_are_kept_and_found(index: SearchTable, words: Table, passages: Table) -> None:
    index.put(transcript("今天学习 Straße naïve हिन्दी 学校 a/b#c?d\\e — ♪ 😀 x" + "y" * 300 + " ﷺ ½", spaced=False))
    for token in ("今", "校", "strasse", "naïve", "हिन्दी", "a", "e", "x" + "y" * 63, "الله", "1"):
        assert len(found(index, token)) == 1, token
    (passage,) = index.passages(ORG, SESSION, JOB, range(1))
    assert [word.text for word in passage.words][:4] == ["今天学习", "Straße", "naïve", "हिन्दी"]
    index.remove(ORG, SESSION, JOB)
    assert (rows(words), rows(passages)) == (0, 0)


def test_the_longest_words_fit_a_row(index: SearchTable) -> None:
    long = "".join(chr(0x1D400 + number % 20) for number in range(100))  # two UTF-16 units each
    index.put(transcript(" ".join([long] * 300 + [f"{'𠀀' * 99}{chr(0x20100 + number)}" for number in range(60)])))
    assert len(index.passages(ORG, SESSION, JOB, range(60))) == 49


def test_a_word_said_all_the_time_fills_its_column_and_no_more(index: SearchTable) -> None:
    positions = range(0, 40_000 * 11, 11)
    index.put(IndexedTranscript(ORG, SESSION, JOB, transcript("la").passages, {"la": positions}, frozenset()))
    ((_, kept),) = found(index, "la")
    assert len(kept) > 10_000
    assert tuple(positions[: len(kept)]) == kept


def test_a_lecture_of_three_hours_is_put_in_few_requests(azure: AzureStorage, org: str) -> None:
    """25,000 words, 3,000 of them different; a request more or less for how the words fall into the buckets."""
    requests_made = 0
    send = azure.session.request

    def counting(*arguments: object, **options: object) -> requests.Response:
        nonlocal requests_made
        requests_made += 1
        return send(*arguments, **options)

    chance = random.Random(1)
    vocabulary = [f"word{number}" for number in range(3000)]
    said = vocabulary + [vocabulary[int(3000 * chance.random() ** 4)] for _ in range(22_000)]
    azure.session.request = counting  # type: ignore[method-assign]
    try:
        azure.search.put(transcript(" ".join(said), org_id=org))
        assert requests_made < 100
        assert found(azure.search, "word7", org)[0][1][0] == 7  # type: ignore[arg-type]
        requests_made = 0
        azure.search.remove(org, SESSION, JOB)
        assert requests_made < 100
    finally:
        azure.session.request = send  # type: ignore[method-assign]
    assert not azure.search.jobs(org, SESSION)
    assert found(azure.search, "word7", org) == []  # type: ignore[arg-type]


def test_two_may_put_the_same_at_once(index: SearchTable, words: Table, passages: Table) -> None:
    mine = transcript(" ".join(f"w{number}" for number in range(300)))
    threads = [Thread(target=index.put, args=(mine,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (rows(words), rows(passages)) == (300, 3)
    assert found(index, "w299") == [(JOB, (299,))]
