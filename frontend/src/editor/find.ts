import { type EditedRow, type Rows, respell, textOf } from "./document";

export interface Found {
  rowKey: number;
  at: number;
  /** How many characters it has: a blank of the wish is found as several. */
  length: number;
}

interface Wish {
  text: string;
  matchCase: boolean;
  wholeWords: boolean;
}

/** Return where the text is, row by row; nothing for an empty wish. */
export function findAll(rows: Rows, wish: Wish): Found[] {
  const pattern = patternOf(wish);
  if (!pattern) return [];
  return rows.flatMap((row) =>
    [...textOf(row).matchAll(pattern)].map((each) => ({ rowKey: row.key, at: each.index, length: each[0].length })),
  );
}

/** Return the rows with one place, or with every place, replaced. */
export function replaceAll(rows: Rows, wish: Wish, by: string, only: Found | null = null): Rows {
  const pattern = patternOf(wish);
  if (!pattern) return rows;
  return rows.flatMap((row): EditedRow[] => {
    if (only && only.rowKey !== row.key) return [row];
    const before = textOf(row);
    const after = before.replace(pattern, (match, ...rest) => (only && rest.at(-2) !== only.at ? match : by));
    if (after === before) return [row];
    const made = respell(row, after);
    return made.words.length > 0 ? [made] : [];
  });
}

function patternOf({ text, matchCase, wholeWords }: Wish): RegExp | null {
  const wanted = text
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/gu, "\\$&")
    .replace(/\s+/gu, "\\s+");
  if (!wanted) return null;
  const bounded = wholeWords ? `(?<![\\p{L}\\p{N}])${wanted}(?![\\p{L}\\p{N}])` : wanted;
  return new RegExp(bounded, matchCase ? "gu" : "giu");
}
