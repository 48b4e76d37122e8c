import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from "react";
import type { Schemas } from "../api/types";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { AuthImage } from "../ui/AuthImage";
import { type MediaClock, useClock } from "./MediaClock";
import type { Tile } from "./sprite";
import { lastBefore } from "./track";
import { outline, type Peaks, thinned } from "./waveform";

interface TimelineProps {
  clock: MediaClock;
  durationSec: number;
  chapters: readonly Schemas["ChapterPayload"][];
  peaks: Peaks | null;
  tiles: readonly Tile[];
  tilePath: (sheet: string) => string;
  presence: readonly (readonly number[])[];
  /** What is skipped while the video plays. */
  silences: readonly (readonly number[])[];
  thumbnails: readonly Schemas["ThumbnailPayload"][];
  thumbnailPath: (name: string) => string;
  marks: readonly number[];
  current: number | null;
}

const STEP_SEC = 5;
const PAGE_SEC = 60;
const WAVE_BARS = 400;
const WAVE = { width: 1000, height: 40 };

/** Show the whole recording as a line: its sound, chapters, where the lecturer was there, and marks of the search. */
export function Timeline(props: TimelineProps) {
  const { clock, durationSec, chapters, presence, thumbnails, marks } = props;
  const line = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number | null>(null);
  const second = useClock(clock, (time) => Math.round(time * 10) / 10);
  const share = (time: number) => `${(Math.min(1, Math.max(0, time / durationSec)) * 100).toFixed(3)}%`;
  const parts = useMemo(
    () => (chapters.length > 0 ? chapters : [{ start: 0, end: durationSec, title: "" }]),
    [chapters, durationSec],
  );
  const wave = useMemo(
    () => (props.peaks ? outline(thinned(props.peaks, WAVE_BARS), WAVE.width, WAVE.height) : ""),
    [props.peaks],
  );
  const chapterAt = (time: number) => parts.findLast((part) => part.start <= time + 0.01)?.title ?? "";

  function timeOf(event: PointerEvent): number {
    const { left, width } = line.current?.getBoundingClientRect() ?? { left: 0, width: 1 };
    return Math.min(durationSec, Math.max(0, ((event.clientX - left) / width) * durationSec));
  }

  function onKey(event: KeyboardEvent) {
    const to: Record<string, number> = {
      ArrowLeft: second - STEP_SEC,
      ArrowRight: second + STEP_SEC,
      ArrowDown: second - STEP_SEC,
      ArrowUp: second + STEP_SEC,
      PageDown: second - PAGE_SEC,
      PageUp: second + PAGE_SEC,
      Home: 0,
      End: durationSec,
    };
    const target = to[event.key];
    if (target === undefined) return;
    event.preventDefault();
    clock.seek(Math.min(durationSec, Math.max(0, target)));
  }

  return (
    <div className="timeline">
      <div
        ref={line}
        className="timeline__line"
        role="slider"
        tabIndex={0}
        aria-label={messages.session.timeline}
        aria-valuemin={0}
        aria-valuemax={Math.round(durationSec)}
        aria-valuenow={Math.round(second)}
        aria-valuetext={`${asClock(second)} ${chapterAt(second)}`.trim()}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          clock.seek(timeOf(event));
        }}
        onPointerMove={(event) => {
          const time = timeOf(event);
          setHover(time);
          if (event.buttons === 1) clock.seek(time);
        }}
        onPointerLeave={() => setHover(null)}
      >
        {wave && (
          <svg
            className="timeline__wave"
            viewBox={`0 0 ${WAVE.width} ${WAVE.height}`}
            preserveAspectRatio="none"
            aria-hidden="true"
          >
            <path d={wave} />
          </svg>
        )}
        {parts.map((part) => (
          <span
            key={part.start}
            className="timeline__chapter"
            style={{ left: share(part.start), width: `calc(${share(part.end - part.start)} - 2px)` }}
          />
        ))}
        <span className="timeline__played" style={{ width: share(second) }} />
        {presence.map(([from = 0, to = 0]) => (
          <span key={from} className="timeline__presence" style={{ left: share(from), width: share(to - from) }} />
        ))}
        {props.silences.map(([from = 0, to = 0]) => (
          <span key={from} className="timeline__silence" style={{ left: share(from), width: share(to - from) }} />
        ))}
        {marks.map((time) => (
          <span
            key={time}
            className={`timeline__mark ${time === props.current ? "timeline__mark--current" : ""}`}
            style={{ left: share(time) }}
          />
        ))}
        <span className="timeline__head" style={{ left: share(second) }} />
      </div>
      {hover !== null && (
        <Preview
          left={share(hover)}
          label={`${asClock(hover)} ${chapterAt(hover)}`}
          thumbnail={thumbnails[Math.max(0, lastBefore(thumbnails, hover))]}
          thumbnailPath={props.thumbnailPath}
          tile={props.tiles[Math.max(0, lastBefore(props.tiles, hover))]}
          tilePath={props.tilePath}
        />
      )}
    </div>
  );
}

interface PreviewProps {
  left: string;
  label: string;
  thumbnail: Schemas["ThumbnailPayload"] | undefined;
  thumbnailPath: (name: string) => string;
  tile: Tile | undefined;
  tilePath: (sheet: string) => string;
}

function Preview({ left, label, thumbnail, thumbnailPath, tile, tilePath }: PreviewProps) {
  return (
    <div
      className="timeline__preview"
      style={{ left: `clamp(5.5rem, ${left}, calc(100% - 5.5rem))` }}
      aria-hidden="true"
    >
      {tile ? (
        <span className="timeline__tile" style={{ width: tile.width, height: tile.height }}>
          <span style={{ transform: `translate(${-tile.x}px, ${-tile.y}px)` }}>
            <AuthImage path={tilePath(tile.sheet)} alt="" />
          </span>
        </span>
      ) : (
        thumbnail && <AuthImage path={thumbnailPath(thumbnail.name)} alt="" />
      )}
      <span className="num">{label}</span>
    </div>
  );
}
