"""Names of files as servers write them."""

import pytest

from shared.media.network.file_name import file_name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="talk.mp4"', "talk.mp4"),
        ("attachment; filename=talk.mp4", "talk.mp4"),
        ("ATTACHMENT; FileName=Talk.mp4", "Talk.mp4"),
        ("inline; filename*=UTF-8''%e2%82%ac%20rates.mp4", "€ rates.mp4"),
        ("attachment; filename=\"euro.mp4\"; filename*=utf-8''%e2%82%ac.mp4", "€.mp4"),
        ("attachment; filename*=utf-8'en'%e2%82%ac.mp4; filename=\"euro.mp4\"", "€.mp4"),
        ("attachment; filename*=iso-8859-1''%A3.mp4", "£.mp4"),
        ("attachment; filename=\"plain.mp4\"; filename*=utf-8''%FF%FE.mp4", "plain.mp4"),
        ('attachment; filename="a; b \\"c\\".mp4"', 'a; b "c".mp4'),
        ('attachment; filename*0="a "; filename*1="talk.mp4"', "a talk.mp4"),
        ('attachment; filename="=?UTF-8?B?dMOkbGsubXA0?="', "tälk.mp4"),
        ('attachment; filename="t%C3%A4lk%20one.mp4"', "tälk one.mp4"),
        ('attachment; filename="100% %zz.mp4"', "100% %zz.mp4"),
        ('attachment; filename="tälk.mp4"', "tälk.mp4"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\talks\\\\talk.mp4"', "talk.mp4"),
        ('filename="talk.mp4"', "talk.mp4"),
        ("attachment", "from the address.mp4"),
        ("attachment; filename=", "from the address.mp4"),
        ("attachment; filename*=nonsense", "nonsense"),
        (None, "from the address.mp4"),
    ],
)
def test_the_header_is_read_before_the_address(disposition: str | None, name: str) -> None:
    assert file_name(disposition, "/talks/from%20the%20address.mp4") == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b%2Fc.mp4", "c.mp4"),
        ("/talk.mp4/", "talk.mp4"),
        ("/100%25.mp4", "100%.mp4"),
        ("/%2525.mp4", "%25.mp4"),
        ("/", None),
        ("", None),
    ],
)
def test_the_address_names_the_file_by_its_last_part(path: str, name: str | None) -> None:
    assert file_name(None, path) == name


def test_a_name_has_an_end() -> None:
    name = file_name(f'attachment; filename="{"x" * 5000}"', "/")
    assert name is not None
    assert len(name) == 255
