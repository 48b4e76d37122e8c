import { useEffect } from "react";
import type { MediaClock } from "./MediaClock";

type Span = readonly number[];

/** What stays of a silence at each end, so that no word is cut. */
const KEPT_SEC = 0.3;
/** A jump that saves less is felt, and gains nothing. */
const MIN_GAIN_SEC = 0.7;

/** Return where to go on from a time inside a silence, or null outside of one and near its end. */
export function skipTarget(silences: readonly Span[], time: number): number | null {
  for (const [start = 0, end = 0] of silences) {
    if (start > time) return null;
    const target = end - KEPT_SEC;
    if (time >= start + KEPT_SEC && target - time >= MIN_GAIN_SEC) return target;
  }
  return null;
}

/** Return the silences that are worth a jump. */
export function worthSkipping(silences: readonly Span[]): Span[] {
  return silences.filter(([start = 0, end = 0]) => end - start >= 2 * KEPT_SEC + MIN_GAIN_SEC);
}

/** Jump over silences while the video plays; a reader who goes into one on purpose, paused, stays there. */
export function useSkips(clock: MediaClock, silences: readonly Span[], isOn: boolean): void {
  useEffect(() => {
    if (!isOn || silences.length === 0) return;
    return clock.subscribe(() => {
      if (!clock.isPlaying) return;
      const target = skipTarget(silences, clock.time);
      if (target !== null) clock.seek(target);
    });
  }, [clock, silences, isOn]);
}
