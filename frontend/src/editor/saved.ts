import { type EditedWord, type Rows, rowOf, type Segment } from "./document";

/** The segments that changed with a new version. */
export interface Changed {
  segments: readonly Segment[];
  removedSegmentIds: readonly number[];
}

/** Return the segments after the change, in order of time. */
export function withChanges(segments: readonly Segment[], changed: Changed): Segment[] {
  const gone = new Set([...changed.removedSegmentIds, ...changed.segments.map((each) => each.id)]);
  const left = segments.filter((each) => !gone.has(each.id));
  return [...left, ...changed.segments].sort((one, other) => one.start - other.start || one.end - other.end);
}

/**
 * Give the words and rows their ids and times, which the server chose when it saved what was sent.
 *
 * The sent rows and the saved segments have the same words in the same order; what was edited since keeps its edits, and
 * rows without a word of these stay as they are. Returns null if the words differ: the text has to be read anew.
 */
export function adopt(sent: Rows, saved: readonly Segment[], rows: Rows): Rows | null {
  const sentWords = sent.flatMap((row) => row.words);
  const savedWords = saved.flatMap((segment) => segment.words);
  const isSame = sentWords.every((word, at) => word.text === savedWords[at]?.word);
  if (!isSame || sentWords.length !== savedWords.length) return null;
  const wordOf = new Map(sentWords.map((word, at) => [word.key, savedWords[at]] as const));
  const homeOf = new Map(saved.flatMap((segment) => segment.words.map((word) => [word.id, segment.id] as const)));
  const used = new Set<number>();
  return rows.map((row) => {
    if (!row.words.some((word) => wordOf.has(word.key))) return row;
    const words = row.words.map((word) => renamed(word, wordOf.get(word.key)));
    const home = words.flatMap((word) => homeOf.get(word.id ?? "") ?? [])[0] ?? null;
    const id = home === null || used.has(home) ? null : home;
    if (id !== null) used.add(id);
    const isUnchanged = id === row.id && words.every((word, at) => word === row.words[at]);
    return isUnchanged ? row : { ...row, id, words };
  });
}

function renamed(word: EditedWord, saved: Segment["words"][number] | undefined): EditedWord {
  if (!saved) return word;
  const { start, end } = saved;
  const id = saved.id ?? null;
  return word.id === id && word.start === start && word.end === end ? word : { ...word, id, start, end };
}

/** Return the newest text as rows that keep the keys of rows that are still there. */
export function refreshed(segments: readonly Segment[], rows: Rows): Rows {
  const known = new Map(rows.map((row) => [row.id, row.key]));
  return segments.map((segment) => {
    const row = rowOf(segment);
    return { ...row, key: known.get(segment.id) ?? row.key };
  });
}
