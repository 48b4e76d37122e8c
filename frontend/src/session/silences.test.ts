import { expect, it } from "vitest";
import { skipTarget, worthSkipping } from "./silences";

const SILENCES = [
  [10, 20],
  [30, 31],
];

it("goes on shortly before the next word, and only where that saves time", () => {
  const times = [9, 10.1, 10.3, 15, 19.2, 19.7, 25, 30.5, 40];
  expect(times.map((time) => skipTarget(SILENCES, time))).toEqual([
    null,
    null,
    19.7,
    19.7,
    null,
    null,
    null,
    null,
    null,
  ]);
  expect(worthSkipping(SILENCES)).toEqual([[10, 20]]);
});
