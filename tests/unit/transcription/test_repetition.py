import pytest

from shared.transcription.repetition import Loop, find_loops


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("no no no no that is a very very good point", []),
        ("thank you thank you thank you", []),
        ("Thank you. Thank you, thank you thank you and good night", [Loop(0, 2, 4)]),
        ("so so so so so so it goes", [Loop(0, 1, 6)]),
        ("it is what it is. It is what it is, it is what it is it", [Loop(0, 5, 3)]),
        ("a a a a a a b c b c b c b c", [Loop(0, 1, 6), Loop(6, 2, 4)]),
        ("- - - - - - -", []),
        ("", []),
    ],
)
def test_loops(text: str, loops: list[Loop]) -> None:
    assert list(find_loops(text.split())) == loops
