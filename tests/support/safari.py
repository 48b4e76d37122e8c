"""What Apple asks of an MP4 that Safari is to play, checked on the boxes (ISO 14496-12 and -15).

https://developer.apple.com/documentation/http-live-streaming/hls-authoring-specification-for-apple-devices
"""

from collections.abc import Iterator

CONTAINERS = frozenset({"moov", "trak", "mdia", "minf", "stbl", "stsd"})
PROFILES = {66: "baseline", 77: "main", 100: "high"}
MOST_LEVEL = 52
_BEFORE_BOXES = {"stsd": 8, "avc1": 78, "mp4a": 28}
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


def what_safari_lacks(data: bytes) -> list[str]:
    """Return what keeps Safari from playing the file at once, each in a sentence; empty if nothing does."""
    found = list(boxes(data))
    kinds = [path.rpartition("/")[2] for path, _ in found]
    contents = dict(zip(kinds, (content for _, content in found), strict=True))
    lacks = []
    if "moov" not in kinds or kinds.index("moov") > kinds.index("mdat"):
        lacks.append("The index does not stand before the media.")
    if not {b"isom", b"iso2", b"mp41", b"mp42"} & {contents["ftyp"][at : at + 4] for at in range(8, 64, 4)}:
        lacks.append("No brand of MP4 is named.")
    if "avc1" not in kinds:
        return [*lacks, "The picture is not H.264 with its parameters in the index (avc1)."]
    profile, level = contents["avcC"][1], contents["avcC"][3]
    if profile not in PROFILES or level > MOST_LEVEL:
        lacks.append(f"Profile {profile} at level {level} is not played everywhere.")
    has_sound = b"soun" in {content[8:12] for path, content in found if path.endswith("/hdlr")}
    if has_sound and "mp4a" not in kinds:
        lacks.append("The sound is not MPEG audio (mp4a).")
    return lacks
