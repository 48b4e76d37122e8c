"""The lecturer of examples/lecture.mp4: one pose in, one small picture with its transparency out.

Lengths are fractions of the body's height unless a name says pixels; angles are radians from hanging straight down,
positive towards the right of the picture. Sizes of the body follow Drillis and Contini's table of segment lengths.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

HEIGHT_PX = 340
FINE = 2
"""The figure is drawn so many times larger and then made smaller, which smooths its edges."""

PATCH_WIDTH, PATCH_HEIGHT = 340, 400
"""Size of the picture of the figure; the middle of its lower part, `FEET` from the top, is where the figure stands."""
FEET = 380

SKIN, HAIR, LIPS = (0.80, 0.60, 0.48), (0.20, 0.13, 0.09), (0.62, 0.35, 0.31)
PULLOVER, COLLAR = (0.19, 0.29, 0.42), (0.88, 0.89, 0.90)
TROUSERS, SHOES, EYES = (0.23, 0.22, 0.25), (0.16, 0.11, 0.08), (0.12, 0.09, 0.08)

THIGH, SHIN, FOOT = 0.245, 0.246, 0.11
UPPER_ARM, FOREARM = 0.186, 0.150
TRUNK, NECK, HEAD = 0.288, 0.055, 0.066

Colour = tuple[float, float, float]
Point = tuple[float, float]
Drawing = tuple[np.ndarray, np.ndarray]
"""Premultiplied RGB (height × width × 3) and coverage (height × width), float32 from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How the lecturer stands: `facing` from -1 (to the left) over 0 (to the room) to 1; `step` is the phase of the
    walk, `stride` its size from 0 (standing) to 1; arms are (shoulder, elbow) angles outwards; `mouth` 0 to 1."""

    facing: float
    step: float
    stride: float
    left_arm: Point
    right_arm: Point
    mouth: float
    breath: float


def draw_figure(pose: Pose) -> Drawing:
    """Return the figure in this pose, `PATCH_HEIGHT` × `PATCH_WIDTH`."""
    canvas = _Canvas()
    side = abs(pose.facing)
    swing = 0.36 * pose.stride * np.sin(pose.step)
    legs = [_leg(pose, +swing, np.cos(pose.step)), _leg(pose, -swing, -np.cos(pose.step))]
    hip_height = max(_reach(leg) for leg in legs) + 0.028
    hip = (0.006 * np.sin(pose.step) * pose.stride, hip_height)
    chest = (hip[0] + 0.022 * pose.facing * pose.stride, hip[1] + TRUNK * 0.93 + 0.002 * pose.breath)
    order = (0, 1) if pose.facing >= 0 else (1, 0)  # 0 is the leg and the arm on the left of the picture
    hips, shoulders = 0.048 * (1 - 0.75 * side), 0.112 * (1 - 0.72 * side)
    arms = (pose.left_arm, pose.right_arm)
    for number, which in enumerate(order):
        out = -1.0 if which == 0 else 1.0
        canvas.light = 0.82 if side > 0.4 and number == 0 else 1.0
        if side > 0.4 and number == 0:
            _draw_arm(canvas, pose, (chest[0] + out * shoulders, chest[1] - 0.02), arms[which], out, swing * out)
        _draw_leg(canvas, (hip[0] + out * hips, hip[1]), legs[which], pose.facing, out)
    canvas.light = 1.0
    _draw_trunk(canvas, hip, chest, side)
    _draw_head(canvas, pose, chest)
    for number, which in enumerate(order):
        if side <= 0.4 or number == 1:
            out = -1.0 if which == 0 else 1.0
            _draw_arm(canvas, pose, (chest[0] + out * shoulders, chest[1] - 0.02), arms[which], out, swing * out)
    return canvas.finish()


def _leg(pose: Pose, swing: float, forward: float) -> Point:
    """Return the angles of thigh and shin; the knee bends while the leg swings forward."""
    bend = pose.stride * (0.12 + 0.75 * max(0.0, forward) ** 2)
    return swing + 0.35 * bend, swing - 0.65 * bend


def _reach(leg: Point) -> float:
    return THIGH * np.cos(leg[0]) + SHIN * np.cos(leg[1])


def _draw_leg(canvas: "_Canvas", hip: Point, leg: Point, facing: float, out: float) -> None:
    lean = 0.03 * out * (1 - abs(facing))
    knee = _along(hip, leg[0] * facing + lean, THIGH * (1 - (1 - np.cos(leg[0])) * (1 - abs(facing))))
    ankle = _along(knee, leg[1] * facing + lean, SHIN * (1 - (1 - np.cos(leg[1])) * (1 - abs(facing))))
    toe = (ankle[0] + FOOT * (0.75 * facing + 0.22 * out * (1 - abs(facing))), ankle[1] - 0.014)
    heel = (ankle[0] - 0.02 * facing, ankle[1] - 0.012)
    canvas.limb([(heel, 0.019), (toe, 0.015)], SHOES)
    canvas.limb([(hip, 0.054), (knee, 0.039), (ankle, 0.030)], TROUSERS)


def _draw_trunk(canvas: "_Canvas", hip: Point, chest: Point, side: float) -> None:
    wide = 1 - 0.42 * side
    rows = [(0.0, 0.098), (0.10, 0.092), (0.45, 0.096), (0.78, 0.118), (0.93, 0.117), (1.02, 0.088), (1.07, 0.045)]
    left, right = [], []
    for up, half in rows:
        x = hip[0] + (chest[0] - hip[0]) * up
        y = hip[1] - 0.015 + (chest[1] - hip[1] + 0.015) * up
        left.append((x - half * wide, y))
        right.append((x + half * wide, y))
    canvas.shape(left + right[::-1], PULLOVER, round_off=0.012)


def _draw_head(canvas: "_Canvas", pose: Pose, chest: Point) -> None:
    turn = pose.facing
    base = (chest[0] + 0.008 * turn, chest[1] + 0.012)
    head = (base[0] + 0.018 * turn, base[1] + NECK + HEAD + 0.006)
    canvas.light = 0.86
    canvas.limb([(base, 0.030), ((head[0] - 0.006 * turn, head[1] - 0.03), 0.028)], SKIN)
    canvas.light = 1.0
    canvas.limb([((base[0] - 0.026, base[1] + 0.012), 0.010), ((base[0] + 0.004 * turn, base[1] - 0.004), 0.010),
                 ((base[0] + 0.026, base[1] + 0.012), 0.010)], COLLAR)  # fmt: skip
    canvas.oval((head[0] - 0.010 * turn, head[1] + 0.012), 0.058 + 0.004 * abs(turn), 0.062, HAIR)
    for ear in (-1, 1):
        if ear * turn <= 0.5:
            place = (head[0] + ear * 0.050 * (1 - abs(turn)) - 0.018 * turn, head[1] - 0.010)
            canvas.oval(place, 0.009, 0.014, SKIN)
    face = (head[0] + 0.012 * turn, head[1] - 0.010)
    canvas.oval(face, 0.047 - 0.003 * abs(turn), HEAD - 0.006, SKIN)
    if abs(turn) > 0.4:
        canvas.oval((face[0] + 0.046 * turn, face[1] - 0.006), 0.009, 0.011, SKIN)
    else:
        canvas.light = 0.9
        canvas.oval((face[0] + 0.022 * turn, face[1] - 0.008), 0.006, 0.012, SKIN)
        canvas.light = 1.0
    for eye in (-1, 1):
        x = face[0] + 0.024 * turn + eye * 0.018 * (1 - 0.6 * abs(turn))
        if abs(x - face[0]) < 0.043:
            canvas.oval((x, face[1] + 0.010), 0.0055, 0.0042, EYES)
            canvas.oval((x, face[1] + 0.021), 0.0095, 0.0028, HAIR)
    canvas.oval(
        (face[0] + 0.028 * turn, face[1] - 0.032), 0.013 * (1 - 0.4 * abs(turn)), 0.003 + 0.007 * pose.mouth, LIPS
    )
    fringe = [(head[0] + 0.055 * np.cos(a) - 0.008 * turn, head[1] + 0.022 + 0.054 * np.sin(a))
              for a in np.linspace(0, np.pi, 24)]  # fmt: skip
    canvas.shape(
        [*fringe, (head[0] - 0.030, head[1] + 0.032), (head[0] + 0.012, head[1] + 0.036)], HAIR, round_off=0.004
    )
    if abs(turn) > 0.4:
        canvas.oval((head[0] - 0.036 * turn, head[1] + 0.006), 0.030, 0.050, HAIR)


def _draw_arm(canvas: "_Canvas", pose: Pose, shoulder: Point, arm: Point, out: float, swing: float) -> None:
    upper = out * arm[0] * (1 - 0.7 * abs(pose.facing)) + swing * pose.facing * 0.9
    bend = pose.facing * pose.stride * 0.35
    fore = upper + out * arm[1] * (1 - abs(pose.facing)) + (bend if abs(pose.facing) > 0.4 else 0.0)
    elbow = _along(shoulder, upper, UPPER_ARM)
    wrist = _along(elbow, fore, FOREARM)
    fingers = _along(wrist, fore + 0.15 * out, 0.058)
    canvas.limb([(wrist, 0.017), (fingers, 0.013)], SKIN)
    canvas.limb([(shoulder, 0.041), (elbow, 0.032), (_along(wrist, fore, -0.012), 0.024)], PULLOVER)


def _along(start: Point, angle: float, length: float) -> Point:
    return start[0] + length * np.sin(angle), start[1] - length * np.cos(angle)


class _Canvas:
    """Parts are laid one over another, each lit from the upper right and darker where it turns away."""

    def __init__(self) -> None:
        self.colour = np.zeros((PATCH_HEIGHT * FINE, PATCH_WIDTH * FINE, 3), np.float32)
        self.cover = np.zeros((PATCH_HEIGHT * FINE, PATCH_WIDTH * FINE), np.float32)
        self.light = 1.0

    def limb(self, joints: list[tuple[Point, float]], colour: Colour) -> None:
        """Draw a limb through joints (place, radius)."""
        discs = []
        for (first, first_radius), (last, last_radius) in pairwise(joints):
            for part in np.linspace(0, 1, 14):
                place = (first[0] + (last[0] - first[0]) * part, first[1] + (last[1] - first[1]) * part)
                discs.append((place, first_radius + (last_radius - first_radius) * part))
        mask = self._blank()
        for (place, radius), (after, after_radius) in pairwise(discs):
            ends = np.array([_disc(place, radius), _disc(after, after_radius)]).reshape(-1, 2)
            cv2.fillConvexPoly(mask, cv2.convexHull(self._pixels(ends)), 255)
        self._lay(mask, colour)

    def shape(self, outline: list[Point], colour: Colour, round_off: float) -> None:
        """Draw a filled outline with rounded corners."""
        mask = self._blank()
        cv2.fillPoly(mask, [self._pixels(np.array(outline))], 255)
        size = round_off * HEIGHT_PX * FINE
        mask = np.where(cv2.GaussianBlur(mask, (0, 0), size) > 127, 255, 0).astype(np.uint8)
        self._lay(mask, colour)

    def oval(self, centre: Point, half_width: float, half_height: float, colour: Colour) -> None:
        turn = np.linspace(0, 2 * np.pi, 40)
        outline = np.stack([centre[0] + half_width * np.cos(turn), centre[1] + half_height * np.sin(turn)], 1)
        mask = self._blank()
        cv2.fillPoly(mask, [self._pixels(outline)], 255)
        self._lay(mask, colour)

    def finish(self) -> Drawing:
        size = (PATCH_WIDTH, PATCH_HEIGHT)
        return tuple(cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (self.colour, self.cover))

    def _blank(self) -> np.ndarray:
        return np.zeros(self.cover.shape, np.uint8)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        across = PATCH_WIDTH * FINE / 2 + points[:, 0] * HEIGHT_PX * FINE
        down = FEET * FINE - points[:, 1] * HEIGHT_PX * FINE
        return np.round(np.stack([across, down], 1)).astype(np.int32)

    def _lay(self, mask: np.ndarray, colour: Colour) -> None:
        left, top, width, height = cv2.boundingRect(mask)
        if not width:
            return
        margin = 10 * FINE
        rows = slice(max(0, top - margin), top + height + margin)
        columns = slice(max(0, left - margin), left + width + margin)
        cover = mask[rows, columns].astype(np.float32) / 255
        soft = cv2.GaussianBlur(cover, (0, 0), 3 * FINE)
        turned = np.roll(soft, (3 * FINE, -3 * FINE), (0, 1)) - np.roll(
            soft, (-3 * FINE, 3 * FINE), (0, 1)
        )  # more where it turns to the light
        lit = self.light * (0.74 + 0.30 * soft + 0.22 * -turned)
        part = np.clip(lit[..., None] * np.array(colour, np.float32), 0, 1)
        self.colour[rows, columns] = np.where(cover[..., None] > 0, part, self.colour[rows, columns])
        self.cover[rows, columns] = np.maximum(self.cover[rows, columns], cover)


def _disc(centre: Point, radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 20)
    return np.stack([centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)], 1)
