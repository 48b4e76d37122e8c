import type { Schemas, Tracking } from "../api/types";
import { duration } from "../format";
import { messages } from "../messages";
import { AuthImage } from "../ui/AuthImage";
import { HeatMapView } from "./HeatMapView";
import type { MediaClock } from "./MediaClock";
import { TrackPlotView } from "./TrackPlotView";

interface TrackTabProps {
  tracking: Tracking | null;
  plot: Schemas["TrackPlot"] | null;
  clock: MediaClock;
  roomPath: string | null;
}

/** Show where the lecturer was: over time, in the room, and in numbers with their definitions. */
export function TrackTab({ tracking, plot, clock, roomPath }: TrackTabProps) {
  const text = messages.session;
  if (!tracking) return <p className="muted">{text.noTrack}</p>;
  const metrics = tracking.derivedMetrics;
  const values: [keyof typeof text.metrics, string][] = [
    ["coverage", `${metrics.coveragePercent.toFixed(0)}%`],
    ["gaps", String(metrics.gapsCount)],
    ["longestGap", duration(metrics.longestGapSec)],
    ["distance", metrics.totalDistance.toFixed(1)],
    ["jitter", metrics.jitter.toFixed(3)],
  ];
  return (
    <div className="stack">
      {tracking.warnings.map((warning) => (
        <p key={warning} className="notice notice--warn">
          {warning}
        </p>
      ))}
      {plot && (
        <section>
          <h3>{text.plotTitle}</h3>
          <TrackPlotView plot={plot} clock={clock} />
        </section>
      )}
      <div className="track__row">
        {plot && (
          <section>
            <h3>{text.heatTitle}</h3>
            <HeatMapView heatMap={plot.heatMap}>{roomPath && <AuthImage path={roomPath} alt="" />}</HeatMapView>
          </section>
        )}
        <section>
          <h3>{text.metricsTitle}</h3>
          <dl className="metrics">
            {values.map(([name, value]) => (
              <div key={name}>
                <dt>
                  {text.metrics[name].name}
                  <span className="muted">{text.metrics[name].meaning}</span>
                </dt>
                <dd className="num">{value}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </div>
  );
}
