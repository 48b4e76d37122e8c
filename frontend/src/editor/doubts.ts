import { sameWord } from "./align";
import type { EditedWord, Rows } from "./document";

const CONTEXT_WORDS = 6;

/** A word that the engine was not sure of, with the words around it. */
export interface Doubt {
  rowKey: number;
  word: EditedWord;
  before: string;
  after: string;
}

/** Return the words with a confidence below the threshold, in order. */
export function doubtsOf(rows: Rows, doubtfulBelow: number): Doubt[] {
  return rows.flatMap((row) =>
    row.words.flatMap((word, at) => {
      if (word.confidence >= doubtfulBelow) return [];
      const texts = row.words.map((each) => each.text);
      const before = texts.slice(Math.max(0, at - CONTEXT_WORDS), at).join(" ");
      const after = texts.slice(at + 1, at + 1 + CONTEXT_WORDS).join(" ");
      return [{ rowKey: row.key, word, before, after }];
    }),
  );
}

/** Return the keys of all words that are written like this one. */
export function sameEverywhere(rows: Rows, word: EditedWord): Set<number> {
  const wanted = sameWord(word.text);
  return new Set(
    rows.flatMap((row) => row.words.filter((each) => sameWord(each.text) === wanted).map((each) => each.key)),
  );
}
