"""Hostile recordings, all made here from a seed: cut, damaged, misnamed, bombs, and files that name other files.

Each is yielded as (name, bytes); the name is what a file of that kind might be called, and FFmpeg gets to see it.
"""

import random
import struct
import zlib
from collections.abc import Iterator
from itertools import count

from benchmarks._hostile_clips import KINDS, clip, write

Case = tuple[str, bytes]

TRUNCATED = ("mp4", "webm", "mp3", "flac", "wav", "mkv", "ts")
FLIPS = 40
"""Damaged copies of each kind of file."""


def corpus(seed: int = 1, *, cuts: int = 100, flips: int = FLIPS, bombs: bool = True) -> Iterator[Case]:
    """Yield everything; fewer cuts and flips make a shorter one with every kind in it."""
    yield from truncated(cuts)
    yield from flipped(seed, flips)
    yield from misnamed()
    yield from noise(seed, flips)
    yield from odd_headers(seed)
    yield from lying_clocks()
    yield from naming_others("http://127.0.0.1:9/inside", "/etc/hostname")
    if bombs:
        yield from swollen()


def truncated(cuts: int) -> Iterator[Case]:
    """Yield every kind cut at so many places, evenly spread, the first few bytes included."""
    for kind in TRUNCATED:
        whole = clip(kind)
        for number in range(cuts):
            length = number * 7 if number < cuts // 12 else number * len(whole) // cuts
            yield f"cut-{number:03}.{kind}", whole[:length]


def flipped(seed: int, flips: int) -> Iterator[Case]:
    """Yield every kind with some bits turned: a few or many, anywhere or in the header alone."""
    for kind in KINDS:
        for number in range(flips):
            chance = random.Random(f"{seed} {kind} {number}")
            damaged = bytearray(clip(kind))
            reach = len(damaged) if number % 2 else min(len(damaged), 2048)
            for _ in range(chance.choice((1, 3, 10, 100))):
                damaged[chance.randrange(reach)] ^= 1 << chance.randrange(8)
            if number % 5 == 0:  # an index at the end matters as much as a header
                damaged[-chance.randrange(1, 1500)] ^= 0xFF
            yield f"flipped-{number:03}.{kind}", bytes(damaged)


def misnamed() -> Iterator[Case]:
    """Yield every kind under names that promise another kind."""
    for kind in KINDS:
        for name in ("talk.m3u8", "talk.mpd", "talk.sdp", "%03d.png", "concat:a.mp4|b.mp4", "http://127.0.0.1:9/a.mp4"):
            yield name, clip(kind)


