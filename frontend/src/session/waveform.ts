import type { Schemas } from "../api/types";

export type Peaks = Schemas["Peaks"];

/** Return the loudest moment of each of so many stretches, as a share of the loudest of all; hours become few bars. */
export function thinned(peaks: Peaks, bars: number): number[] {
  const count = Math.min(bars, peaks.length);
  const found = new Array<number>(count).fill(0);
  for (let at = 0; at < peaks.length; at += 1) {
    const bar = Math.min(count - 1, Math.floor((at * count) / peaks.length));
    const loud = Math.max(Math.abs(peaks.data[2 * at] ?? 0), Math.abs(peaks.data[2 * at + 1] ?? 0));
    if (loud > (found[bar] ?? 0)) found[bar] = loud;
  }
  const loudest = Math.max(1, ...found);
  return found.map((loud) => loud / loudest);
}

/** Return the outline of the bars in a box of this width and height, mirrored at its middle. */
export function outline(bars: readonly number[], width: number, height: number): string {
  if (bars.length === 0) return "";
  const step = width / bars.length;
  const middle = height / 2;
  const edge = (sign: 1 | -1) =>
    bars.map((share, at) => `${((at + 0.5) * step).toFixed(1)},${(middle - sign * share * middle).toFixed(1)}`);
  return `M0,${middle}L${edge(1).join("L")}L${width},${middle}L${edge(-1).reverse().join("L")}Z`;
}
