import { describe, expect, it } from "vitest";
import { confirmed, joinRow, type Rows, respell, rowsOf, type Segment, splitRow, textOf, withRow } from "./document";
import { doubtsOf, sameEverywhere } from "./doubts";
import { findAll, replaceAll } from "./find";
import { breachOf, DEFAULT_LIMITS, limitsOf } from "./limits";
import { merge } from "./merge";
import { operationsFor } from "./operations";
import { adopt, withChanges } from "./saved";

function said(...lines: [start: number, text: string][]): Segment[] {
  let id = 0;
  return lines.map(([start, text], number) => {
    const words = text.split(" ").map((word, at) => ({
      id: `w${id++}`,
      word: word.replace("?", ""),
      start: start + at * 0.5,
      end: start + at * 0.5 + 0.5,
      confidence: word.endsWith("?") ? 0.2 : 0.8,
    }));
    const end = start + words.length * 0.5;
    return { id: number, start, end, text, confidence: 0.8, words, language: "en" } as Segment;
  });
}

const TALK = said([0, "the vorony? diagram"], [4, "of four points"], [8, "is flat"]);
const ROWS = rowsOf({ segments: TALK });
const texts = (rows: Rows) => rows.map(textOf);
const retyped = (rows: Rows, number: number, text: string) => {
  const row = rows[number];
  return row ? withRow(rows, row.key, respell(row, text)) : rows;
};
const key = (rows: Rows, number: number) => rows[number]?.key ?? -1;

describe("typing", () => {
  it("keeps the words that stay, with their times, and shares the time of words that become several", () => {
    const [row] = retyped(ROWS, 0, "The Voronoi cell diagram");
    expect(row?.words.map((word) => [word.id, word.text, word.start])).toEqual([
      ["w0", "The", 0],
      ["w1", "Voronoi", 0.5],
      [null, "cell", 0.75],
      ["w2", "diagram", 1],
    ]);
    expect(operationsFor(TALK, retyped(ROWS, 0, "The Voronoi cell diagram"))).toEqual([
      { op: "replace", wordIds: ["w0"], text: "The" },
      { op: "replace", wordIds: ["w1"], text: "Voronoi cell" },
    ]);
  });

  it("becomes operations: nothing, words added in front and behind, and words that are gone", () => {
    expect(operationsFor(TALK, ROWS)).toEqual([]);
    expect(operationsFor(TALK, retyped(ROWS, 1, "well of four points here"))).toEqual([
      { op: "insert", before: "w3", text: "well" },
      { op: "insert", after: "w5", text: "here" },
    ]);
    expect(operationsFor(TALK, retyped(ROWS, 1, "points"))).toEqual([{ op: "delete", wordIds: ["w3", "w4"] }]);
    expect(operationsFor(TALK, [...ROWS.slice(0, 1), ...ROWS.slice(2)])).toEqual([
      { op: "delete", wordIds: ["w3", "w4", "w5"] },
    ]);
  });

  it("never loses the place of a row that is written anew", () => {
    expect(operationsFor(TALK, retyped(ROWS, 2, "something else altogether now"))).toEqual([
      { op: "replace", wordIds: ["w6"], text: "something else" },
      { op: "replace", wordIds: ["w7"], text: "altogether now" },
    ]);
  });
});

