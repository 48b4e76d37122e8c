"""Roles of lines, and terms that were not said."""

import pytest

from shared.slides.payload import SlidePayload
from shared.slides.structure import tell_roles
from shared.slides.text import TextLine
from shared.slides.unspoken import Said, unspoken_terms

LINE = 0.05


def line(text: str, y: float, height: float = LINE, x: float = 0.1) -> TextLine:
    return TextLine(text, (x, y, 0.4, height), 0.95)


def deck(*titles: str) -> list[list[TextLine]]:
    """Return slides with a title, two lines, a footer and a page number."""
    return [
        [
            line(title, 0.08, 0.09),
            line(f"first of {title}", 0.3),
            line(f"second of {title}", 0.4),
            line("Course in Rostrum 2026", 0.94, 0.03),
            line(str(number), 0.94, 0.03, x=0.92),
        ]
        for number, title in enumerate(titles, start=1)
    ]


def test_title_body_footer_and_number_are_told_apart() -> None:
    second = tell_roles(deck("Gradients", "Momentum", "Entropy"))[1]
    assert [each.role for each in second.lines] == ["title", "body", "body", "footer", "number"]
    assert (second.title, second.number) == ("Momentum", "2")


def test_a_title_of_two_lines_is_one_title() -> None:
    slide = [
        line("What gradients", 0.06, 0.08),
        line("are good for", 0.16, 0.08),
        line("little text", 0.4),
        line("more", 0.5),
    ]
    assert tell_roles([slide])[0].title == "What gradients are good for"


def test_lines_of_one_size_have_the_first_as_title() -> None:
    slide = [line(text, 0.1 * row) for row, text in enumerate(("Agenda", "one thing", "another", "the end"), start=1)]
    assert tell_roles([slide])[0].title == "Agenda"


def test_a_title_in_the_middle_is_found() -> None:
    assert tell_roles([[line("Part two", 0.55, 0.12)]])[0].title == "Part two"


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (("1 Up into the air", "2 Cold air makes clouds"), ["Up into the air", "Cold air makes clouds"]),
        (("3 ways to fail", "Why we do"), ["3 ways to fail", "Why we do"]),
        (("2. Clouds", "1. Rain"), ["2. Clouds", "1. Rain"]),
    ],
)
def test_numbers_before_titles_go_where_they_count_up(titles: tuple[str, ...], expected: list[str]) -> None:
    texts = tell_roles([[line(title, 0.1, 0.1)] for title in titles])
    assert [text.title for text in texts] == expected


def test_a_slide_without_text_has_no_title() -> None:
    assert tell_roles([[]])[0].title is None


def slide_with(*texts: str) -> SlidePayload:
    (told,) = tell_roles([[line(text, 0.1 + 0.12 * row) for row, text in enumerate(texts)]])
    return SlidePayload(id=1, title=told.title, picture="s.jpg", lines=told.lines, visits=((10.0, 20.0),))


def test_terms_that_were_not_said_are_named_once() -> None:
    slide = slide_with("Stochastic gradients", "momentum and Momentum", "with learning rates")
    said = [Said("gradient", 12.0), Said("learn", 15.0), Said("rate", 23.0), Said("momentum", 40.0)]
    assert unspoken_terms(slide, said) == ("Stochastic", "momentum")
