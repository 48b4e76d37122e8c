import { expect, it } from "vitest";
import { type Slide, slideAt } from "./slides";

function slide(id: number, ...visits: [number, number][]): Slide {
  return { id, title: null, number: null, picture: "", lines: [], visits, unspoken: [] };
}

it("shows the slide of the moment, also one that came back, and the last one in between", () => {
  const slides = [slide(1, [5, 10], [30, 40]), slide(2, [10, 20])];
  expect([0, 5, 12, 25, 30, 99].map((time) => slideAt(slides, time)?.id)).toEqual([undefined, 1, 2, 2, 1, 1]);
});