describe("rows", () => {
  it("are split and joined; what is split names its first word", () => {
    const split = splitRow(ROWS, key(ROWS, 0), 1);
    expect(texts(split)).toEqual(["the", "vorony diagram", "of four points", "is flat"]);
    expect(operationsFor(TALK, split)).toEqual([{ op: "split", wordId: "w1" }]);
    expect(texts(joinRow(split, key(split, 1)))).toEqual(texts(ROWS));
    expect(operationsFor(TALK, joinRow(ROWS, key(ROWS, 2)))).toEqual([{ op: "merge", segmentIds: [1, 2] }]);
    expect(splitRow(ROWS, key(ROWS, 0), 0)).toBe(ROWS);
    expect(joinRow(ROWS, key(ROWS, 0))).toBe(ROWS);
  });

  it("that are joined and split elsewhere are joined first", () => {
    const moved = splitRow(joinRow(ROWS, key(ROWS, 1)), key(ROWS, 0), 4);
    expect(texts(moved)).toEqual(["the vorony diagram of", "four points", "is flat"]);
    expect(operationsFor(TALK, moved)).toEqual([
      { op: "merge", segmentIds: [0, 1] },
      { op: "split", wordId: "w4" },
    ]);
  });

  it("get speakers, also a row that was just split off", () => {
    const split = splitRow(ROWS, key(ROWS, 0), 1).map((row, at) => (at === 1 ? { ...row, speaker: "Ann" } : row));
    expect(operationsFor(TALK, split)).toEqual([
      { op: "setSpeaker", segmentIds: [0], speaker: "Ann" },
      { op: "split", wordId: "w1" },
      { op: "setSpeaker", segmentIds: [0], speaker: null },
    ]);
  });

  it("of new words only are added to their neighbour first, and split off when their words have ids", () => {
    const split = splitRow(retyped(ROWS, 0, "the vorony diagram indeed"), key(ROWS, 0), 3);
    expect(texts(split).slice(0, 2)).toEqual(["the vorony diagram", "indeed"]);
    expect(operationsFor(TALK, split)).toEqual([{ op: "insert", after: "w2", text: "indeed" }]);
    const [first] = TALK;
    if (!first) return;
    const added = { id: "v1.0", word: "indeed", start: 1.5, end: 1.9, confidence: 1 };
    const saved = withChanges(TALK, {
      removedSegmentIds: [],
      segments: [{ ...first, words: [...first.words, added] }],
    });
    expect(operationsFor(saved, adopt(split, saved, split) ?? [])).toEqual([{ op: "split", wordId: "v1.0" }]);
  });

  it("that were split take words in front of them into the new segment", () => {
    const split = splitRow(ROWS, key(ROWS, 0), 1);
    expect(operationsFor(TALK, retyped(split, 1, "so vorony diagram"))).toEqual([
      { op: "split", wordId: "w1" },
      { op: "insert", before: "w1", text: "so" },
    ]);
  });
});

describe("saving", () => {
  const sent = splitRow(retyped(ROWS, 0, "the vorony cell diagram"), key(ROWS, 0), 3);
  const saved = withChanges(TALK, {
    removedSegmentIds: [],
    segments: [
      { ...(TALK[0] as Segment), end: 1, words: said([0, "the vorony? cell"])[0]?.words ?? [] },
      { ...(TALK[0] as Segment), id: 3, start: 1, words: [(TALK[0] as Segment).words[2] as Segment["words"][0]] },
    ],
  });

  it("gives new words and rows their ids, and keeps what was typed meanwhile", () => {
    expect(saved.map((segment) => segment.id)).toEqual([0, 3, 1, 2]);
    const typed = retyped(sent, 3, "is not flat");
    const rows = adopt(sent, saved, typed);
    expect(rows?.map((row) => row.id)).toEqual([0, 3, 1, 2]);
    expect(rows?.[0]?.words.map((word) => word.id)).toEqual(["w0", "w1", "w2"]);
    expect(rows?.map(textOf)).toEqual(["the vorony cell", "diagram", "of four points", "is not flat"]);
    expect(rows?.[2]).toBe(typed[2]);
  });

  it("is read anew when the server has another text", () => {
    expect(adopt(ROWS, TALK.slice(1), ROWS)).toBeNull();
  });
});

