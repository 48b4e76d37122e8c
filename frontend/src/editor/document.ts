import type { Schemas, Transcript } from "../api/types";
import { align, groups, tokensOf } from "./align";

export type Segment = Schemas["TranscriptSegment"];

/** A word of the text that is being edited. */
export interface EditedWord {
  /** Names the word on this page, before and after it is saved. */
  key: number;
  /** The word's id on the server; null until it is saved. */
  id: string | null;
  text: string;
  start: number;
  end: number;
  confidence: number;
  /** What the engine wrote where a vocabulary or a slide changed it, else null. */
  original: string | null;
  /** Id of the slide whose term stands here, else null. */
  slide: number | null;
}

/** A segment that is being edited. Rows and words are never changed in place: what is the same object is unchanged. */
export interface EditedRow {
  key: number;
  /** The segment's id on the server; null until it is saved. */
  id: number | null;
  speaker: string | null;
  words: readonly EditedWord[];
}

export type Rows = readonly EditedRow[];

let lastKey = 0;

/** Return a key that nothing on this page has. */
function newKey(): number {
  lastKey += 1;
  return lastKey;
}

/** Return the segments as rows. */
export function rowsOf(transcript: Pick<Transcript, "segments">): Rows {
  return transcript.segments.map(rowOf);
}

/** Return a segment as a row. */
export function rowOf(segment: Segment): EditedRow {
  return {
    key: newKey(),
    id: segment.id,
    speaker: segment.speaker ?? null,
    words: segment.words.map((word) => ({
      key: newKey(),
      id: word.id ?? null,
      text: word.word,
      start: word.start,
      end: word.end,
      confidence: word.confidence,
      original: word.original ?? null,
      slide: word.slide ?? null,
    })),
  };
}

/** Return the row's text as it is typed. */
export function textOf(row: EditedRow): string {
  return row.words.map((word) => word.text).join(" ");
}

/** Return the row with another text: words that stay keep their times, and so do those that are written otherwise. */
export function respell(row: EditedRow, text: string): EditedRow {
  const tokens = tokensOf(text);
  const made: EditedWord[] = [];
  for (const block of align(
    row.words.map((word) => word.text),
    tokens,
  )) {
    const old = row.words.slice(block.from, block.to);
    const written = tokens.slice(block.begin, block.stop);
    if (block.isSame) {
      made.push(...old.map((word, at) => (word.text === written[at] ? word : spelled(word, written[at] ?? word.text))));
    } else if (old.length > 0 && written.length > 0) {
      for (const [words, texts] of groups(old.length, written.length)) {
        made.push(...inPlaceOf(old.slice(...words), written.slice(...texts)));
      }
    } else {
      const at = made.at(-1)?.end ?? row.words[0]?.start ?? 0;
      made.push(...written.map((each) => newWord(each, at, at)));
    }
  }
  return { ...row, words: made };
}

function spelled(word: EditedWord, text: string): EditedWord {
  return { ...word, text, confidence: 1 };
}

function newWord(text: string, start: number, end: number): EditedWord {
  return { key: newKey(), id: null, text, start, end, confidence: 1, original: null, slide: null };
}

function inPlaceOf(words: readonly EditedWord[], texts: readonly string[]): EditedWord[] {
  const [first] = words;
  const [text, ...more] = texts;
  if (!first || text === undefined) return [];
  const end = words.at(-1)?.end ?? first.end;
  const step = (end - first.start) / texts.length;
  const rest = more.map((each, at) => newWord(each, first.start + step * (at + 1), first.start + step * (at + 2)));
  return [{ ...spelled(first, text), end: first.start + step }, ...rest];
}

/** Replace one row by several. */
export function withRow(rows: Rows, key: number, ...made: EditedRow[]): Rows {
  return rows.flatMap((row) => (row.key === key ? made : [row]));
}

/** Put rows back whose words the server has no more: as new words, where their time is. */
export function putBack(rows: Rows, removed: Rows): Rows {
  const made = removed.map((row) => {
    const words = row.words.map((word) => ({ ...word, key: newKey(), id: null, confidence: 1 }));
    return { ...row, key: newKey(), id: null, words };
  });
  const from = made[0]?.words[0]?.start ?? 0;
  const later = rows.findIndex((row) => (row.words[0]?.start ?? 0) > from);
  const at = later < 0 ? rows.length : later;
  return [...rows.slice(0, at), ...made, ...rows.slice(at)];
}

/** Begin a new row with the word of this number. */
export function splitRow(rows: Rows, key: number, word: number): Rows {
  const row = rows.find((each) => each.key === key);
  if (!row || word <= 0 || word >= row.words.length) return rows;
  const second = { ...row, key: newKey(), id: null, words: row.words.slice(word) };
  return withRow(rows, key, { ...row, words: row.words.slice(0, word) }, second);
}

/** Join a row with the one before it. */
export function joinRow(rows: Rows, key: number): Rows {
  const at = rows.findIndex((row) => row.key === key);
  const [before, row] = [rows[at - 1], rows[at]];
  if (!before || !row) return rows;
  return [...rows.slice(0, at - 1), { ...before, words: [...before.words, ...row.words] }, ...rows.slice(at + 1)];
}

/** Return the rows with every word of the given keys confirmed, and written otherwise where a text is given. */
export function confirmed(rows: Rows, keys: ReadonlySet<number>, text: string | null): Rows {
  return rows.map((row) => {
    if (!row.words.some((word) => keys.has(word.key))) return row;
    const words = row.words.flatMap((word) => {
      if (!keys.has(word.key)) return [word];
      const spelling = text === null ? [] : tokensOf(withMarks(word.text, text));
      return spelling.length === 0 ? [spelled(word, word.text)] : inPlaceOf([word], spelling);
    });
    return { ...row, words };
  });
}

/** Return a text with the punctuation around a word, for a correction that has none of its own. */
function withMarks(word: string, text: string): string {
  const found = /^([^\p{L}\p{N}]*).*?([^\p{L}\p{N}]*)$/su.exec(word);
  const bare = /^[\p{L}\p{N}].*[\p{L}\p{N}]$|^[\p{L}\p{N}]$/su.test(text);
  return bare && found ? `${found[1]}${text}${found[2]}` : text;
}
