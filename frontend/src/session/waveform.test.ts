import { expect, it } from "vitest";
import { outline, type Peaks, thinned } from "./waveform";

function peaks(...data: number[]): Peaks {
  return {
    version: 2,
    channels: 1,
    sample_rate: 16000,
    samples_per_pixel: 1600,
    bits: 8,
    length: data.length / 2,
    data,
  };
}

it("a waveform keeps the loudest moment of each stretch, whichever side it is on", () => {
  expect(thinned(peaks(-10, 5, -2, 40, 0, 0, -20, 1), 2)).toEqual([1, 0.5]);
  expect(thinned(peaks(-10, 5), 400)).toEqual([1]);
  expect(thinned(peaks(0, 0, 0, 0), 2)).toEqual([0, 0]);
  expect(thinned(peaks(), 2)).toEqual([]);
});

it("a waveform is drawn around its middle", () => {
  expect(outline([1, 0.5], 100, 20)).toBe("M0,10L25.0,0.0L75.0,5.0L100,10L75.0,15.0L25.0,20.0Z");
  expect(outline([], 100, 20)).toBe("");
});
