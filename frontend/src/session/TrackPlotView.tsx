import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Schemas } from "../api/types";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { useTheme } from "../ui/theme";
import type { MediaClock } from "./MediaClock";

const HEIGHT_PX = 180;

/** Return the plot's points with a null in each gap, so that no line is drawn where the lecturer was not seen. */
export function withGaps(plot: Schemas["TrackPlot"]): [number[], (number | null)[]] {
  const times: number[] = [];
  const places: (number | null)[] = [];
  let last: number | null = null;
  for (const bin of plot.positions) {
    const inGap =
      last !== null && plot.gaps.some(([from = 0, to = 0]) => (last ?? 0) <= from + 0.01 && bin.t >= to - 0.01);
    if (last !== null && (inGap || bin.t - last > Math.max(2, plot.binSec * 2))) {
      times.push((last + bin.t) / 2);
      places.push(null);
    }
    times.push(bin.t);
    places.push(bin.x);
    last = bin.t;
  }
  return [times, places];
}

/** Plot where the lecturer stood over time; the line at now moves with the video, and a click goes to that time. */
export function TrackPlotView({ plot, clock }: { plot: Schemas["TrackPlot"]; clock: MediaClock }) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useTheme();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colors that are read from the page
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--ink-3"),
      font: "12px Inter Variable",
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
    };
    const now = {
      hooks: {
        draw: (chart: uPlot) => {
          const x = chart.valToPos(clock.time, "x", true);
          chart.ctx.strokeStyle = color("--ink");
          chart.ctx.lineWidth = devicePixelRatio;
          chart.ctx.beginPath();
          chart.ctx.moveTo(x, chart.bbox.top);
          chart.ctx.lineTo(x, chart.bbox.top + chart.bbox.height);
          chart.ctx.stroke();
        },
      },
    };
    const chart = new uPlot(
      {
        width: Math.max(200, parent.clientWidth),
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: { x: { time: false, range: [0, plot.durationSec] }, y: { range: [0, 1] } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map(asClock) },
          {
            ...axis,
            size: 54,
            splits: () => [0, 0.5, 1],
            values: () => [messages.session.left, messages.session.middle, messages.session.right],
          },
        ],
        series: [{}, { stroke: color("--accent"), width: 2, spanGaps: false, points: { show: false } }],
        plugins: [now],
      },
      withGaps(plot),
      parent,
    );
    const onClick = () => {
      const left = chart.cursor.left;
      if (left !== undefined && left >= 0) clock.seek(chart.posToVal(left, "x"));
    };
    chart.over.addEventListener("click", onClick);
    const stop = clock.subscribe(() => chart.redraw(false));
    const fit = new ResizeObserver(() => chart.setSize({ width: parent.clientWidth, height: HEIGHT_PX }));
    fit.observe(parent);
    return () => {
      fit.disconnect();
      stop();
      chart.destroy();
    };
  }, [plot, clock, theme]);

  return <div ref={place} className="plot" role="img" aria-label={messages.session.plotLabel} />;
}
