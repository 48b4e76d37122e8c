"""The lecture hall of examples/lecture.mp4: a still room with a screen, and the slides on it."""

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, FancyArrowPatch, Polygon

WIDTH, HEIGHT = 1280, 720
FLOOR_Y = 560
"""Where the wall meets the floor, in pixels from the top."""
SCREEN = (182, 44, 752, 423)
"""The projected picture: left, top, width, height; 16 to 9."""
DESK = ((24, 452, 116, 208), (10, 438, 144, 18), (48, 410, 66, 28))
"""What stands in the room: lectern, its top, and a laptop on it; left, top, width, height."""

Image = np.ndarray
"""Height × width × 3, RGB, float32 from 0 to 1."""

NIGHT, CREAM, SEA, PALE, DEEP = "#14304f", "#fbf4e1", "#0f6b74", "#e9f1fb", "#3b2352"


def draw_room() -> Image:
    """Return the empty room: wall, floor, screen frame, desk and lamp light."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    room = _shade((0.70, 0.67, 0.62), 1.10 - 0.25 * (y / FLOOR_Y) - 0.10 * np.abs(x / WIDTH - 0.5))
    lamp = np.exp(-(((x - 1040) / 260) ** 2) - ((y - 60) / 300) ** 2)
    room += 0.13 * lamp[..., None] * np.array([1.0, 0.93, 0.8], np.float32)
    floor = y > FLOOR_Y
    depth = (y - FLOOR_Y) / (HEIGHT - FLOOR_Y)
    boards = 0.04 * np.sin((x - WIDTH / 2) / (0.35 + np.clip(depth, 0, 1)) / 34.0)
    wood = _shade((0.47, 0.34, 0.24), 0.80 + 0.35 * depth + np.sign(boards) * 0.018)
    room[floor] = wood[floor]
    _box(room, (0, FLOOR_Y - 16, WIDTH, 16), (0.86, 0.84, 0.80), (0.60, 0.58, 0.55))
    left, top, width, height = SCREEN
    _shadow(room, (left - 6, top + 4, width + 20, height + 26), 22, 0.35)
    _box(room, (left - 12, top - 12, width + 24, height + 24), (0.13, 0.13, 0.14), (0.05, 0.05, 0.06))
    _box(room, (left - 30, top - 26, width + 60, 15), (0.92, 0.92, 0.92), (0.70, 0.70, 0.70))
    _desk(room)
    return np.clip(room, 0, 1)


def with_slide(room: Image, slide: Image) -> Image:
    """Return the room with a slide on the screen; its light falls a little on the wall and the floor around it."""
    lit = room.copy()
    left, top, width, height = SCREEN
    glow = np.zeros_like(room)
    glow[top : top + height, left : left + width] = slide
    glow = cv2.GaussianBlur(cv2.resize(glow, (WIDTH // 8, HEIGHT // 8)), (0, 0), 9)
    lit += 0.16 * cv2.resize(glow, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * room
    lit[top : top + height, left : left + width] = slide * 0.93 + 0.05
    return np.clip(lit, 0, 1)


def desk_mask() -> np.ndarray:
    """Return 1 where the desk is, which hides a person behind it; else 0; height × width."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    for left, top, width, height in DESK:
        mask[top : top + height, left : left + width] = 1
    return mask


def draw_slides() -> list[Image]:
    """Return the slides in order: one for each paragraph of the lecture."""
    return [_title(), _up_into_the_air(), _clouds(), _back_to_the_ocean(), _again_and_again()]


def _title() -> Image:
    figure, axes = _slide(NIGHT)
    axes.text(8, 5.6, "Water on its way", fontsize=62, weight="bold", color="white", ha="center")
    axes.text(8, 4.3, "a short lecture", fontsize=34, color="#9fc3e8", ha="center")
    for x, size in ((6.4, 0.42), (8, 0.6), (9.6, 0.42)):
        _drop(axes, x, 2.0, size, "#58a9e8")
    return _pixels(figure)


def _up_into_the_air() -> Image:
    figure, axes = _slide(CREAM)
    _heading(axes, "1   Up into the air", "#7a4a10")
    axes.add_patch(Circle((13, 6.0), 1.15, color="#f5a623"))
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        ray = np.array([np.cos(angle), np.sin(angle)])
        ends = np.array([13, 6.0]) + np.array([ray * 1.4, ray * 1.85])
        axes.plot(ends[:, 0], ends[:, 1], color="#f5a623", linewidth=4)
    _sea(axes, 0, 16, 1.9)
    for x in (2.6, 4.9, 7.2, 9.5):
        _arrow(axes, (x, 2.3), (x + 0.5, 5.3), "#4f8fc9", 0.25)
    return _pixels(figure)


def _clouds() -> Image:
    figure, axes = _slide(SEA)
    _heading(axes, "2   Cold air makes clouds", "white")
    _cloud(axes, 5.4, 4.2, 1.3, "#f2f8fa")
    _cloud(axes, 11.2, 3.4, 0.95, "#d5e7ea")
    rng = np.random.default_rng(7)
    for x, y in zip(rng.uniform(1.2, 14.8, 26), rng.uniform(0.7, 1.9, 26), strict=True):
        _drop(axes, float(x), float(y), 0.14, "#a8dbe6")
    return _pixels(figure)


