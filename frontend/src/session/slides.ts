/** `slides.json`, as docs/api.md has it. */
export interface Slides {
  slides: Slide[];
  warnings: string[];
}

export interface Slide {
  id: number;
  title: string | null;
  number?: string | null;
  picture: string;
  lines: { text: string; role: "title" | "body" | "footer" | "number" }[];
  visits: [number, number][];
  unspoken?: string[];
}

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
