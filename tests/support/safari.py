"""What Apple asks of an MP4 that Safari is to play, checked on the boxes (ISO 14496-12 and -15); of VP9 and AV1, too.

https://developer.apple.com/documentation/http-live-streaming/hls-authoring-specification-for-apple-devices
https://www.webmproject.org/vp9/mp4/ and https://aomediacodec.github.io/av1-isobmff/
"""

from collections.abc import Iterator, Mapping

CONTAINERS = frozenset({"moov", "trak", "mdia", "minf", "stbl", "stsd"})
PROFILES = {66: "baseline", 77: "main", 100: "high"}
MOST_LEVEL = 52
_BEFORE_BOXES = {"stsd": 8, "avc1": 78, "vp09": 78, "av01": 78, "mp4a": 28}
"""Bytes of fields before the boxes inside."""


def boxes(data: bytes, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of every box that matters here, in the order of the file."""
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("latin-1")
        size = size or len(data) - at
        content, name = data[at + 8 : at + size], f"{path}/{kind}"
        yield name, content
        if kind in CONTAINERS or kind in _BEFORE_BOXES:
            yield from boxes(content[_BEFORE_BOXES.get(kind, 0) :], name)
        at += size


def what_safari_lacks(data: bytes, codec: str = "h264") -> list[str]:
    """Return what keeps Safari (or a player of this codec) from playing the file at once, each in a sentence.

    The list is empty if nothing does.
    """
    found = list(boxes(data))
    kinds = [path.rpartition("/")[2] for path, _ in found]
    contents = dict(zip(kinds, (content for _, content in found), strict=True))
    lacks = []
    if "moov" not in kinds or kinds.index("moov") > kinds.index("mdat"):
        lacks.append("The index does not stand before the media.")
    if not {b"isom", b"iso2", b"mp41", b"mp42"} & {contents["ftyp"][at : at + 4] for at in range(8, 64, 4)}:
        lacks.append("No brand of MP4 is named.")
    lacks += _PICTURES[codec](contents)
    has_sound = b"soun" in {content[8:12] for path, content in found if path.endswith("/hdlr")}
    if has_sound and "mp4a" not in kinds:
        lacks.append("The sound is not MPEG audio (mp4a).")
    return lacks


def _lacks_of_h264(boxes: Mapping[str, bytes]) -> list[str]:
    if "avc1" not in boxes:
        return ["The picture is not H.264 with its parameters in the index (avc1)."]
    profile, level = boxes["avcC"][1], boxes["avcC"][3]
    if profile not in PROFILES or level > MOST_LEVEL:
        return [f"Profile {profile} at level {level} is not played everywhere."]
    return []


def _lacks_of_vp9(boxes: Mapping[str, bytes]) -> list[str]:
    if "vp09" not in boxes or "vpcC" not in boxes:
        return ["The picture is not VP9 with its parameters in the index (vp09, vpcC)."]
    version, profile, level, form = (boxes["vpcC"][at] for at in (0, 4, 5, 6))
    if (version, profile, form >> 4) != (1, 0, 8) or level > MOST_LEVEL:
        return [f"Profile {profile} at level {level} with {form >> 4} bits is not played everywhere."]
    return []


def _lacks_of_av1(boxes: Mapping[str, bytes]) -> list[str]:
    if "av01" not in boxes or "av1C" not in boxes:
        return ["The picture is not AV1 with its parameters in the index (av01, av1C)."]
    marker, profile_and_level, form = boxes["av1C"][:3]
    profile, is_deep = profile_and_level >> 5, bool(form & 0x40)
    if (marker, profile, is_deep) != (0x81, 0, False) or len(boxes["av1C"]) <= 4:  # the sequence header follows
        return [f"Profile {profile} is not played everywhere."]
    return []


_PICTURES = {"h264": _lacks_of_h264, "vp9": _lacks_of_vp9, "av1": _lacks_of_av1}
