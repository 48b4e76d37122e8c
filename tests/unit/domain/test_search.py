"""Search as pure functions: tokens, queries, places and their scores, snippets, and the join over postings."""

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.domain.search.join import FIRST_PAGE, Join
from shared.domain.search.places import NEAR_TOKENS, Place, find_places, score_places
from shared.domain.search.query import MAX_QUERY_TOKENS, Query, parse_query
from shared.domain.search.snippet import CONTEXT_TOKENS, make_snippet, passages_around
from shared.domain.search.tokens import MAX_TOKEN_CHARS, tokenise
from shared.domain.search.transcript import (
    MAX_WORD_TOKENS,
    PASSAGE_TOKENS,
    IndexedTranscript,
    Posting,
    PostingKey,
    SpokenWord,
    index_words,
    tokens_of,
)
from shared.storage.search_table import decode_positions, encode_positions
from shared.storage.table import is_possible_key

FEW_WORDS = st.lists(st.sampled_from("abc"), max_size=60)


def texts(text: str) -> list[str]:
    return [token.text for token in tokenise(text)]


def indexed(text: str | Sequence[str], *, spaced: bool = True) -> IndexedTranscript:
    """A transcript in which word n lasts from second n to n + 0.5."""
    words = text.split() if isinstance(text, str) else text
    spoken = [SpokenWord(word, float(at), at + 0.5) for at, word in enumerate(words)]
    return index_words(spoken, org_id="o", session_id="s", job_id="j", session_name="", spaced=spaced)


def marks(query: str, text: str) -> list[tuple[bool, tuple[tuple[int, int], ...]]]:
    """The places of a query, phrases and near ones, by the tokens that answer it."""
    parsed, positions = parse_query(query), indexed(text).positions
    if any(token not in positions for token in parsed.tokens):
        return []
    return [(place.is_phrase, place.marks) for place in find_places(parsed, positions)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("Hello, World!", ["hello", "world"], id="case and signs"),
        pytest.param(
            "Newton's DON’T rock 'n' roll", ["newton", "s", "don", "t", "rock", "n", "roll"], id="apostrophes"
        ),
        pytest.param("e-mail x_1 3.14", ["e", "mail", "x", "1", "3", "14"], id="signs within"),
        pytest.param("STRASSE straße", ["strasse", "strasse"], id="sharp s"),
        pytest.param("ﬁne Ｆｕｌｌ ½", ["fine", "full", "1", "2"], id="compatible forms"),
        pytest.param("Çà naïve Ελλάς", ["çà", "naïve", "ελλάσ"], id="accents stay"),
        pytest.param("今天学习AI。", ["今", "天", "学", "习", "ai"], id="Chinese"),
        pytest.param("データとｶﾞｽ", ["デ", "ー", "タ", "と", "ガ", "ス"], id="Japanese, half width too"),
        pytest.param("학교에서", ["학", "교", "에", "서"], id="Korean"),
        pytest.param("ที่นี่", ["ที่", "นี่"], id="Thai with its marks"),
        pytest.param("हिन्दी क्\u200dष", ["हिन्दी", "क्ष"], id="Hindi with its marks"),
        pytest.param("کتاب\u200cها", ["کتابها"], id="a non-joiner parts nothing"),
        pytest.param("x" * 100, ["x" * MAX_TOKEN_CHARS], id="long"),
        pytest.param("— ♪ 😀 … \u0301", [], id="nothing to say"),
    ],
)
def test_text_is_cut_into_folded_tokens(text: str, tokens: list[str]) -> None:
    assert texts(text) == tokens


@given(st.text(max_size=40))
def test_tokens_are_keys_and_stand_where_they_say(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    ends = [0]
    for token in tokenise(text):
        assert token.text
        assert is_possible_key(f"{token.text},{'s' * 64},{'j' * 64}")
        assert not set(token.text) & set(" ,-\n")
        assert 0 <= token.start < token.end <= len(text)
        assert token.start >= ends[-1] or (token.end == ends[-1])  # several of one sign share its place
        ends.append(token.end)


@given(st.text(max_size=40))
def test_capitals_and_composition_do_not_matter(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert texts(unicodedata.normalize("NFC", unicodedata.normalize("NFD", text))) == texts(composed)
    lower = composed.lower()
    if lower.upper().lower() == lower and unicodedata.is_normalized("NFC", lower.upper()):
        assert texts(lower.upper()) == texts(lower)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("gradient  descent", [("gradient",), ("descent",)]),
        ('"gradient descent"', [("gradient", "descent")]),
        ("the „gradient descent“ rule", [("the",), ("gradient", "descent"), ("rule",)]),
        ('"never closed', [("never", "closed")]),
        ("Newton's e-mail", [("newton", "s"), ("e", "mail")]),
        ("机器 学习", [("机", "器"), ("学", "习")]),
        ('a "" - b', [("a",), ("b",)]),
    ],
)
def test_words_are_terms_and_so_are_quotations(text: str, terms: list[tuple[str, ...]]) -> None:
    assert list(parse_query(text).terms) == terms


