/** The old words [from, to) stand as the new words [begin, stop). */
export interface Block {
  from: number;
  to: number;
  begin: number;
  stop: number;
  isSame: boolean;
}

/** Return the words of a text as they are typed. */
export function tokensOf(text: string): string[] {
  return text.split(/\s+/u).filter(Boolean);
}

/** Return a word without capitals and punctuation, for comparing. */
export function sameWord(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "") || text;
}

/** Return blocks that cover both texts in order. A row is short: the longest common sequence takes no time. */
export function align(before: readonly string[], after: readonly string[]): Block[] {
  const old = before.map(sameWord);
  const made = after.map(sameWord);
  let head = 0;
  while (head < old.length && head < made.length && old[head] === made[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < made.length - head && old.at(-1 - tail) === made.at(-1 - tail)) tail += 1;
  const pairs = common(old.slice(head, old.length - tail), made.slice(head, made.length - tail));
  const same: [number, number][] = [
    ...Array.from({ length: head }, (_, at): [number, number] => [at, at]),
    ...pairs.map(([one, other]): [number, number] => [one + head, other + head]),
    ...Array.from({ length: tail }, (_, at): [number, number] => [old.length - tail + at, made.length - tail + at]),
  ];
  const blocks: Block[] = [];
  let from = 0;
  let begin = 0;
  for (const [one, other] of [...same, [old.length, made.length] as const]) {
    if (one > from || other > begin) blocks.push({ from, to: one, begin, stop: other, isSame: false });
    if (one < old.length || other < made.length) {
      blocks.push({ from: one, to: one + 1, begin: other, stop: other + 1, isSame: true });
    }
    from = one + 1;
    begin = other + 1;
  }
  return blocks;
}

/** Return which of so many words stand for which of so many texts, as ranges of similar size. */
export function groups(words: number, texts: number): [[number, number], [number, number]][] {
  const pieces = Math.min(words, texts);
  const edge = (piece: number, all: number) => Math.floor((piece * all) / pieces);
  return Array.from({ length: pieces }, (_, at) => [
    [edge(at, words), edge(at + 1, words)],
    [edge(at, texts), edge(at + 1, texts)],
  ]);
}

function common(old: readonly string[], made: readonly string[]): [number, number][] {
  const width = made.length + 1;
  const longest = new Uint16Array((old.length + 1) * width);
  const at = (one: number, other: number) => longest[one * width + other] ?? 0;
  for (let one = old.length - 1; one >= 0; one -= 1) {
    for (let other = made.length - 1; other >= 0; other -= 1) {
      longest[one * width + other] =
        old[one] === made[other] ? at(one + 1, other + 1) + 1 : Math.max(at(one + 1, other), at(one, other + 1));
    }
  }
  const pairs: [number, number][] = [];
  let one = 0;
  let other = 0;
  while (one < old.length && other < made.length) {
    if (old[one] === made[other]) pairs.push([one++, other++]);
    else if (at(one + 1, other) >= at(one, other + 1)) one += 1;
    else other += 1;
  }
  return pairs;
}
