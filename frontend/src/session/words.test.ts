import { describe, expect, it } from "vitest";
import type { Transcript } from "../api/types";
import { findPhrase, readScript, rowOf, wordAt } from "./words";

function said(...sentences: [start: number, text: string][]): Transcript {
  const segments = sentences.map(([start, text], id) => {
    const words = text.split(" ").map((word, at) => ({
      word,
      start: start + at,
      end: start + at + 0.8,
      confidence: word.endsWith("?") ? 0.2 : 0.9,
    }));
    return { id, start, end: start + words.length, text, confidence: 0.9, words };
  });
  return { segments } as unknown as Transcript;
}

const CHAPTERS = [
  { start: 0, end: 10, title: "One", reasons: [] },
  { start: 10, end: 20, title: "Two", reasons: [] },
];

describe("a transcript", () => {
  const script = readScript(said([0, "Water moves."], [10, "Über uns, the Clouds?"]), CHAPTERS);

  it("begins a paragraph under each chapter", () => {
    expect(script.rows.map((row) => (row.kind === "heading" ? row.title : [row.from, row.to]))).toEqual([
      "One",
      [0, 2],
      "Two",
      [2, 6],
    ]);
  });

  it("knows the word at a time, also in pauses and before the first", () => {
    expect([-1, 0, 0.9, 5, 10, 99].map((time) => wordAt(script.words, time))).toEqual([-1, 0, 0, 1, 2, 5]);
    expect(rowOf(script.rows, 2)).toBe(3);
  });

  it("is searched without case, accents and punctuation, and the last word may be unfinished", () => {
    expect(findPhrase(script.words, "uber UNS")).toEqual([{ from: 2, to: 4, start: 10 }]);
    expect(findPhrase(script.words, "the clo")).toHaveLength(1);
    expect(findPhrase(script.words, "moves over")).toEqual([]);
    expect(findPhrase(script.words, " ?! ")).toEqual([]);
  });

  it("marks the words that the engine doubted", () => {
    expect(script.words.filter((word) => word.isDoubtful).map((word) => word.text)).toEqual(["Clouds?"]);
    const strict = readScript({ ...said([0, "Water moves."]), doubtfulBelow: 0.95 }, []);
    expect(strict.words.map((word) => word.isDoubtful)).toEqual([true, true]);
  });

  it("keeps 30,000 words quick to search", () => {
    const long = readScript(
      said(...Array.from({ length: 6000 }, (_, n) => [n * 6, `a b c d e${n}`] as [number, string])),
      [],
    );
    expect(long.words).toHaveLength(30_000);
    expect(findPhrase(long.words, "d e59")).toHaveLength(111);
    expect(Math.max(...long.rows.map((row) => (row.kind === "paragraph" ? row.to - row.from : 0)))).toBeLessThan(200);
  });
});
