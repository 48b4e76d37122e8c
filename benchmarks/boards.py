"""The board without the lecturer on made-up lessons: boards found, and how true they are where the lecturer stood.

    python -m benchmarks.boards

The lecturer's boxes are true. Exit status 1 where a board is missed, there is one too many, or the peak signal-to-noise
ratio where the lecturer stood is below its bar.
"""

import sys
import time

import cv2
import numpy as np

from benchmarks._boards import SAMPLE_FPS, Lesson
from shared.slides.board import BoardWatcher
from shared.slides.watch import Stretch

PSNR_BAR_DB = 28.0
SMALL = (640, 360)


def main() -> int:
    """Print the figures of a whiteboard and a blackboard, and return 1 if a bar is missed."""
    kept = [measure(name, Lesson(dark=dark)) for name, dark in (("whiteboard", False), ("blackboard", True))]
    return 0 if all(kept) else 1


def measure(name: str, lesson: Lesson) -> bool:
    """Print the figures of a lesson, and return whether the bars are kept."""
    watcher, cpu_sec, samples = BoardWatcher(), 0.0, 0
    found: list[Stretch] = []
    for moment in lesson.moments():
        frame = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", moment.frame, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1), np.uint8
        )
        grey = np.asarray(
            cv2.cvtColor(cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY), np.uint8
        )
        covered = np.zeros(grey.shape, bool)
        box = moment.person
        covered[
            int(box.y * SMALL[1]) : int((box.y + box.height) * SMALL[1]) + 1,
            int(box.x * SMALL[0]) : int((box.x + box.width) * SMALL[0]) + 1,
        ] = True
        samples += 1
        if not watcher.wants(moment.time_sec):
            continue
        began = time.process_time()
        found += watcher.see(moment.time_sec, grey, covered, lambda frame=frame: frame)  # type: ignore[misc]
        cpu_sec += time.process_time() - began
    found += watcher.finish(samples / SAMPLE_FPS)
    ratios = [
        cv2.PSNR(stretch.picture[stood], board[stood])
        for stretch, board, stood in zip(found, lesson.full, lesson.stood, strict=False)
    ]
    print(f"{name:12} boards {len(found)} of {len(lesson.full)}")
    print(f"{name:12} PSNR where the lecturer stood, dB: {', '.join(f'{each:.1f}' for each in ratios)}")
    print(f"{name:12} CPU, ms a sample {1000 * cpu_sec / samples:.1f}")
    return len(found) == len(lesson.full) and min(ratios) >= PSNR_BAR_DB


if __name__ == "__main__":
    sys.exit(main())
