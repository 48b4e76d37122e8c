import type { EditedRow } from "./document";

/** What a caption may take; a job's options change it. */
export interface CaptionLimits {
  charsPerSec: number;
  lineChars: number;
}

export const DEFAULT_LIMITS: CaptionLimits = { charsPerSec: 20, lineChars: 42 };

/** What breaks the limits: how fast the row has to be read, or a word that no line holds. */
type Breach = { kind: "fast"; charsPerSec: number } | { kind: "long"; word: string };

/** Return how the row breaks the limits of captions, or null. A row that is longer than a caption is cut into several. */
export function breachOf(row: EditedRow, limits: CaptionLimits): Breach | null {
  const long = row.words.find((word) => [...word.text].length > limits.lineChars);
  if (long) return { kind: "long", word: long.text };
  const [first, last] = [row.words[0], row.words.at(-1)];
  if (!first || !last) return null;
  const chars = row.words.reduce((sum, word) => sum + [...word.text].length + 1, -1);
  const charsPerSec = chars / Math.max(1, last.end - first.start);
  return charsPerSec > limits.charsPerSec ? { kind: "fast", charsPerSec: Math.round(charsPerSec) } : null;
}

/** Return the limits that a job's options name. */
export function limitsOf(options: Record<string, unknown> | undefined): CaptionLimits {
  const asked = (options?.captions ?? {}) as { maxCharsPerSec?: number | null; maxLineChars?: number | null };
  return {
    charsPerSec: asked.maxCharsPerSec ?? DEFAULT_LIMITS.charsPerSec,
    lineChars: asked.maxLineChars ?? DEFAULT_LIMITS.lineChars,
  };
}