describe("two editors", () => {
  const edited = (number: number, change: Record<string, string | null>): Segment[] =>
    TALK.map((segment, at) =>
      at === number
        ? {
            ...segment,
            words: segment.words.flatMap((word) => {
              const text = change[word.id ?? ""];
              return text === null
                ? []
                : [{ ...word, word: text ?? word.word, confidence: text ? 1 : word.confidence }];
            }),
          }
        : segment,
    );

  it("who change different sentences both win", () => {
    const merged = merge(TALK, retyped(ROWS, 0, "the Voronoi diagram"), edited(1, { w4: "five" }));
    expect(texts(merged.rows)).toEqual(["the Voronoi diagram", "of five points", "is flat"]);
    expect([merged.clashes, merged.taken]).toEqual([[], 1]);
    expect(merged.rows[0]?.key).toBe(key(ROWS, 0));
  });

  it("who change different words of one sentence both win", () => {
    const merged = merge(TALK, retyped(ROWS, 0, "a vorony diagram here"), edited(0, { w1: "Voronoi" }));
    expect(texts(merged.rows)).toEqual(["a Voronoi diagram here", "of four points", "is flat"]);
    expect(operationsFor(edited(0, { w1: "Voronoi" }), merged.rows)).toEqual([
      { op: "replace", wordIds: ["w0"], text: "a" },
      { op: "insert", after: "w2", text: "here" },
    ]);
  });

  it("who change the same word are told, and theirs is shown", () => {
    const merged = merge(TALK, retyped(ROWS, 0, "the Voronoy diagram"), edited(0, { w1: "Voronoi" }));
    expect(texts(merged.rows)[0]).toBe("the Voronoi diagram");
    expect(merged.clashes).toMatchObject([
      { rowKey: key(ROWS, 0), mine: "the Voronoy diagram", theirs: "the Voronoi diagram" },
    ]);
    expect(merge(TALK, retyped(ROWS, 0, "the Voronoi diagram"), edited(0, { w1: "Voronoi" })).clashes).toEqual([]);
  });

  it("keep what one of them splits, joins or removes", () => {
    const split = splitRow(ROWS, key(ROWS, 0), 1);
    expect(texts(merge(TALK, split, edited(1, { w4: null })).rows)).toEqual([
      "the",
      "vorony diagram",
      "of points",
      "is flat",
    ]);
    expect(texts(merge(TALK, retyped(ROWS, 2, "is it flat"), TALK.slice(1)).rows)).toEqual([
      "of four points",
      "is it flat",
    ]);
    expect(merge(TALK, joinRow(ROWS, key(ROWS, 1)), edited(1, { w4: "five" })).clashes).toHaveLength(1);
  });
});

describe("find and replace", () => {
  it("counts, and replaces one or all", () => {
    const wish = { text: "of", matchCase: false, wholeWords: false };
    const rows = retyped(ROWS, 2, "Of course often");
    expect(findAll(rows, wish)).toHaveLength(3);
    expect(findAll(rows, { ...wish, wholeWords: true })).toHaveLength(2);
    expect(findAll(rows, { ...wish, matchCase: true })).toHaveLength(2);
    expect(findAll(rows, { ...wish, text: " " })).toEqual([]);
    const second = findAll(rows, wish)[1] ?? null;
    expect(texts(replaceAll(rows, wish, "by", second))[2]).toBe("by course often");
    expect(texts(replaceAll(rows, { ...wish, wholeWords: true }, "by"))).toEqual([
      "the vorony diagram",
      "by four points",
      "by course often",
    ]);
    expect(findAll(ROWS, { ...wish, text: "four  points" })).toEqual([{ rowKey: key(ROWS, 1), at: 3, length: 11 }]);
  });
});

function changedByVocabulary(segment: Segment): Segment {
  return { ...segment, words: segment.words.map((word) => ({ ...word, original: "vor ony" })) };
}

describe("doubtful words", () => {
  it("are listed with context, confirmed, and corrected everywhere", () => {
    const talk = rowsOf({
      segments: said([0, "a vorony? cell"], [4, "another Vorony, cell"]).map(changedByVocabulary),
    });
    const [doubt] = doubtsOf(talk, 0.5);
    expect([doubt?.before, doubt?.word.text, doubt?.after]).toEqual(["a", "vorony", "cell"]);
    if (!doubt) return;
    expect(doubtsOf(talk, 0.81)).toHaveLength(6);
    expect(doubtsOf(confirmed(talk, new Set([doubt.word.key]), null), 0.5)).toEqual([]);
    expect(doubt.word.original).toBe("vor ony");
    const everywhere = confirmed(talk, sameEverywhere(talk, doubt.word), "Voronoi");
    expect(texts(everywhere)).toEqual(["a Voronoi cell", "another Voronoi, cell"]);
    const accepted = confirmed(ROWS, new Set([ROWS[0]?.words[1]?.key ?? -1]), null);
    expect(operationsFor(TALK, accepted)).toEqual([{ op: "replace", wordIds: ["w1"], text: "vorony" }]);
  });
});

describe("caption limits", () => {
  it("are those of the job", () => {
    const [row] = ROWS;
    if (!row) return;
    expect(breachOf(row, DEFAULT_LIMITS)).toBeNull();
    expect(breachOf(row, limitsOf({ captions: { maxCharsPerSec: 10 } }))).toEqual({ kind: "fast", charsPerSec: 12 });
    expect(breachOf(respell(row, "x".repeat(50)), limitsOf(undefined))?.kind).toBe("long");
  });
});
