"""The files of an Opencast package, and the ZIP that they travel in."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

import pytest

from shared.standards.opencast import CAPTIONS, CATALOG, STILL, caption_tags, to_catalog, to_manifest
from shared.standards.zip_stream import Entry, zip_stream
from tests.support.talks import make_talk

PACKAGE = "{http://mediapackage.opencastproject.org}"
TERMS = "{http://purl.org/dc/terms/}"
SCHEME = "{http://www.w3.org/2001/XMLSchema-instance}type"


def described(element: Element) -> tuple[str | None, str | None, str | None, list[str | None]]:
    tags = [tag.text for tag in element.iter(f"{PACKAGE}tag")]
    return element.get("type"), element.findtext(f"{PACKAGE}mimetype"), element.findtext(f"{PACKAGE}url"), tags


def test_the_manifest_names_each_file_with_its_flavor() -> None:
    root = fromstring(to_manifest(make_talk(), "talk.mp4"))

    assert (root.tag, root.get("id"), root.get("duration")) == (f"{PACKAGE}mediapackage", "s-1", "61250")
    assert root.get("start") == "2026-01-02T03:04:05Z"
    assert root.findtext(f"{PACKAGE}title") == "Wasser & <Erde>"
    recording, captions = root.iter(f"{PACKAGE}track")
    assert described(recording) == ("presenter/source", "video/mp4", "talk.mp4", [])
    assert recording.findtext(f"{PACKAGE}video/{PACKAGE}resolution") == "1920x1080"
    assert recording.find(f"{PACKAGE}audio") is not None
    tags = ["lang:de", "generator-type:auto", "generator:moonshine", "type:caption"]
    assert described(captions) == ("captions/source", "text/vtt", CAPTIONS, tags)
    (catalog,) = root.iter(f"{PACKAGE}catalog")
    assert described(catalog) == ("dublincore/episode", "text/xml", CATALOG, [])
    (preview,) = root.iter(f"{PACKAGE}attachment")
    assert described(preview) == ("presenter/player+preview", "image/jpeg", STILL, [])


def test_captions_that_a_person_reviewed_are_not_called_automatic() -> None:
    assert "generator-type:manual" in caption_tags(make_talk(is_reviewed=True))


def test_the_elements_are_in_the_order_of_opencasts_schema() -> None:
    root = fromstring(to_manifest(make_talk(), "talk.mp4"))

    assert [child.tag.removeprefix(PACKAGE) for child in root] == ["title", "media", "metadata", "attachments"]


def test_sound_without_speech_has_neither_picture_nor_captions() -> None:
    talk = make_talk(width=None, height=None, language=None, engine=None, still=None, chapters=(), metadata={})
    root = fromstring(to_manifest(talk, "talk.mp3"))

    (recording,) = root.iter(f"{PACKAGE}track")
    assert recording.find(f"{PACKAGE}video") is None
    assert list(root.iter(f"{PACKAGE}attachment")) == []
    assert fromstring(to_catalog(talk)).find(f"{TERMS}language") is None


def test_the_catalog_is_dublin_core() -> None:
    root = fromstring(to_catalog(make_talk()))
    found = [(child.tag.removeprefix(TERMS), child.text, child.get(SCHEME)) for child in root]

    assert root.tag == "{http://www.opencastproject.org/xsd/1.0/dublincore/}dublincore"
    assert found == [
        ("title", "Wasser & <Erde>", None),
        ("identifier", "s-1", None),
        ("created", "2026-01-02T03:04:05Z", "dcterms:W3CDTF"),
        ("extent", "PT61.250S", "dcterms:ISO8601"),
        ("language", "de", None),
        ("creator", "A. Müller", None),
        ("creator", "B. Li", None),
    ]
    assert b"xmlns:dcterms" in to_catalog(make_talk())


def test_documents_are_the_same_each_time() -> None:
    assert to_manifest(make_talk(), "talk.mp4") == to_manifest(make_talk(), "talk.mp4")
    assert to_catalog(make_talk()) == to_catalog(make_talk())


def test_the_zip_holds_the_files_and_can_be_read_as_a_stream() -> None:
    pieces = [bytes([number]) * 1000 for number in range(50)]
    archive = b"".join(zip_stream([Entry("a.xml", 5, [b"<a/>\n"]), Entry("b.mp4", 50_000, pieces)]))

    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        assert read.testzip() is None
        assert read.namelist() == ["a.xml", "b.mp4"]
        assert read.read("b.mp4") == b"".join(pieces)
        assert {info.compress_type for info in read.infolist()} == {zipfile.ZIP_DEFLATED}
        assert all(info.flag_bits & 0x08 for info in read.infolist())
    assert len(archive) < 52_000


def test_a_large_file_has_64_bit_lengths() -> None:
    archive = b"".join(zip_stream([Entry("b.mp4", 5 * 1024**3, [b"the size is what was told"])]))

    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        assert read.read("b.mp4") == b"the size is what was told"
        assert read.infolist()[0].extract_version == zipfile.ZIP64_VERSION


def test_the_zip_holds_one_piece_at_a_time() -> None:
    piece_bytes = 1024 * 1024

    def pieces() -> Iterator[bytes]:
        for number in range(64):
            yield bytes([number]) * piece_bytes

    tracemalloc.start()
    total = sum(len(part) for part in zip_stream([Entry("b.mp4", 64 * piece_bytes, pieces())]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total > 64 * piece_bytes
    assert peak < 12 * piece_bytes


def test_a_piece_that_fails_breaks_the_zip_off() -> None:
    def broken() -> Iterator[bytes]:
        yield b"the beginning"
        raise OSError("storage is away")

    archive = zip_stream([Entry("b.mp4", 100, broken())])
    with pytest.raises(OSError, match="storage is away"):
        list(archive)
