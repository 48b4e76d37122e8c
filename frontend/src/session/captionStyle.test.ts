import { expect, it } from "vitest";
import { DEFAULT_STYLE, keepStyle, readStyle, variablesOf } from "./captionStyle";

it("is kept for the next recording, and is as it comes where what was kept cannot be read", () => {
  expect(readStyle()).toEqual(DEFAULT_STYLE);
  keepStyle({ size: "large", color: "yellow", background: "none" });
  expect(readStyle()).toEqual({ size: "large", color: "yellow", background: "none" });
  expect(variablesOf(readStyle())["--cue-size"]).toBe("1.5em");
  localStorage.setItem("rostrum.captions", '{"size": "gigantic", "color": "yellow"}');
  expect(readStyle()).toEqual({ ...DEFAULT_STYLE, color: "yellow" });
  localStorage.setItem("rostrum.captions", "{");
  expect(readStyle()).toEqual(DEFAULT_STYLE);
});
