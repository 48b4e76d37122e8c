import type { Tracking } from "../api/types";

type Point = Tracking["trackPoints"][number];
export type Box = readonly [number, number, number, number];

/** The longest pause between two points that is drawn through; beyond it is a gap, which is never filled in. */
const MAX_BRIDGE_SEC = 2;
const TRAIL_SEC = 6;
const CALM_SEC = 1.6;

/** Return the number of the last item at or before a time, or -1. */
export function lastBefore(items: readonly { t: number }[], time: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.t ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return the lecturer's box at a time, between two points by proportion, or null in a gap. */
export function boxAt(points: readonly Point[], time: number): Box | null {
  const at = lastBefore(points, time);
  const before = points[at];
  const after = points[at + 1];
  if (!before) return after && after.t - time < 0.5 ? after.box : null;
  if (!after) return time - before.t < 0.5 ? before.box : null;
  if (after.t - before.t > MAX_BRIDGE_SEC) {
    if (time - before.t < 0.5) return before.box;
    return after.t - time < 0.5 ? after.box : null;
  }
  const share = (time - before.t) / (after.t - before.t);
  const [a, b, c, d] = before.box.map((value, i) => value + ((after.box[i] ?? value) - value) * share);
  return [a ?? 0, b ?? 0, c ?? 0, d ?? 0];
}

/** Return whether at least half of one box lies inside another one. */
export function isMostlyInside(box: Box, other: Box): boolean {
  const width = Math.min(box[0] + box[2], other[0] + other[2]) - Math.max(box[0], other[0]);
  const height = Math.min(box[1] + box[3], other[1] + other[3]) - Math.max(box[1], other[1]);
  return width > 0 && height > 0 && 2 * width * height >= box[2] * box[3];
}

/** Return the lecturer's way during the last seconds, as runs without gaps. */
export function trailAt(points: readonly Point[], time: number): Point[][] {
  const runs: Point[][] = [];
  let last: Point | null = null;
  for (let at = lastBefore(points, time - TRAIL_SEC) + 1; at < points.length; at += 1) {
    const point = points[at];
    if (!point || point.t > time) break;
    if (last === null || point.t - last.t > MAX_BRIDGE_SEC) runs.push([]);
    runs.at(-1)?.push(point);
    last = point;
  }
  return runs;
}

export interface View {
  zoom: number;
  x: number;
  y: number;
}

/** Return how far to go in, so that the lecturer's body fills about half of the height. */
export function zoomFor(points: readonly Point[]): number {
  const heights = points.map((point) => point.box[3]).sort((a, b) => a - b);
  const median = heights[heights.length >> 1] ?? 1;
  return Math.min(2.6, Math.max(1.25, 0.62 / Math.max(median, 0.1)));
}

/**
 * Return the part of the picture that follows the lecturer at a time: a mean over some seconds, so that it is calm.
 *
 * Without the lecturer it is the whole picture.
 */
export function followView(points: readonly Point[], time: number, zoom: number): View {
  let x = 0;
  let y = 0;
  let weights = 0;
  for (let at = Math.max(0, lastBefore(points, time - CALM_SEC)); at < points.length; at += 1) {
    const point = points[at];
    if (!point || point.t > time + CALM_SEC) break;
    const weight = Math.max(0, 1 - Math.abs(point.t - time) / CALM_SEC);
    x += weight * point.x;
    y += weight * (point.box[1] + point.box[3] * 0.4);
    weights += weight;
  }
  if (weights === 0) return { zoom: 1, x: 0.5, y: 0.5 };
  const half = 0.5 / zoom;
  const inside = (value: number) => Math.min(1 - half, Math.max(half, value));
  return { zoom, x: inside(x / weights), y: inside(y / weights) };
}
