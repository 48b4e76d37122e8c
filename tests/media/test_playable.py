"""The video that every browser plays: made in parts, with its index first, and only where the recording is none."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.domain.message import QUEUES, StageMessage
from shared.domain.options import PLAYABLE_ALREADY
from shared.domain.stage import Stage, StageState
from shared.media.video.join import video_index_bytes
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS
from shared.wiring import build_services
from tests.media.test_renditions import Made, deliver_all, opened, pictures, rendered, submitted, with_made_up_track
from tests.support.safari import boxes as all_boxes
from tests.support.safari import what_safari_lacks

SECONDS, FPS, SIZE = 14, 10, (161, 90)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def paint(t: float) -> Any:
    picture = np.full((SIZE[1] // 2 * 2, SIZE[0] // 2 * 2, 3), 60, np.uint8)
    picture[20:60, round(8 * t) : round(8 * t) + 20] = 220
    return picture


def boxes(data: bytes, within: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the boxes of an MP4 (ISO 14496-12), and of those within the given kinds."""
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("latin-1")
        size = size or len(data) - at
        content = data[at + 8 : at + size]
        yield kind, content
        if kind in within:
            yield from ((f"{kind}/{inner}", found) for inner, found in boxes(content, within))
        at += size


@pytest.fixture(scope="module")
def clip(make_clip: Any) -> bytes:
    size = (SIZE[0] // 2 * 2, SIZE[1] // 2 * 2)
    made: bytes = make_clip(
        "matroska",
        video="libx265",
        audio="aac",
        size=size,
        fps=FPS,
        seconds=SECONDS,
        paint=paint,
        video_options={"preset": "ultrafast", "x265-params": "log-level=none"},
    )
    return made


@pytest.fixture(scope="module")
def whole(clip: bytes) -> Made:
    return rendered(clip, {})


@pytest.fixture(scope="module")
def split(clip: bytes) -> Made:
    return rendered(clip, {}, part_sec=10)


def test_a_recording_that_browsers_do_not_play_gets_a_rendition(whole: Made) -> None:
    assert whole.renditions == {
        "rendition.mp4": {
            "name": "rendition.mp4",
            "contentType": "video/mp4",
            "width": 160,
            "height": 90,
            "codec": "h264",
            "durationSec": pytest.approx(SECONDS, abs=0.11),  # the last packet of sound is longer than the clip
        }
    }


def test_parts_have_the_frames_of_one_piece(whole: Made, split: Made) -> None:
    assert split.stages[Stage.RENDITION].parts == 2
    one, other = (pictures(made.files["rendition.mp4"]) for made in (whole, split))
    times = [Fraction(k, FPS) for k in range(round(whole.renditions["rendition.mp4"]["durationSec"] * FPS))]
    assert [time for time, _, _ in one] == [time for time, _, _ in other] == times
    errors = [float(np.square(a.astype(int) - b).mean()) for (_, _, a), (_, _, b) in zip(one, other, strict=True)]
    assert max(errors) < 4  # a PSNR of 42 dB between the two


def test_a_key_picture_stands_every_two_seconds(split: Made) -> None:
    keys = [float(time) for time, is_key, _ in pictures(split.files["rendition.mp4"]) if is_key]
    assert max(np.diff([*keys, SECONDS])) <= 2.0


def test_sound_is_that_of_the_recording(clip: bytes, split: Made) -> None:
    with opened(clip) as before, opened(split.files["rendition.mp4"]) as after:
        packets = [[bytes(each) for each in one.demux(audio=0) if each.size] for one in (before, after)]
        assert packets[0] == packets[1]
        assert after.duration / 1e6 == pytest.approx(SECONDS, abs=0.15)


def test_the_boxes_are_what_safari_needs(split: Made) -> None:
    data = split.files["rendition.mp4"]
    order = [kind for kind, _ in boxes(data)]
    assert order.index("ftyp") == 0
    assert order.index("moov") < order.index("mdat")  # it plays before all of it has arrived
    containers = ("moov", "trak", "mdia", "minf", "stbl")
    found: dict[str, list[bytes]] = {path.rpartition("/")[2]: [] for path, _ in boxes(data, containers)}
    for path, content in boxes(data, containers):
        found[path.rpartition("/")[2]].append(content)
    entries = b"".join(found["stsd"])
    at = entries.index(b"avcC")
    version, profile, _, level = entries[at + 4 : at + 8]
    assert (version, profile) == (1, 100)  # high profile
    assert level <= 42
    assert b"mp4a" in entries
    assert b"ctts" not in found  # no pictures out of order
    with opened(data) as container:
        context = container.streams.video[0].codec_context
        assert (context.profile, context.pix_fmt) == ("High", "yuv420p")
        assert container.streams.video[0].average_rate == FPS


def test_a_recording_that_browsers_play_needs_nothing(make_clip: Any) -> None:
    playable = make_clip("mp4", video="libx264", audio="aac", seconds=2)
    made = rendered(playable, {})
    assert made.stages[Stage.RENDITION].state is StageState.SKIPPED
    assert made.stages[Stage.RENDITION].reason == PLAYABLE_ALREADY
    assert "rendition.mp4" not in made.files
    assert "rendition.mp4" in rendered(playable, {"rendition": "always"}).files


@pytest.mark.parametrize(
    ("codec", "format", "audio"),
    [("mpeg2video", "mpegts", "mp2"), ("libvpx-vp9", "webm", "libopus"), ("mpeg4", "mov", "pcm_s16le")],
)
def test_other_codings_become_one_that_browsers_play(make_clip: Any, codec: str, format: str, audio: str) -> None:
    rate = 48_000 if audio == "libopus" else 16_000
    clip = make_clip(format, video=codec, audio=audio, rate=rate, fps=25, seconds=2)
    made = rendered(clip, {})
    with opened(made.files["rendition.mp4"]) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.video[0].frames == pytest.approx(50, abs=2)


def test_the_api_leads_to_the_rendition_or_to_a_recording_that_is_one(clip: bytes, make_clip: Any) -> None:
    cases: list[tuple[bytes, dict[str, Any], str | None]] = [
        (clip, {}, "results/local/s/"),
        (make_clip("mp4", video="libx264", seconds=1), {}, "sources/local/s/"),
        (clip, {"rendition": "never"}, None),
    ]
    for given, options, ends in cases:
        storage = MemoryStorage()
        services = with_made_up_track(storage, 240, {})
        submitted(services, storage, given, options)
        deliver_all(services, storage)
        client = TestClient(create_app(build_services(Settings(), storage)), base_url="http://localhost")
        answer = client.get("/sessions/s/media?rendition=playable", follow_redirects=False)
        if ends is None:
            assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")
        else:
            assert answer.status_code == 302
            assert ends in answer.headers["Location"]
        assert client.get("/sessions/s/media?rendition=other").status_code == 422


@pytest.fixture(scope="module")
def open_codecs(clip: bytes) -> dict[str, Made]:
    """All videos of the clip in VP9 and in AV1, each made in parts."""
    everything = {"overlay": True, "followCam": True}
    return {codec: rendered(clip, everything, part_sec=10, codec=codec) for codec in ("vp9", "av1")}


@pytest.mark.parametrize("codec", ["vp9", "av1"])
def test_all_videos_have_the_codec_of_the_setting(open_codecs: dict[str, Made], whole: Made, codec: str) -> None:
    made = open_codecs[codec]
    assert made.stages[Stage.RENDITION].parts == 2
    assert {name: each["codec"] for name, each in made.renditions.items()} == dict.fromkeys(
        ("rendition.mp4", "track-overlay.mp4", "follow.mp4"), codec
    )
    for name in made.renditions:
        kinds = {kind.rpartition("/")[2] for kind, _ in all_boxes(made.files[name])}
        assert ({"vp09", "av01", "avc1"} & kinds) == {{"vp9": "vp09", "av1": "av01"}[codec]}
    playable = made.files["rendition.mp4"]
    assert what_safari_lacks(playable, codec) == []
    assert what_safari_lacks(playable) != []
    shown, expected = pictures(playable), pictures(whole.files["rendition.mp4"])
    assert [time for time, _, _ in shown] == [time for time, _, _ in expected]
    assert max(np.diff([float(time) for time, is_key, _ in shown if is_key])) <= 2.0
    errors = [np.square(a.astype(int) - b).mean() for (_, _, a), (_, _, b) in zip(shown, expected, strict=True)]
    assert max(errors) < 40  # a PSNR of 32 dB between the two


def test_a_job_keeps_the_codec_that_it_began_with(clip: bytes) -> None:
    storage = MemoryStorage()
    services = with_made_up_track(storage, 10, {}, "vp9")
    job = submitted(services, storage, clip, {})
    message = storage.queues.pop(*QUEUES.values())
    assert isinstance(message, StageMessage)
    run_step(services, message, Delivery("m0", 1))
    deliver_all(with_made_up_track(storage, 10, {}, "h264"), storage)
    rendition = storage.blobs.read(RESULTS, f"local/s/{job.job_id}/rendition.mp4")
    assert what_safari_lacks(rendition, "vp9") == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_chromium_plays_every_codec(split: Made, open_codecs: dict[str, Made], tmp_path: Path) -> None:
    for codec, made in {"h264": split, **open_codecs}.items():
        (tmp_path / f"{codec}.mp4").write_bytes(made.files["rendition.mp4"])
    (tmp_path / "index.html").write_text(
        "<body><script>"
        "const tell = (text) => fetch('/told?' + encodeURIComponent(text));"
        "for (const codec of ['h264', 'vp9', 'av1']) {"
        "const v = document.body.appendChild(document.createElement('video'));"
        "v.muted = true;"
        "v.onerror = () => tell(`${codec} error ${v.error.message}`);"
        "fetch(codec + '.mp4').then((r) => r.blob()).then((b) => { v.src = URL.createObjectURL(b) });"  # seekable
        "v.onloadeddata = () => { v.currentTime = 13 };"
        "v.onseeked = () => tell(`${codec} ${v.duration.toFixed(2)} ${v.videoWidth} ${v.currentTime}`);"
        "}</script>"
    )
    told: list[str] = []
    has_told = threading.Event()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path == "/told":
                told.append(unquote(query))
                if len(told) == 3:
                    has_told.set()
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    address = f"http://127.0.0.1:{server.server_port}/index.html"
    browser = subprocess.Popen(
        [CHROMIUM, *flags, f"--user-data-dir={tmp_path}/profile", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert has_told.wait(180), told
    finally:
        browser.terminate()
        browser.wait(180)
        server.shutdown()
        server.server_close()
    for text, codec in zip(sorted(told), ("av1", "h264", "vp9"), strict=True):
        name, duration, width, current = text.split()
        assert (name, float(duration), width) == (codec, pytest.approx(SECONDS, abs=0.15), "160")
        assert float(current) == 13.0


def test_the_room_for_the_index_is_enough_for_hours() -> None:
    assert video_index_bytes(324_000, 10_800, 48_000) > 324_000 * 24 + 506_250 * 20


@pytest.mark.parametrize(
    ("format", "audio", "layout"),
    [
        ("matroska", "aac", "mono"),
        ("mpegts", "aac", "stereo"),
        ("matroska", "libopus", "stereo"),
        ("mp4", "flac", "mono"),
    ],
)
def test_a_picture_that_browsers_play_is_moved_and_not_encoded(
    make_clip: Any, format: str, audio: str, layout: str
) -> None:
    options = {"bf": "3", "b-adapt": "0", "g": "20", "preset": "ultrafast"}
    clip = make_clip(
        format,
        video="libx264",
        audio=audio,
        layout=layout,
        rate=48_000,
        size=(160, 90),
        fps=FPS,
        seconds=4,
        video_options=options,
    )
    made = rendered(clip, {}, part_sec=10)
    assert made.stages[Stage.RENDITION].parts == 1
    moved = made.files["rendition.mp4"]
    assert what_safari_lacks(moved) == []
    (first, *_), before = pictures(clip), pictures(clip)
    after = pictures(moved)
    # Transport streams do not begin at 0, and Matroska rounds to milliseconds.
    assert [float(t) for t, _, _ in after] == pytest.approx([float(t - first[0]) for t, _, _ in before], abs=0.03)
    assert all(np.array_equal(one, other) for (_, _, one), (_, _, other) in zip(after, before, strict=True))
    with opened(moved) as container:
        sound = container.streams.audio[0]
        assert (sound.codec_context.name, sound.rate, sound.layout.name) == ("aac", 48_000, layout)
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(sound)])
    assert np.flatnonzero(np.abs(samples) > 0.1)[0] / 48_000 == pytest.approx(1.0, abs=0.08)
    assert len(samples) / 48_000 == pytest.approx(4.0, abs=0.1)


def test_an_encoded_rendition_is_what_safari_needs_and_an_odd_file_is_not(split: Made, make_clip: Any) -> None:
    assert what_safari_lacks(split.files["rendition.mp4"]) == []
    late = make_clip("mp4", video="libx264", audio="aac", seconds=1)
    assert what_safari_lacks(late) == ["The index does not stand before the media."]
    hevc = make_clip("mp4", video="libx265", seconds=1, video_options={"x265-params": "log-level=none"})
    assert "The picture is not H.264 with its parameters in the index (avc1)." in what_safari_lacks(hevc)


MPEG_2 = {"flags": "+ildct+ilme", "g": "10", "b": "2000000"}
UPPER_FIRST = {"x264-params": "tff=1", "preset": "ultrafast"}


def bar(t: float, field_px: int = 4, first: int = 1) -> Any:
    """Return a bar that moves by `field_px` between the two fields of a frame, of which `first` is the earlier."""
    picture = np.full((96, 160, 3), 40, np.uint8)
    for field in range(2):
        left = round(200 * t + field_px * (field != first)) % 120
        picture[field::2, left : left + 30] = 220
    return picture


@pytest.mark.parametrize(
    ("format", "video", "options", "first"),
    [
        pytest.param("mpegts", "mpeg2video", MPEG_2, 1, id="MPEG-2"),
        pytest.param("mp4", "libx264", UPPER_FIRST, 0, id="H.264"),
        pytest.param("mp4", "libx264", {"preset": "ultrafast"}, 1, id="H.264 that says it is progressive"),
    ],
)
def test_interlaced_pictures_are_made_whole(
    make_clip: Any, format: str, video: str, options: dict[str, str], first: int
) -> None:
    clip = make_clip(
        format,
        video=video,
        size=(160, 96),
        fps=25,
        seconds=2,
        paint=partial(bar, first=first),
        video_options=options,
    )

    def combs(video: bytes) -> float:
        """Return how much neighbouring lines differ."""
        return float(
            np.mean([np.abs(np.diff(y.astype(int)[10:-10], axis=0)).mean() for _, _, y in pictures(video)[5:-5]])
        )

    made = rendered(clip, {}).files["rendition.mp4"]
    assert len(pictures(made)) == len(pictures(clip))
    assert combs(made) < combs(clip) / 3


def test_progressive_pictures_that_say_they_are_interlaced_are_left_as_they_are(make_clip: Any) -> None:
    whole = partial(bar, field_px=0)
    clip = make_clip("mp4", video="libx264", size=(160, 96), fps=25, seconds=2, paint=whole, video_options=UPPER_FIRST)
    with opened(clip) as container:
        assert next(container.decode(video=0)).interlaced_frame
    made = rendered(clip, {})
    assert made.stages[Stage.RENDITION].reason == PLAYABLE_ALREADY
    assert made.renditions == {}
