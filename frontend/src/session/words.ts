import type { Schemas, Transcript } from "../api/types";

type Chapter = Schemas["ChapterPayload"];

export interface Word {
  text: string;
  /** The text as searches compare it. */
  plain: string;
  start: number;
  end: number;
  isDoubtful: boolean;
}

export interface Paragraph {
  kind: "paragraph";
  start: number;
  /** Numbers of the first word and of the one behind the last. */
  from: number;
  to: number;
}

export interface Heading {
  kind: "heading";
  start: number;
  title: string;
}

export type Row = Paragraph | Heading;

export interface Script {
  words: Word[];
  rows: Row[];
}

const PAUSE_SEC = 1.5;
const MIN_CHARS = 120;
const MAX_CHARS = 300;
/** The threshold of transcripts that came without one. */
export const DOUBTFUL_BELOW = 0.5;

/** Return the transcript as words and rows: chapters as headings, and paragraphs that end at pauses. */
export function readScript(transcript: Transcript, chapters: readonly Chapter[]): Script {
  const words: Word[] = [];
  const rows: Row[] = [];
  const titles = chapters.length > 1 ? [...chapters] : [];
  const doubtfulBelow = transcript.doubtfulBelow ?? DOUBTFUL_BELOW;
  let open: Paragraph | null = null;
  let chars = 0;
  let lastEnd = 0;
  for (const segment of transcript.segments) {
    const from = words.length;
    for (const word of segment.words) {
      const { start, end, confidence } = word;
      words.push({ text: word.word, plain: plain(word.word), start, end, isDoubtful: confidence < doubtfulBelow });
    }
    if (words.length === from) {
      const { text, start, end } = segment;
      words.push({ text, plain: plain(text), start, end, isDoubtful: false });
    }
    let begins = false;
    while (titles[0] && segment.start >= titles[0].start - 0.01) {
      const chapter = titles.shift() as Chapter;
      rows.push({ kind: "heading", start: chapter.start, title: chapter.title });
      begins = true;
    }
    const paused = segment.start - lastEnd > PAUSE_SEC && chars > MIN_CHARS;
    if (open === null || begins || paused || chars > MAX_CHARS) {
      open = { kind: "paragraph", start: segment.start, from, to: words.length };
      rows.push(open);
      chars = 0;
    }
    open.to = words.length;
    chars += segment.text.length;
    lastEnd = segment.end;
  }
  return { words, rows };
}

/** Return the number of the word that is said at a time, or of the last one before it; -1 before the first. */
export function wordAt(words: readonly Word[], time: number): number {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.start ?? 0) <= time + 0.02) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return the number of the row that holds a word. */
export function rowOf(rows: readonly Row[], word: number): number {
  return rows.findIndex((row) => row.kind === "paragraph" && row.from <= word && word < row.to);
}

export interface Hit {
  from: number;
  to: number;
  start: number;
}

/** Return a text without case, accents and punctuation, as it is compared. */
export function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Return where a phrase was said: its words follow each other, and the last one may be unfinished. */
export function findPhrase(words: readonly Word[], phrase: string): Hit[] {
  const wanted = plain(phrase).split(" ").filter(Boolean);
  if (wanted.length === 0) return [];
  const hits: Hit[] = [];
  for (let at = 0; at + wanted.length <= words.length; at += 1) {
    const fits = wanted.every((part, offset) =>
      offset === wanted.length - 1 ? words[at + offset]?.plain.startsWith(part) : words[at + offset]?.plain === part,
    );
    const first = words[at];
    if (fits && first) hits.push({ from: at, to: at + wanted.length, start: first.start });
  }
  return hits;
}
