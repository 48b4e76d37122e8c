import { type EditedRow, type EditedWord, type Rows, rowOf, type Segment, textOf } from "./document";

/** A passage that both changed: theirs is shown, and mine can be taken instead. */
export interface Clash {
  /** The row that shows theirs; null where they removed it. */
  rowKey: number | null;
  /** The rows that I would have. */
  rows: Rows;
  mine: string;
  theirs: string;
}

interface Merged {
  rows: Rows;
  clashes: Clash[];
  /** How many passages of theirs were taken in. */
  taken: number;
}

interface Passage {
  base: Segment[];
  mine: EditedRow[];
  theirs: Segment[];
}

/**
 * Put two edits of one text together, passage by passage.
 *
 * A passage is a segment of the common text with all that either made of it. What only one changed is taken; what both
 * changed is put together word by word; where that fails, theirs stays and the clash is told.
 */
export function merge(base: readonly Segment[], mine: Rows, theirs: readonly Segment[]): Merged {
  const rows: EditedRow[] = [];
  const clashes: Clash[] = [];
  let taken = 0;
  for (const passage of passages(base, mine, theirs)) {
    if (JSON.stringify(passage.base) === JSON.stringify(passage.theirs)) {
      rows.push(...passage.mine);
      continue;
    }
    taken += 1;
    const shown = passage.theirs.map((segment) => renewed(segment, passage.mine));
    if (!hasMine(passage)) {
      rows.push(...shown);
      continue;
    }
    const together = wordByWord(passage, shown);
    if (together) {
      rows.push(together);
      continue;
    }
    const texts = [passage.mine, shown].map((some) => some.map(textOf).join(" "));
    if (texts[0] !== texts[1]) {
      const rowKey = shown[0]?.key ?? null;
      clashes.push({ rowKey, rows: passage.mine, mine: texts[0] ?? "", theirs: texts[1] ?? "" });
    }
    rows.push(...shown);
  }
  return { rows, clashes, taken };
}

/** Return the passages in order: what shares a word of the common text belongs together. */
function passages(base: readonly Segment[], mine: Rows, theirs: readonly Segment[]): Passage[] {
  const home = new Map<string, number>();
  const parent = base.map((_, at) => at);
  const root = (at: number): number => {
    let found = at;
    while (parent[found] !== found) found = parent[found] ?? found;
    return found;
  };
  base.forEach((segment, at) => {
    for (const word of segment.words) home.set(word.id ?? "", at);
  });
  const homes = (ids: readonly (string | null | undefined)[]) => [
    ...new Set(ids.flatMap((id) => home.get(id ?? "") ?? [])),
  ];
  const places = (ids: readonly (string | null | undefined)[], before: number): number => {
    const [first, ...more] = homes(ids);
    if (first === undefined) return before;
    const roots = [first, ...more].map(root);
    const lowest = Math.min(...roots);
    for (const each of roots) parent[each] = lowest;
    return first;
  };
  const mineAt: number[] = [];
  for (const row of mine)
    mineAt.push(
      places(
        row.words.map((word) => word.id),
        mineAt.at(-1) ?? 0,
      ),
    );
  const theirsAt: number[] = [];
  for (const each of theirs)
    theirsAt.push(
      places(
        each.words.map((word) => word.id),
        theirsAt.at(-1) ?? 0,
      ),
    );
  const found = new Map<number, Passage>();
  const passage = (at: number) => {
    const key = root(at);
    const known = found.get(key) ?? { base: [], mine: [], theirs: [] };
    found.set(key, known);
    return known;
  };
  for (const [at, segment] of base.entries()) passage(at).base.push(segment);
  for (const [at, row] of mine.entries()) passage(mineAt[at] ?? 0).mine.push(row);
  for (const [at, segment] of theirs.entries()) passage(theirsAt[at] ?? 0).theirs.push(segment);
  return [...found.entries()].sort(([one], [other]) => one - other).map(([, each]) => each);
}

function hasMine({ base, mine }: Passage): boolean {
  const before = base.map((each) => `${each.speaker ?? ""}|${each.words.map(wordMark).join(" ")}`).join("\n");
  return before !== mine.map((row) => `${row.speaker ?? ""}|${row.words.map(ownMark).join(" ")}`).join("\n");
}

function wordMark(word: Segment["words"][number]): string {
  return `${word.id}:${word.word}:${word.confidence === 1}`;
}

function ownMark(word: EditedWord): string {
  return `${word.id}:${word.text}:${word.confidence === 1}`;
}

/** Return their segment as a row that keeps the keys of the row in its place, so that the caret stays in it. */
function renewed(segment: Segment, mine: readonly EditedRow[]): EditedRow {
  const made = rowOf(segment);
  const same = mine.find((row) => row.id === segment.id);
  if (!same) return made;
  const keys = new Map(same.words.map((word) => [word.id, word.key]));
  return { ...made, key: same.key, words: made.words.map((word) => ({ ...word, key: keys.get(word.id) ?? word.key })) };
}

/** Return one row with both sides' words, or null where they contradict each other. */
function wordByWord({ base, mine, theirs }: Passage, shown: readonly EditedRow[]): EditedRow | null {
  const [before, own, other, row] = [base[0], mine[0], theirs[0], shown[0]];
  if (!before || !own || !other || !row || base.length + mine.length + theirs.length > 3) return null;
  const speaker = own.speaker === (before.speaker ?? null) ? row.speaker : own.speaker;
  if (speaker !== row.speaker && row.speaker !== (before.speaker ?? null)) return null;
  const old = new Map(before.words.map((word) => [word.id ?? "", word.word]));
  const present = new Map(row.words.map((word) => [word.id, word.text]));
  const ownIds = new Set(own.words.map((word) => word.id));
  const isTouched = (id: string) => present.get(id) !== old.get(id);
  const changed = new Map<string, EditedWord>();
  const added = new Map<string, EditedWord[]>();
  let anchor = "";
  for (const word of own.words) {
    if (word.id !== null && old.has(word.id)) {
      anchor = word.id;
      if (word.text === old.get(word.id) && word.confidence < 1) continue;
      if (isTouched(word.id) && present.get(word.id) !== word.text) return null;
      changed.set(word.id, word);
    } else {
      added.set(anchor, [...(added.get(anchor) ?? []), word]);
    }
  }
  for (const id of old.keys()) if (!ownIds.has(id) && isTouched(id)) return null;
  const theirAnchors = new Set(
    row.words.flatMap((word, at) => (old.has(word.id ?? "") ? [] : [row.words[at - 1]?.id ?? ""])),
  );
  for (const at of added.keys()) {
    if (theirAnchors.has(at) || (at !== "" && !present.has(at))) return null;
  }
  const words = [...(added.get("") ?? [])];
  for (const word of row.words) {
    const isRemovedByUs = word.id !== null && old.has(word.id) && !ownIds.has(word.id);
    const mineNow = word.id === null ? undefined : changed.get(word.id);
    if (!isRemovedByUs) words.push(mineNow ? { ...word, text: mineNow.text, confidence: 1 } : word);
    words.push(...(added.get(word.id ?? "-") ?? []));
  }
  return words.length > 0 ? { ...row, speaker, words } : null;
}