@pytest.mark.parametrize("text", ["", " ", "…?!", '""', "'"])
def test_a_query_needs_a_word(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no word"):
        parse_query(text)


def test_a_query_has_no_more_words_than_can_be_looked_up() -> None:
    assert len(parse_query("字" * MAX_QUERY_TOKENS).phrase) == MAX_QUERY_TOKENS
    with pytest.raises(InvalidRequest, match="At most"):
        parse_query("字" * (MAX_QUERY_TOKENS + 1))


@pytest.mark.parametrize(
    ("query", "text", "places"),
    [
        pytest.param("b", "a b c b", [(True, ((1, 2), (3, 4)))], id="a word, twice in one place"),
        pytest.param("b", "b " + "x " * 29 + "b", [(True, ((0, 1),)), (True, ((30, 31),))], id="twice, far apart"),
        pytest.param('"a b"', "a b b a x a b", [(True, ((0, 2), (5, 7)))], id="a phrase"),
        pytest.param('"a a"', "a a a", [(True, ((0, 2), (1, 3)))], id="a phrase that overlaps itself"),
        pytest.param('"a b"', "b a a x b", [], id="a phrase that is not there"),
        pytest.param("a b", "b x a", [(False, ((0, 1), (2, 3)))], id="near, the other way round"),
        pytest.param("a b", "a x x a b", [(True, ((3, 5),))], id="the phrase alone where it is"),
        pytest.param(
            "a b",
            "a b" + " x" * 30 + " b a",
            [(True, ((0, 2),)), (False, ((32, 33), (33, 34)))],
            id="phrase, then near",
        ),
        pytest.param("a b", "b" + " x" * 9 + " a x b", [(False, ((10, 11), (12, 13)))], id="the tightest"),
        pytest.param("a b", "a" + " x" * 28 + " b", [(False, ((0, 1), (29, 30)))], id="just near"),
        pytest.param("a b", "a" + " x" * 29 + " b", [], id="too far apart"),
        pytest.param('"a b" c', "c x a b", [(False, ((0, 1), (2, 4)))], id="a quotation and a word"),
        pytest.param("a a", "a x a", [], id="the same twice is not near itself"),
        pytest.param("今天", "今天 好 今 天", [(True, ((0, 2), (3, 5)))], id="characters"),
    ],
)
def test_places_are_phrases_first_then_what_is_near(query: str, text: str, places: object) -> None:
    assert marks(query, text) == places


@settings(deadline=None)
@given(FEW_WORDS, st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_a_phrase_is_found_wherever_it_is_and_nowhere_else(said: list[str], phrase: list[str]) -> None:
    size = len(phrase)
    by_hand = [(at, at + size) for at in range(len(said) - size + 1) if said[at : at + size] == phrase]
    found = marks(f'"{" ".join(phrase)}"', " ".join(said))
    assert [mark for _, place in found for mark in place] == by_hand
    assert all(is_phrase for is_phrase, _ in found)
    assert all(place[-1][0] - place[0][0] < NEAR_TOKENS for _, place in found)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcxxxxxxx"), max_size=150), st.sampled_from(["ab", "abc", "ca"]))
def test_there_is_a_near_place_exactly_where_all_words_are_near(said: list[str], wanted: str) -> None:
    spots = [[at for at, word in enumerate(said) if word == letter] for letter in wanted]
    spans = {(min(each), max(each) + 1) for each in product(*spots) if max(each) - min(each) < NEAR_TOKENS}
    places = [place for place in find_places_in(said, wanted) if not place.is_phrase]
    phrases = [mark for place in find_places_in(said, wanted) if place.is_phrase for mark in place.marks]
    for place in places:
        assert any(place.first <= first and end <= place.end for first, end in spans)
        assert {said[first] for first, _ in place.marks} == set(wanted)
    taken = [mark for place in places for mark in [(place.first, place.end)]] + phrases
    for first, end in spans:
        assert any(first < last and start < end for start, last in taken)


def find_places_in(said: list[str], wanted: str) -> list[Place]:
    positions = {letter: [at for at, word in enumerate(said) if word == letter] for letter in wanted}
    return find_places(Query(tuple((letter,) for letter in wanted)), positions)


def scores(places: list[Place], query: str = "a b", title: Sequence[str] = ()) -> list[float]:
    return [scored.score for scored in score_places(places, parse_query(query), title)]


PHRASE, NEAR = Place(((5, 7),), is_phrase=True), Place(((1, 2), (3, 4)), is_phrase=False, closeness=0.9)


def test_a_phrase_goes_before_what_is_near_however_much_speaks_for_that() -> None:
    ever_so_often = [Place(((at, at + 1), (at + 2, at + 3)), is_phrase=False, closeness=0.99) for at in range(9999)]
    (phrase,) = scores([PHRASE], "a b")
    assert 1 < scores(ever_so_often, title=["a", "b"])[0] < 2 < phrase < 3
    assert [scored.place for scored in score_places([NEAR, PHRASE], parse_query("a b"), [])] == [PHRASE, NEAR]


def test_more_occurrences_count_more_but_ever_less_so() -> None:
    best = [scores([PHRASE] * times)[0] for times in range(1, 30)]
    gains = [after - before for before, after in pairwise(best)]
    assert all(gain > 0 for gain in gains)
    assert gains == sorted(gains, reverse=True)


def test_a_name_with_the_words_and_closeness_count() -> None:
    assert scores([PHRASE], title=["a", "b"]) > scores([PHRASE], title=["a"]) > scores([PHRASE])
    wide = Place(((1, 2), (20, 21)), is_phrase=False, closeness=0.2)
    assert [scored.place for scored in score_places([wide, NEAR], parse_query("a b"), [])] == [NEAR, wide]


def test_a_talk_s_further_places_count_less() -> None:
    many = scores([PHRASE] * 5)
    assert many == sorted(many, reverse=True)
    assert len(set(many)) == 5
    assert scores([PHRASE])[0] > many[1]


def snippet(query: str, text: str | Sequence[str], number: int = 0, *, spaced: bool = True) -> tuple[str, float, float]:
    """A place's snippet with its highlights in brackets, and its times."""
    transcript, parsed = indexed(text, spaced=spaced), parse_query(query)
    place = find_places(parsed, transcript.positions)[number]
    around = [transcript.passages[at] for at in passages_around(place) if at < len(transcript.passages)]
    made = make_snippet(place, around)
    assert made is not None
    shown = made.text
    for start, end in reversed(made.highlights):
        shown = f"{shown[:start]}[{shown[start:end]}]{shown[end:]}"
    return shown, made.start, made.end


def test_a_snippet_shows_the_words_as_written_with_what_is_around() -> None:
    assert snippet("descent", "So, “gradient Descent” it is.") == ("So, “gradient [Descent]” it is.", 2.0, 2.5)
    assert snippet("e-mail", "An E-mail came") == ("An [E-mail] came", 1.0, 1.5)
    assert snippet("mail", "An E-mail came") == ("An E-[mail] came", 1.0, 1.5)
    assert snippet("is ii", "Is it II, or is it?") == ("[Is] it [II], or is it?", 0.0, 2.5)
    assert snippet('"a a"', "a a a b") == ("[a a a] b", 0.0, 2.5)


def test_a_snippet_is_cut_where_it_gets_long() -> None:
    before, behind = [f"b{n}" for n in range(50)], [f"c{n}" for n in range(50)]
    shown, start, end = snippet("here now", [*before, "here", "now", *behind])
    assert shown == "… " + " ".join([*before[-CONTEXT_TOKENS:], "[here now]", *behind[:CONTEXT_TOKENS]]) + " …"
    assert (start, end) == (50.0, 51.5)


def test_scripts_without_spaces_are_shown_without() -> None:
    assert snippet("学习", ["今天", "学", "习", "deep", "learning"], spaced=False)[0] == "今天[学习]deep learning"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 3 * PASSAGE_TOKENS), st.integers(1, 3), st.sampled_from(["x", "字" * 90, "a-b-c"]))
