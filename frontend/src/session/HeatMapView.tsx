import { useEffect, useRef } from "react";
import type { Schemas } from "../api/types";
import { duration } from "../format";
import { messages } from "../messages";

const WARM = [255, 176, 46];
const COLD = [42, 200, 172];
const CELL_PX = 16;
const SPOT_PX = 40;

function spot(pen: CanvasRenderingContext2D, x: number, y: number, share: number): void {
  const [r, g, b] = COLD.map((cold, at) => Math.round(cold + ((WARM[at] ?? 0) - cold) * share));
  const glow = pen.createRadialGradient(x, y, 0, x, y, SPOT_PX);
  glow.addColorStop(0, `rgb(${r} ${g} ${b} / ${0.35 + 0.6 * share})`);
  glow.addColorStop(1, `rgb(${r} ${g} ${b} / 0)`);
  pen.fillStyle = glow;
  pen.fillRect(x - SPOT_PX, y - SPOT_PX, 2 * SPOT_PX, 2 * SPOT_PX);
}

/** Draw how long the lecturer was in each place, over a picture of the room. */
export function HeatMapView({ heatMap, children }: { heatMap: Schemas["HeatMap"]; children: React.ReactNode }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const most = Math.max(...heatMap.seconds.flat(), 0);

  useEffect(() => {
    const target = canvas.current;
    const pen = target?.getContext("2d");
    if (!target || !pen || most === 0) return;
    target.width = heatMap.columns * CELL_PX;
    target.height = heatMap.rows * CELL_PX;
    heatMap.seconds.forEach((row, y) => {
      row.forEach((seconds, x) => {
        if (seconds > 0) spot(pen, (x + 0.5) * CELL_PX, (y + 0.5) * CELL_PX, Math.sqrt(seconds / most));
      });
    });
  }, [heatMap, most]);

  return (
    <figure className="heat">
      <div className="heat__room">
        {children}
        <canvas ref={canvas} role="img" aria-label={messages.session.heatLabel} />
      </div>
      <figcaption className="muted">{messages.session.heatCaption(duration(most))}</figcaption>
    </figure>
  );
}