def noise(seed: int, files: int) -> Iterator[Case]:
    """Yield nothing at all, nothing but zeros, noise, and noise behind the first bytes of every format."""
    yield "empty.mp4", b""
    yield "zeros.mp4", bytes(100_000)
    starts = [
        b"",
        b"\x00\x00\x00\x20ftypisom",
        b"\x1aE\xdf\xa3",
        b"RIFF\xff\xff\xff\x7fWAVEfmt ",
        b"RIFF\0\0\0\0AVI LIST",
    ]
    starts += [b"fLaC", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", b"OggS\x00\x02", b"FLV\x01\x05", b"\x47\x40\x00\x10"]
    starts += [b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", b".RMF", b"caff", b"FORM\0\0\0\0AIFF", b"MAC \x96\x0f"]
    starts += [b"TTA1", b"wvpk", b"MPCK", b"DSD ", b"#!AMR\n", b"\x06\x0e\x2b\x34\x02\x05\x01\x01", b"nut/multimedia"]
    for number in range(files):
        chance = random.Random(f"{seed} noise {number}")
        yield f"noise-{number:03}", starts[number % len(starts)] + chance.randbytes(chance.choice((16, 3000, 60_000)))


def box(kind: bytes, *content: bytes) -> bytes:
    """Return an MP4 box."""
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def ebml(kind: bytes, content: bytes) -> bytes:
    """Return a Matroska element."""
    return kind + struct.pack(">BI", 0x08, len(content))[:1] + len(content).to_bytes(4, "big") + content


def odd_headers(seed: int) -> Iterator[Case]:
    """Yield valid files with numbers replaced by the largest, smallest and strangest: sizes, rates, counts."""
    extremes = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00010000)
    whole = clip("mp4")
    for kind in (b"mvhd", b"tkhd", b"mdhd", b"stts", b"stsz", b"stsc", b"stco", b"stsd", b"elst", b"avcC", b"ctts"):
        at = whole.find(kind)
        if at < 0:
            continue
        for turn, value in enumerate(extremes):
            for offset in (8, 12, 16, 20, 24):
                damaged = bytearray(whole)
                damaged[at + offset : at + offset + 4] = struct.pack(">I", value)
                if (turn + offset) % 3 == seed % 3:
                    yield f"{kind.decode()}-{offset}-{value:x}.mp4", bytes(damaged)
    for rate in (0, 1, 2, 0xFFFFFFFF, 0x7FFFFFFF, 3_000_000):
        for channels in (0, 1, 64, 255, 65535):
            yield f"rate-{rate}-channels-{channels}.wav", wav(rate, channels, bytes(200_000))
    for bits in (0, 1, 7, 64, 65535):
        yield f"bits-{bits}.wav", wav(16000, 1, bytes(50_000), bits)


def wav(rate: int, channels: int, data: bytes, bits: int = 16) -> bytes:
    """Return a WAV file with the header that is asked for."""
    align = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lying_clocks() -> Iterator[Case]:
    """Yield durations, time stamps and frame rates that cannot have been recorded."""
    mp4 = clip("mp4")
    mdhd = mp4.find(b"mdhd")
    for scale in (1, 2, 0xFFFFFFFF):
        yield f"timescale-{scale}.mp4", patched(mp4, mdhd + 16, struct.pack(">I", scale))
    mvhd = mp4.find(b"mvhd")
    for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"declares-{length}.mp4", patched(mp4, mvhd + 20, struct.pack(">I", length))
    stts = mp4.find(b"stts")
    for delta in (0, 1, 0x10000000, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFF):
        yield f"delta-{delta:x}.mp4", patched(mp4, stts + 16, struct.pack(">I", delta))
    mkv = clip("mkv")
    scale_at = mkv.find(b"\x2a\xd7\xb1")
    for scale in (0, 1, 0xFFFFFF):
        yield f"tick-{scale}.mkv", patched(mkv, scale_at + 4, scale.to_bytes(3, "big"))
    for number, at in enumerate(places(mkv, b"\x1f\x43\xb6\x75")):
        stamp = mkv.find(b"\xe7", at)
        yield f"cluster-{number}.mkv", patched(mkv, stamp + 1, b"\x82\x7f\xff")
    for text in (
        "99:59:59.999",
        "9" * 5000 + ":00:00.0",
        "9" * 320 + ":00:00",
        "00:00:00.000000000",
        "-1:00:00",
        "nan",
    ):
        data = write("matroska", audio="pcm_s16le", seconds=0.5, metadata={"DURATION": text})
        yield f"tag-{len(text)}.mkv", data
        yield f"stream-tag-{len(text)}.mkv", tagged_stream(text)
    for fps in (1, 1000, 100_000):
        yield f"fps-{fps}.mkv", write("matroska", video="mjpeg", seconds=20 / fps, fps=fps)
    ts = clip("ts")
    yield "wraps.ts", ts + bytes(188) + ts[: len(ts) // 2] + ts
    yield "gap.wav", wav(1, 1, bytes(40_000), 8)
    yield "gap.mkv", sound_with_gap(5.9 * 3600)
    yield "far-gap.mkv", sound_with_gap(400 * 3600)
    yield "late.mkv", sound_with_gap(3600, lone=True)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """Return the data with other bytes at a place."""
    return data[:at] + new + data[at + len(new) :]


def places(data: bytes, what: bytes) -> Iterator[int]:
    """Yield the offsets at which the bytes occur."""
    at = data.find(what)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


def tagged_stream(text: str) -> bytes:
    """Return a Matroska file with a tag for the stream's length."""
    import io

    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        stream.metadata["X_LENGTHS"] = text
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue().replace(b"DURATION", b"XURATION").replace(b"X_LENGTHS", b"DURATION\0")


def sound_with_gap(gap_sec: float, *, lone: bool = False) -> bytes:
    """Return a little sound, a long silence that is not even coded, and a little sound; without the first, if
    `lone`.
    """
    import io
    from fractions import Fraction

    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        picture = container.add_stream("mjpeg", rate=1)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
        for at in (0.0, gap_sec):
            shown = av.VideoFrame(32, 32, "yuvj420p")
            shown.pts, shown.time_base = round(at), Fraction(1, 1)
            container.mux(picture.encode(shown))
            if at or not lone:
                frame = av.AudioFrame(format="s16", layout="mono", samples=800)
                frame.sample_rate, frame.pts, frame.time_base = 8000, round(at * 8000), Fraction(1, 8000)
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        container.mux(picture.encode(None))
    return out.getvalue()


def png_film(width: int, height: int) -> bytes:
    """Return a film of one picture of any size, all black, in next to no bytes: the PNG is written by hand."""
    packed = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join([*(packed.compress(row) for _ in range(min(height, 30_000))), packed.flush()])
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return with_sample(write("mov", video="png", seconds=0.1, fps=10), png)


def with_sample(mov: bytes, sample: bytes) -> bytes:
    """Return a QuickTime film of one picture with another picture in its place."""
    sizes, offsets = mov.find(b"stsz"), mov.find(b"stco")
    mov = patched(mov, sizes + 8, struct.pack(">II", len(sample), 1))
    return patched(mov, offsets + 12, struct.pack(">I", len(mov))) + sample


def swollen() -> Iterator[Case]:
    """Yield small files that want much: pixels, hours, streams, samples, words, and what they only promise."""
    yield from _of_many_pixels()
    yield from _of_many_hours()
    yield from _of_many_streams()
    yield from _of_many_words()
    yield from _of_many_samples()
    yield from _nested_deeply()


def _of_many_pixels() -> Iterator[Case]:
    """Yield pictures that are large, or whose decoder keeps many of them."""
    for width, height in (
        (30_000, 30_000),
        (60_000, 60_000),
        (16_000, 16_000),
        (1, 200_000),
        (200_000, 1),
        (2, 65_000),
    ):
        yield f"png-{width}x{height}.mov", png_film(width, height)
    jpeg = bytearray(write("matroska", video="mjpeg", seconds=0.3))
    for size in (65_500, 30_000, 16_000, 9_000):
        grown = bytes(jpeg)
        for at in list(places(grown, b"\xff\xc0\x00\x11\x08")):
            grown = patched(grown, at + 5, struct.pack(">HH", size, size))
        yield f"jpeg-{size}.mkv", grown
    for muxer, name, codec in (
        ("matroska", "mkv", "mpeg2video"),
        ("mpegts", "ts", "mpeg2video"),
        ("mpeg", "mpg", "mpeg2video"),
    ):
        yield f"mpeg2-wide.{name}", write(muxer, video=codec, seconds=0.2, size=(8000, 8000))
    yield (
        "h264-8k.ts",
        write("mpegts", video="libx264", seconds=0.2, size=(8192, 8192), video_options={"preset": "ultrafast"}),
    )
    yield (
        "h264-refs.mp4",
        write(
            "mp4",
            video="libx264",
            seconds=4,
            size=(4096, 4096),
            video_options={"preset": "ultrafast", "refs": "16", "bf": "16", "b-pyramid": "normal"},
        ),
    )
    yield (
        "h264-444.mkv",
        write(
            "matroska",
            video="libx264",
            seconds=3,
            size=(4096, 4096),
            pix_fmt="yuv444p10le",
            video_options={"preset": "ultrafast", "refs": "16", "bf": "16", "b-pyramid": "normal"},
        ),
    )
    yield "tall.mkv", write("matroska", video="mjpeg", seconds=1, size=(640, 20_000), fps=80)


def _of_many_hours() -> Iterator[Case]:
    """Yield sounds that last, or say that they last, for hours and years."""
    yield "hours.flac", silent_flac(10 * 3600, 8000)
    yield "years.flac", silent_flac(3_000_000, 1)
    yield "hours.mp4", short_header(write("mp4", audio="aac", seconds=60, rate=8000, layout="mono"))


def _of_many_streams() -> Iterator[Case]:
    """Yield recordings of up to 1,000 streams."""
    for copies in (33, 200, 1000):
        yield (
            f"streams-{copies}.mkv",
            write("matroska", audio="pcm_s16le", seconds=0.05, rate=8000, layout="mono", copies=copies),
        )
    yield "streams-100.mp4", write("mp4", audio="aac", seconds=0.05, layout="mono", copies=100)
    yield "pictures-32.mkv", write("matroska", video="mjpeg", seconds=0.1, size=(4000, 4000), copies=32)
    yield "pictures-32.ts", write("mpegts", video="mpeg2video", seconds=0.2, size=(3840, 2160), copies=32)


def _of_many_words() -> Iterator[Case]:
    """Yield recordings with megabytes of metadata, or the promise of them."""
    words = "x" * 1_000_000
    yield "words.mkv", write("matroska", audio="flac", seconds=0.5, metadata={f"T{n}": words for n in range(20)})
    yield (
        "words.mp3",
        write(
            "mp3",
            audio="libmp3lame",
            seconds=0.5,
            metadata={"title": words * 5, "\x00odd": "\udcff".encode("utf-8", "ignore").decode()},
        ),
    )
    yield "promises.mp3", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + clip("mp3")
    yield "promises.mkv", clip("mkv")[:60] + b"\x19\x41\xa4\x69\x01\x00\x00\x10\x00\x00\x00\x00" + clip("mkv")[60:]


def _of_many_samples() -> Iterator[Case]:
    """Yield MP4s whose tables promise billions of samples."""
    for field in (b"stsz", b"stts", b"stco", b"stsc", b"ctts", b"stss"):
        whole = clip("mp4")
        at = whole.find(field)
        if at > 0:
            count_at = at + (12 if field == b"stsz" else 8)
            yield f"entries-{field.decode()}.mp4", patched(whole, count_at, b"\x7f\xff\xff\xf0")
    whole = clip("mp4")
    at = whole.find(b"stsz")
    yield "samples-of-one-byte.mp4", patched(whole, at + 8, b"\x00\x00\x00\x01\x7f\xff\xff\xf0")


def _nested_deeply() -> Iterator[Case]:
    """Yield boxes within boxes, and what a parser may take for a long list."""
    yield "nested.mp4", nested(10_000)
    yield "nested.mkv", b"\x1aE\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" * 5000
    yield "chapters.mkv", write("matroska", audio="flac", seconds=0.5) + b"\x10\x43\xa7\x70" + bytes(100_000)


def silent_flac(seconds: int, rate: int) -> bytes:
    """Return so many seconds of silence in a few bytes each minute: FLAC says once that a block is all zeros."""
    block, total = 65_535, seconds * rate
    info = struct.pack(">HH", block, block) + bytes(6)
    info += ((rate << 44) | (0 << 41) | (15 << 36) | total).to_bytes(8, "big") + bytes(16)
    frames = bytearray(b"fLaC\x80\x00\x00\x22" + info)
    for number in count():
        left = total - number * block
        if left <= 0:
            return bytes(frames)
        here = min(block, left)
        head = b"\xff\xf8" + bytes([0x70 | 0x00, 0x08]) + coded_number(number) + struct.pack(">H", here - 1)
        head += bytes([crc8(head)])
        frame = head + b"\x00\x00\x00"
        frames += frame + struct.pack(">H", crc16(frame))
    raise AssertionError


def coded_number(number: int) -> bytes:
    """Return the number coded as UTF-8 codes a character, and on to 31 bits."""
    if number < 0x80:
        return bytes([number])
    for extra, limit in ((1, 11), (2, 16), (3, 21), (4, 26), (5, 31)):
        if number < 1 << limit:
            lead = (0xFF << (6 - extra)) & 0xFF
            tail = [0x80 | (number >> (6 * each)) & 0x3F for each in reversed(range(extra))]
            return bytes([lead | number >> (6 * extra), *tail])
    raise ValueError(number)


def crc8(data: bytes) -> int:
    """Return FLAC's checksum of a header: polynomial 7."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value


def crc16(data: bytes) -> int:
    """Return FLAC's checksum of a frame: polynomial 0x8005."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x8005) & 0xFFFF if value & 0x8000 else value << 1
    return value


def short_header(mp4: bytes) -> bytes:
    """Return an MP4 that declares a second, in every header, and goes on for much longer."""
    for kind in (b"mvhd", b"mdhd"):
        at = mp4.find(kind)
        scale = mp4[at + 16 : at + 20]
        mp4 = patched(mp4, at + 20, scale)
    tkhd = mp4.find(b"tkhd")
    mp4 = patched(mp4, tkhd + 24, b"\x00\x00\x03\xe8")
    stts = mp4.find(b"stts")
    return patched(mp4, stts + 16, struct.pack(">I", 8000 * 600))


def nested(depth: int) -> bytes:
    """Return boxes in boxes."""
    inner = b""
    for _ in range(depth):
        inner = box(b"udta", inner) if len(inner) < 2**30 else inner
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", inner)


def naming_others(url: str, path: str) -> Iterator[Case]:
    """Yield files that only refer to another file or address, in every format that has such references."""
    targets = (url, f"file://{path}", path, f"concat:{path}|{url}", f"subfile,,start,0,end,0,,:{url}")
    for number, target in enumerate(targets):
        for name, text in _REFERRING_TEXTS.items():
            yield name.format(number), text.replace("ADDRESS", target).encode()
        for kind in (b"url ", b"alis", b"rsrc", b"urn "):
            yield f"dref-{number}-{kind.decode().strip()}.mov", with_reference(clip("mov"), kind, target)
            yield f"dref-{number}-{kind.decode().strip()}.mp4", with_reference(clip("mp4"), kind, target)
        address = target.encode()
        reference = box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(target)), address)
        yield f"rmra-{number}.mov", box(b"moov", box(b"rmra", box(b"rmda", reference)))
        yield f"linked-{number}.mkv", clip("mkv").replace(b"Lavf", address[:4]) + ebml(b"\x3e\x83\xbb", address)