def test_a_snippet_may_lie_across_passages(at: int, size: int, filler: str) -> None:
    words = [filler] * 400
    words[at : at + size] = ["here"] * size
    shown, start, end = snippet(" ".join(["here"] * size), words)
    assert f"[{' '.join(['here'] * size)}]" in shown
    assert (start, end) == (at, at + size - 0.5)


def test_a_place_in_a_long_word_is_shown_from_where_the_word_begins() -> None:
    long = "字" * 80 + "末" + "字" * 10
    words = ["x"] * (PASSAGE_TOKENS - 1) + [long] + ["x"] * PASSAGE_TOKENS
    shown, start, end = snippet("末", words)
    assert shown.replace("x", "").split() == ["…", long.replace("末", "[末]"), "…"]
    assert (start, end) == (PASSAGE_TOKENS - 1, PASSAGE_TOKENS - 0.5)


def test_a_snippet_needs_all_of_its_passages() -> None:
    transcript = indexed(" ".join(f"w{n}" for n in range(PASSAGE_TOKENS + 10)))
    (place,) = find_places(parse_query(f"w{PASSAGE_TOKENS - 1} w{PASSAGE_TOKENS}"), transcript.positions)
    assert make_snippet(place, transcript.passages) is not None
    assert make_snippet(place, transcript.passages[:1]) is None
    assert make_snippet(place, ()) is None


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "字" * 150, "—", "a-b", "x" * 250, "ﷺ" * 100, "it's"]), max_size=300))
def test_a_position_tells_its_passage(words: list[str]) -> None:
    transcript = indexed(words)
    assert [passage.number for passage in transcript.passages] == list(range(len(transcript.passages)))
    said: list[str] = []
    new: list[str] = []
    for passage in transcript.passages:
        assert passage.first_token == len(said)
        for word in passage.words:
            assert len(said) // PASSAGE_TOKENS == passage.number
            tokens = [token.text for token in tokens_of(word)]
            assert 1 <= len(tokens) <= MAX_WORD_TOKENS
            said += tokens
        new += passage.new_tokens
    assert transcript.positions == {token: [at for at, each in enumerate(said) if each == token] for token in said}
    assert sorted(new) == sorted(set(said))