def _back_to_the_ocean() -> Image:
    figure, axes = _slide(PALE)
    _heading(axes, "3   Rain, rivers, ocean", "#1d3f6e")
    axes.add_patch(
        Polygon([(0, 0), (0, 3.0), (2.4, 5.4), (4.6, 3.2), (6.0, 3.9), (9.4, 1.2), (9.6, 0)], color="#7d9a6a")
    )
    axes.add_patch(Polygon([(1.55, 4.55), (2.4, 5.4), (3.3, 4.5), (2.8, 4.25), (2.3, 4.6), (1.9, 4.2)], color="white"))
    _sea(axes, 8.6, 16, 1.5)
    river = np.array([(3.6, 3.7), (4.3, 2.8), (5.6, 2.5), (6.2, 1.8), (8.0, 1.4), (9.3, 1.2)])
    axes.plot(*river.T, color="#3f86c6", linewidth=9, solid_capstyle="round", solid_joinstyle="round")
    _cloud(axes, 7.2, 5.6, 0.75, "#9fb2c4")
    for x in (6.1, 6.9, 7.7, 8.5):
        axes.plot([x, x - 0.25], [4.7, 3.9], color="#3f86c6", linewidth=4)
    return _pixels(figure)


def _again_and_again() -> Image:
    figure, axes = _slide(DEEP)
    _heading(axes, "Again and again", "white")
    places = {"ocean": (8, 1.3), "air": (3.4, 3.6), "clouds": (8, 5.7), "rain": (12.6, 3.6)}
    for name, (x, y) in places.items():
        axes.add_patch(Ellipse((x, y), 3.4, 1.3, color="#8f6bb3"))
        axes.text(x, y, name, fontsize=29, color="white", ha="center", va="center", weight="bold")
    ways = [((6.2, 1.5), (3.7, 2.8)), ((3.7, 4.4), (6.2, 5.6)), ((9.8, 5.6), (12.3, 4.4)), ((12.3, 2.8), (9.8, 1.5))]
    for start, end in ways:
        _arrow(axes, start, end, "#f0c75e", -0.3)
    return _pixels(figure)


def _slide(colour: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(SCREEN[2] / 50, SCREEN[3] / 50), dpi=100, facecolor=colour)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 16), ylim=(0, 9))
    axes.set_axis_off()
    return figure, axes


def _pixels(figure: Figure) -> Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3].astype(np.float32) / 255
    return cv2.resize(picture, SCREEN[2:], interpolation=cv2.INTER_AREA)


def _heading(axes: Axes, text: str, colour: str) -> None:
    axes.text(0.8, 7.7, text, fontsize=46, weight="bold", color=colour, va="center")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, bend: float) -> None:
    style = f"arc3,rad={bend}"
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=style, arrowstyle="-|>", mutation_scale=34,
                                   linewidth=5, color=colour))  # fmt: skip


def _sea(axes: Axes, left: float, right: float, level: float) -> None:
    for depth, colour in ((0.0, "#5aa3dc"), (0.45, "#3f86c6"), (0.9, "#2d6aa6")):
        x = np.linspace(left, right, 200)
        y = level - depth + 0.13 * np.sin(2.2 * x + 4 * depth)
        axes.fill_between(x, y, 0, color=colour, linewidth=0)


def _cloud(axes: Axes, x: float, y: float, size: float, colour: str) -> None:
    for dx, dy, radius in ((-1.3, 0, 0.8), (-0.5, 0.55, 1.0), (0.6, 0.45, 1.05), (1.4, 0, 0.8), (0.0, -0.1, 0.9)):
        axes.add_patch(Circle((x + dx * size, y + dy * size), radius * size, color=colour))


def _drop(axes: Axes, x: float, y: float, size: float, colour: str) -> None:
    turn = np.linspace(0, 2 * np.pi, 60)
    wide = np.sin(turn) * np.sin(turn / 2) ** 1.4
    axes.fill(x + size * wide, y + size * 1.3 * np.cos(turn), color=colour, linewidth=0)


def _desk(room: Image) -> None:
    body, board, laptop = DESK
    _shadow(room, (body[0] - 12, body[1] + 140, 150, 90), 16, 0.45)
    _box(room, body, (0.42, 0.28, 0.18), (0.26, 0.17, 0.11))
    _box(room, board, (0.58, 0.40, 0.27), (0.40, 0.27, 0.18))
    _box(room, laptop, (0.24, 0.25, 0.27), (0.12, 0.12, 0.14))


def _shade(colour: tuple[float, float, float], light: np.ndarray) -> Image:
    return (light[..., None] * np.array(colour, np.float32)).astype(np.float32)


def _box(room: Image, box: tuple[int, int, int, int], top: tuple[float, ...], bottom: tuple[float, ...]) -> None:
    left, y, width, height = box
    blend = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    room[y : y + height, left : left + width] = np.array(top) * (1 - blend) + np.array(bottom) * blend


def _shadow(room: Image, box: tuple[int, int, int, int], softness: float, depth: float) -> None:
    left, top, width, height = box
    mask = np.zeros(room.shape[:2], np.float32)
    mask[top : top + height, left : left + width] = 1
    room *= 1 - depth * cv2.GaussianBlur(mask, (0, 0), softness)[..., None]