_REFERRING_TEXTS = {
    "{}.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nADDRESS\n#EXT-X-ENDLIST\n",
    "{}.m3u": "#EXTM3U\nADDRESS\n",
    "key-{}.m3u8": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="ADDRESS"\n#EXT-X-MAP:URI="ADDRESS"\n#EXTINF:1,\nADDRESS\n',
    "{}.mpd": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
        'bandwidth="1"><BaseURL>ADDRESS</BaseURL><SegmentList><SegmentURL media="ADDRESS"/></SegmentList>'
        "</Representation></AdaptationSet></Period></MPD>"
    ),
    "{}.ffconcat": "ffconcat version 1.0\nfile 'ADDRESS'\nduration 9\n",
    "{}.concat": "file 'ADDRESS'\n",
    "{}.sdp": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:ADDRESS\nm=audio 9 RTP/AVP 0\n"
    ),
    "{}.asx": '<asx version="3.0"><entry><ref href="ADDRESS"/></entry></asx>',
    "{}.pls": "[playlist]\nFile1=ADDRESS\nNumberOfEntries=1\nVersion=2\n",
    "{}.idx": (
        "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n"
        "timestamp: 00:00:00:000, filepos: 0\n# ADDRESS"
    ),
    "{}.srt": "1\n00:00:00,000 --> 00:00:09,000\nADDRESS\n",
    "{}.ass": "[Script Info]\nScriptType: v4.00+\nAudio File: ADDRESS\nVideo File: ADDRESS\n",
    "{}.vtt": "WEBVTT\n\n00:00.000 --> 00:09.000\nADDRESS\n",
    "{}.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="ADDRESS" width="9" height="9"/></svg>',
    "{}.avs": 'DirectShowSource("ADDRESS")',
    "{}.xspf": '<playlist version="1"><trackList><track><location>ADDRESS</location></track></trackList></playlist>',
    "{}.imf.xml": '<AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><Path>ADDRESS</Path></AssetMap>',
    "{}.html": "<html><body><video src=ADDRESS></body></html>",
}
"""Names and contents of the text formats that refer to `ADDRESS`."""


