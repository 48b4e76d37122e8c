import { useEffect, useRef } from "react";
import type { Schemas } from "../api/client";
import { duration } from "../format";
import { messages } from "../messages";

const WARM = [255, 176, 46];
const COLD = [26, 160, 138];

/** Draw how long the lecturer was in each place, over a picture of the room. */
export function HeatMapView({ heatMap, children }: { heatMap: Schemas["HeatMap"]; children: React.ReactNode }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const most = Math.max(...heatMap.seconds.flat(), 0);

  useEffect(() => {
    const target = canvas.current;
    const pen = target?.getContext("2d");
    if (!target || !pen || most === 0) return;
    target.width = heatMap.columns;
    target.height = heatMap.rows;
    const image = pen.createImageData(heatMap.columns, heatMap.rows);
    heatMap.seconds.flat().forEach((seconds, at) => {
      const share = Math.sqrt(seconds / most);
      for (let i = 0; i < 3; i += 1)
        image.data[at * 4 + i] = (COLD[i] ?? 0) + ((WARM[i] ?? 0) - (COLD[i] ?? 0)) * share;
      image.data[at * 4 + 3] = seconds > 0 ? 70 + 170 * share : 0;
    });
    pen.putImageData(image, 0, 0);
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
