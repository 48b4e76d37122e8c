import { expect, it } from "vitest";
import { tilesOf } from "./sprite";

it("tiles are read with their times and places", () => {
  const vtt =
    "WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nsprite-0001.jpg#xywh=0,0,160,90\n\n" +
    "01:00:05.500 --> 01:00:10.000\nsprite-0002.jpg#xywh=160,90,160,90\n";
  expect(tilesOf(vtt)).toEqual([
    { t: 0, sheet: "sprite-0001.jpg", x: 0, y: 0, width: 160, height: 90 },
    { t: 3605.5, sheet: "sprite-0002.jpg", x: 160, y: 90, width: 160, height: 90 },
  ]);
  expect(tilesOf("WEBVTT\n")).toEqual([]);
});
