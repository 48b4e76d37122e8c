export interface Piece {
  at: number;
  text: string;
  isMarked: boolean;
}

/** Cut a snippet at its highlights, which are offsets in code points as the API counts them. */
export function piecesOf(snippet: string, highlights: readonly (readonly number[])[]): Piece[] {
  const letters = [...snippet];
  const pieces: Piece[] = [];
  let at = 0;
  const push = (to: number, isMarked: boolean) => {
    if (to > at) pieces.push({ at, text: letters.slice(at, to).join(""), isMarked });
    at = Math.max(at, to);
  };
  for (const [from = 0, to = 0] of [...highlights].sort(([a = 0], [b = 0]) => a - b)) {
    push(from, false);
    push(to, true);
  }
  push(letters.length, false);
  return pieces;
}