@given(st.lists(st.integers(0, 10**7), unique=True).map(sorted))
def test_positions_come_back(positions: list[int]) -> None:
    assert decode_positions(encode_positions(positions)) == tuple(positions)


class Postings:
    """Postings of some tokens in memory, and what was asked of them."""

    def __init__(self, lists: dict[str, set[int]]) -> None:
        self.lists = {token: sorted(numbers) for token, numbers in lists.items()}
        self.asked = 0

    def fetch(self, token: str, limit: int, start: PostingKey) -> Sequence[Posting]:
        self.asked += limit
        numbers = self.lists[token]
        first = bisect_left(numbers, start, key=lambda number: self._posting(token, number).key)
        return [self._posting(token, number) for number in numbers[first : first + limit]]

    @staticmethod
    def _posting(token: str, number: int) -> Posting:
        return Posting(token, f"s{number:06}", "j", (), in_title=False)

    def join(self, max_postings: int = 10**6) -> Join:
        return Join(self.fetch, list(self.lists), max_postings)


def sessions(join: Join) -> list[int]:
    found = list(join)
    assert all(len({posting.key for posting in each.values()}) == 1 for each in found)
    return [int(next(iter(each.values())).session_id[1:]) for each in found]


SESSIONS = st.sets(st.integers(0, 300))


@settings(deadline=None)
@given(st.lists(st.one_of(SESSIONS, SESSIONS.map(lambda some: set(range(300)) - some)), min_size=1, max_size=4))
def test_the_join_is_the_intersection_in_order(lists: list[set[int]]) -> None:
    join = Postings({f"t{number}": some for number, some in enumerate(lists)}).join()
    assert sessions(join) == sorted(set.intersection(*lists))
    assert join.is_complete


def test_a_rare_word_spares_reading_the_common_ones() -> None:
    common, rare = set(range(100_000)), {5, 70_000, 70_001, 99_999}
    postings = Postings({"the": common, "eigenvector": rare, "of": common})
    assert sessions(postings.join()) == sorted(rare)
    assert postings.asked < 20 * FIRST_PAGE


def test_a_search_for_common_words_ends_at_its_bound_and_says_so() -> None:
    postings = Postings({"the": set(range(100_000)), "of": set(range(100_000))})
    join = postings.join(max_postings=1000)
    found = sessions(join)
    assert found == list(range(len(found)))
    assert 200 < len(found) < 500
    assert postings.asked <= 1000
    assert not join.is_complete


def test_many_transcripts_of_one_session_are_all_looked_at() -> None:
    postings = [Posting("a", "s", f"j{number:03}", (), in_title=False) for number in range(3 * FIRST_PAGE)]

    def fetch(token: str, limit: int, start: PostingKey) -> Sequence[Posting]:
        return [posting for posting in postings if posting.key >= start][:limit]

    assert [found["a"] for found in Join(fetch, ["a"])] == postings
