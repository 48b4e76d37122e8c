import type { Schemas } from "../api/types";
import type { EditedRow, EditedWord, Rows, Segment } from "./document";

export type Operation = Schemas["TranscriptPatch"]["operations"][number];

const MAX_IDS = 1000;

/**
 * Return what makes the rows of the segments that the server has; empty when nothing differs.
 *
 * The order matters: what is gone goes first, then segments are joined while their ids are known, then they are split,
 * from the end to the beginning, because the server chooses the ids of new ones. Words are written last, each in the
 * segment where it belongs by then.
 */
export function operationsFor(segments: readonly Segment[], rows: Rows): Operation[] {
  const known = new Map(segments.flatMap((each) => each.words.map((word) => [word.id ?? "", word] as const)));
  const segmentOf = new Map(segments.flatMap((each) => each.words.map((word) => [word.id ?? "", each] as const)));
  const isKnown = (word: EditedWord) => word.id !== null && known.has(word.id);
  const shown = anchored(rows, isKnown);
  const kept = new Set(shown.flatMap((row) => row.words.filter(isKnown).map((word) => word.id)));
  const operations: Operation[] = [];

  const gone = [...known.keys()].filter((id) => !kept.has(id));
  for (let at = 0; at < gone.length; at += MAX_IDS) {
    operations.push({ op: "delete", wordIds: gone.slice(at, at + MAX_IDS) });
  }
  const joined = new Map<number, number[]>();
  const headOf = new Map<number, number>();
  for (const row of shown) {
    const ids = [...new Set(row.words.filter(isKnown).map((word) => segmentOf.get(word.id ?? "")?.id ?? -1))];
    const head = headOf.get(ids[0] ?? -1) ?? ids[0] ?? -1;
    for (const id of ids) {
      if (id === head || headOf.has(id)) continue;
      headOf.set(id, head);
      joined.set(head, [...(joined.get(head) ?? [head]), id]);
    }
  }
  for (const ids of joined.values()) operations.push({ op: "merge", segmentIds: ids });
  operations.push(...structure(shown, segmentOf, headOf, isKnown));
  for (const row of shown) operations.push(...spelling(row, known, isKnown));
  return operations;
}

/**
 * Return the rows, with rows of new words only as part of their neighbour: the server knows no word that such a row could
 * be split off at. It is split off when its words have ids.
 */
function anchored(rows: Rows, isKnown: (word: EditedWord) => boolean): EditedRow[] {
  const found: EditedRow[] = [];
  let leading: EditedWord[] = [];
  for (const row of rows) {
    const last = found.at(-1);
    if (row.words.some(isKnown)) {
      found.push(leading.length > 0 ? { ...row, words: [...leading, ...row.words] } : row);
      leading = [];
    } else if (last) {
      found[found.length - 1] = { ...last, words: [...last.words, ...row.words] };
    } else {
      leading = [...leading, ...row.words];
    }
  }
  return found;
}

/** Return the words of a row that are new or written otherwise. */
function spelling(
  row: EditedRow,
  known: ReadonlyMap<string, Segment["words"][number]>,
  isKnown: (word: EditedWord) => boolean,
): Operation[] {
  const operations: Operation[] = [];
  const first = row.words.findIndex(isKnown);
  const leading = row.words.slice(0, first);
  const head = row.words[first];
  if (leading.length > 0 && head?.id) operations.push({ op: "insert", before: head.id, text: joinedText(leading) });
  for (let at = first; at < row.words.length; ) {
    const word = row.words[at] as EditedWord;
    let end = at + 1;
    while (end < row.words.length && !isKnown(row.words[end] as EditedWord)) end += 1;
    const added = row.words.slice(at + 1, end);
    const before = known.get(word.id ?? "");
    const isChanged = before?.word !== word.text || (word.confidence === 1 && before.confidence < 1);
    const id = word.id ?? "";
    if (isChanged) operations.push({ op: "replace", wordIds: [id], text: joinedText([word, ...added]) });
    else if (added.length > 0) operations.push({ op: "insert", after: id, text: joinedText(added) });
    at = end;
  }
  return operations;
}

/** Return splits and speakers. A segment takes the speaker of its last piece before that is split off. */
function structure(
  rows: Rows,
  segmentOf: ReadonlyMap<string, Segment>,
  headOf: ReadonlyMap<number, number>,
  isKnown: (word: EditedWord) => boolean,
): Operation[] {
  const pieces = new Map<number, EditedRow[]>();
  const speakers = new Map<number, string | null>();
  for (const row of rows) {
    const segment = segmentOf.get(row.words.find(isKnown)?.id ?? "");
    if (!segment) continue;
    const id = headOf.get(segment.id) ?? segment.id;
    pieces.set(id, [...(pieces.get(id) ?? []), row]);
    if (segment.id === id) speakers.set(id, segment.speaker ?? null);
  }
  const operations: Operation[] = [];
  for (const [id, own] of pieces) {
    let speaker = speakers.get(id) ?? null;
    for (const [at, row] of [...own.entries()].reverse()) {
      if (row.speaker !== speaker) operations.push({ op: "setSpeaker", segmentIds: [id], speaker: row.speaker });
      speaker = row.speaker;
      const first = row.words.find(isKnown);
      if (at > 0 && first?.id) operations.push({ op: "split", wordId: first.id });
    }
  }
  return operations;
}

function joinedText(words: readonly EditedWord[]): string {
  return words.map((word) => word.text).join(" ");
}