def with_reference(whole: bytes, kind: bytes, target: str) -> bytes:
    """Return a QuickTime file with samples that are said to stand in another file."""
    entry = (
        box(kind, b"\0\0\0\0", target.encode() + b"\0") if kind != b"alis" else box(kind, b"\0\0\0\0", alias(target))
    )
    at = whole.find(b"dref") - 4
    old = int.from_bytes(whole[at : at + 4], "big")
    new = box(b"dref", b"\0\0\0\0\0\0\0\1", entry)
    grown = whole[:at] + new + whole[at + old :]
    more = len(new) - old
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = grown.rfind(parent, 0, at) - 4
        size = int.from_bytes(grown[place : place + 4], "big")
        grown = patched(grown, place, struct.pack(">I", size + more))
    return grown


def alias(target: str) -> bytes:
    """Return an alias record of the old Macintosh, with the path in its entry 2 and 18."""
    head = bytes(4) + struct.pack(">HH", 0, 2) + bytes(142)
    name = target.encode()
    entries = b"".join(
        struct.pack(">HH", kind, len(name)) + name + (b"\0" if len(name) % 2 else b"") for kind in (2, 18)
    )
    record = head + entries + struct.pack(">HH", 0xFFFF, 0)
    return record[:4] + struct.pack(">H", len(record)) + record[6:]
