import type { Schemas } from "../api/types";

export type Slides = Schemas["Slides"];
export type Slide = Schemas["SlidePayload"];

/** Return the slide that is on the screen at a time, or was last; null before the first. */
export function slideAt(slides: readonly Slide[], time: number): Slide | null {
  let found: Slide | null = null;
  let latest = Number.NEGATIVE_INFINITY;
  for (const slide of slides) {
    for (const [start] of slide.visits) {
      if (start <= time + 0.05 && start > latest) {
        found = slide;
        latest = start;
      }
    }
  }
  return found;
}
