import { describe, expect, it } from "vitest";
import { errorOf } from "./api/problem";
import { bytes, clock, duration, relative } from "./format";
import { remainingSec, speedOf, tookSec } from "./jobs/estimate";
import { latestLines } from "./jobs/queries";
import { piecesOf } from "./search/highlight";
import { remember, resumeTime, timeInHash } from "./session/address";
import { pathOf } from "./session/downloads";
import { NO_WISHES, nameOf, optionsOf } from "./submit/options";
import { aJob } from "./testing/samples";

describe("texts", () => {
  it("say times, lengths and sizes as people write them", () => {
    expect([0, 65.9, 3723].map(clock)).toEqual(["0:00", "1:05", "1:02:03"]);
    expect([2, 75, 600, 7260].map(duration)).toEqual(["2 s", "75 s", "10 min", "2 h 1 min"]);
    expect([12, 1_720_717, 3e9].map(bytes)).toEqual(["12 B", "1.7 MB", "3.0 GB"]);
    expect(relative("2026-01-01T10:00:00Z", Date.parse("2026-01-01T12:00:00Z"))).toBe("2 hours ago");
  });

  it("mark what was found by code points", () => {
    expect(piecesOf("😀 water moves", [[2, 7]]).map((piece) => [piece.text, piece.isMarked])).toEqual([
      ["😀 ", false],
      ["water", true],
      [" moves", false],
    ]);
  });

  it("turn a refusal of the API or of storage into a sentence", () => {
    const problem = { code: "bad", title: "Bad", detail: "No.", status: 422, errors: [{ pointer: "/a", detail: "b" }] };
    expect(errorOf(422, problem).message).toBe("No. · /a: b");
    expect(errorOf(502, "<html>").retryable).toBe(true);
  });

  it("show the latest sentences that fit", () => {
    expect(latestLines(["One.", "x".repeat(250), "Two.", "Three."])).toBe("Two. Three.");
    expect(latestLines(["y".repeat(400)])).toHaveLength(400);
    expect(latestLines([])).toBe("");
  });
});

describe("addresses", () => {
  it("carry a time in seconds or as a clock", () => {
    expect(["#t=83.5", "#t=1:02:03", "#x", "#t=.."].map(timeInHash)).toEqual([83.5, 3723, null, null]);
  });

  it("are left and found again, but not at a recording's end", () => {
    remember("s1", 40);
    expect(resumeTime("s1", 100)).toBe(40);
    expect(resumeTime("s1", 42)).toBeNull();
    expect(resumeTime("s2", 100)).toBeNull();
  });

  it("serve each artefact by the route that has it", () => {
    const paths = [
      "transcript.vtt",
      "transcript.html",
      "words.vtt",
      "podcast-chapters.json",
      "chapters.json",
      "track-x.png",
      "follow.mp4",
      "slides.json",
      "unknown.bin",
    ];
    expect(paths.map((name) => pathOf("s", "j", name))).toEqual([
      "/sessions/s/results/transcript?format=vtt&jobId=j",
      "/sessions/s/results/transcript?format=html&jobId=j",
      "/sessions/s/results/transcript?format=words&jobId=j",
      "/sessions/s/results/chapters?format=podcast&jobId=j",
      "/sessions/s/results/chapters?format=json&jobId=j",
      "/sessions/s/pictures/track-x.png?jobId=j",
      "/sessions/s/renditions/follow.mp4?jobId=j",
      "/sessions/s/results/slides?jobId=j",
      null,
    ]);
  });
});

describe("a job", () => {
  it("has an estimate where the server knows one, and a length once it ended", () => {
    const now = Date.parse("2026-01-01T10:01:00Z");
    const [doneAt, low, high] = ["2026-01-01T10:02:30Z", "2026-01-01T10:02:00Z", "2026-01-01T10:04:00Z"];
    const estimate = { doneAt, low, high, jobs: 3 };
    expect(remainingSec(aJob({ estimate }), now)).toEqual({ sec: 90, low: 60, high: 180 });
    expect(remainingSec(aJob({ estimate }), Date.parse(doneAt))).toBeNull();
    expect(remainingSec(aJob({ estimate: null }), now)).toBeNull();
    expect(tookSec(aJob({ finishedAt: "2026-01-01T10:00:20Z" }))).toBe(20);
    expect(speedOf(aJob({ progress: 0.5 }), 600, now)).toBeCloseTo(5);
    const done = { status: "DONE", progress: 1, finishedAt: "2026-01-01T10:00:20Z" } as const;
    expect([speedOf(aJob(done), 100), speedOf(aJob(done), null)]).toEqual([5, null]);
  });

  it("is asked for only what the form says", () => {
    expect(optionsOf(NO_WISHES)).toEqual({});
    const wishes = { ...NO_WISHES, language: " de ", terms: "Voronoi, ,Delaunay", followCam: true, keepDays: "30" };
    expect(optionsOf(wishes)).toEqual({
      language: "de",
      hotwords: ["Voronoi", "Delaunay"],
      followCam: true,
      retentionDays: 30,
    });
    expect(optionsOf({ ...NO_WISHES, vocabularies: ["algebra"], rendition: "never" })).toEqual({
      vocabularies: ["algebra"],
      rendition: "never",
    });
    expect(nameOf("week_3 heat.final.mp4")).toBe("week 3 heat.final");
  });
});
