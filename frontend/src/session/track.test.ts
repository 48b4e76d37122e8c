import { describe, expect, it } from "vitest";
import { withGaps } from "./TrackPlotView";
import { boxAt, followView, isMostlyInside, trailAt, zoomFor } from "./track";

type Points = Parameters<typeof boxAt>[0];

function point(t: number, x: number): Points[number] {
  return { t, x, y: 0.5, box: [x - 0.05, 0.3, 0.1, 0.4], confidence: 1, state: "observed" };
}

const POINTS: Points = [point(1, 0.2), point(2, 0.4), point(10, 0.8)];

describe("the track", () => {
  it("is drawn between two points by proportion and never inside a gap", () => {
    expect(boxAt(POINTS, 1.5)?.[0]).toBeCloseTo(0.25);
    expect(boxAt(POINTS, 6)).toBeNull();
    expect(boxAt(POINTS, 60)).toBeNull();
    expect(boxAt([], 1)).toBeNull();
  });

  it("hides the detection that became the lecturer's box, and no other", () => {
    expect(isMostlyInside([0.1, 0.1, 0.2, 0.2], [0.15, 0.1, 0.2, 0.2])).toBe(true);
    expect(isMostlyInside([0.1, 0.1, 0.2, 0.2], [0.25, 0.1, 0.2, 0.2])).toBe(false);
    expect(isMostlyInside([0.1, 0.1, 0.2, 0.2], [0.6, 0.6, 0.2, 0.2])).toBe(false);
  });

  it("has a trail that a gap cuts", () => {
    expect(trailAt(POINTS, 2).map((run) => run.length)).toEqual([2]);
    expect(trailAt([...POINTS, point(10.5, 0.7)], 10.5).map((run) => run.length)).toEqual([2]);
    expect(trailAt([point(5, 0.1), point(9, 0.2)], 9).map((run) => run.length)).toEqual([1, 1]);
  });

  it("is followed within the picture, and shows all of it where the lecturer is out of sight", () => {
    const zoom = zoomFor(POINTS);
    expect(zoom).toBeCloseTo(1.55);
    const view = followView(POINTS, 10, zoom);
    expect(view.x).toBeCloseTo(1 - 0.5 / zoom);
    expect(followView(POINTS, 6, zoom)).toEqual({ zoom: 1, x: 0.5, y: 0.5 });
  });

  it("is plotted with a hole in each gap", () => {
    const bins = [1, 2, 10].map((t) => ({ t, x: 0.5, minX: 0.5, maxX: 0.5 }));
    const plot = { positions: bins, gaps: [[2, 10]], binSec: 1 } as unknown as Parameters<typeof withGaps>[0];
    expect(withGaps(plot)[1]).toEqual([0.5, 0.5, null, 0.5]);
  });
});
