import { useEffect, useRef } from "react";
import type { Tracking } from "../api/types";
import type { MediaClock } from "./MediaClock";
import { type Box, boxAt, isMostlyInside, lastBefore, trailAt } from "./track";

const BOX_COLOR = "#5ef0d0";
const OTHER_COLOR = "rgba(255, 255, 255, 0.55)";
const SHADE = "rgba(0, 0, 0, 0.55)";

interface OverlayProps {
  clock: MediaClock;
  tracking: Tracking;
  aspect: number;
}

/** Draw the lecturer's box and trail, and what else was detected, on each frame that the video shows. */
export function Overlay({ clock, tracking, aspect }: OverlayProps) {
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const target = canvas.current;
    const pen = target?.getContext("2d");
    if (!target || !pen) return;
    const redraw = () => draw(pen, target, tracking, clock.time, aspect);
    const fit = new ResizeObserver(() => {
      target.width = Math.round(target.clientWidth * devicePixelRatio);
      target.height = Math.round(target.clientHeight * devicePixelRatio);
      redraw();
    });
    fit.observe(target);
    const stop = clock.subscribe(redraw);
    return () => {
      stop();
      fit.disconnect();
    };
  }, [clock, tracking, aspect]);

  return <canvas ref={canvas} className="player__overlay" aria-hidden="true" data-testid="overlay" />;
}

function draw(
  pen: CanvasRenderingContext2D,
  { width, height }: HTMLCanvasElement,
  tracking: Tracking,
  time: number,
  aspect: number,
): void {
  pen.clearRect(0, 0, width, height);
  const shownWidth = Math.min(width, height * aspect);
  const shownHeight = shownWidth / aspect;
  const left = (width - shownWidth) / 2;
  const top = (height - shownHeight) / 2;
  const unit = Math.max(1, shownWidth / 900);
  const place = (x: number, y: number): [number, number] => [left + x * shownWidth, top + y * shownHeight];
  const outline = (box: Box, color: string, thickness: number) => {
    const [x, y] = place(box[0], box[1]);
    for (const [style, extra] of [
      [SHADE, 2 * unit],
      [color, 0],
    ] as const) {
      pen.strokeStyle = style;
      pen.lineWidth = thickness + extra;
      pen.beginPath();
      pen.roundRect(x, y, box[2] * shownWidth, box[3] * shownHeight, 6 * unit);
      pen.stroke();
    }
  };

  const box = boxAt(tracking.trackPoints, time);
  const frame = tracking.frameDetections[lastBefore(tracking.frameDetections, time)];
  if (frame && time - frame.t < 1) {
    for (const { box: other } of frame.detections) {
      if (box === null || !isMostlyInside(other, box)) outline(other, OTHER_COLOR, unit);
    }
  }
  for (const run of trailAt(tracking.trackPoints, time)) {
    pen.lineCap = pen.lineJoin = "round";
    for (let at = 1; at < run.length; at += 1) {
      const [from, to] = [run[at - 1], run[at]];
      if (!from || !to) continue;
      pen.globalAlpha = Math.max(0, 1 - (time - to.t) / 6) * 0.9;
      pen.strokeStyle = BOX_COLOR;
      pen.lineWidth = 2.5 * unit;
      pen.beginPath();
      pen.moveTo(...place(from.x, from.y));
      pen.lineTo(...place(to.x, to.y));
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
  if (box) outline(box, BOX_COLOR, 2.5 * unit);
}
