import type { Job, Stage } from "../api/types";
import { percent } from "../format";
import { messages } from "../messages";
import { toneOfStage } from "./status";

const ORDER: Stage[] = ["download", "transcription", "tracking", "rendition"];

/** Show each stage with what it does: waiting is drawn apart from running. */
export function StageBars({ job }: { job: Job }) {
  const stages = ORDER.flatMap((stage) => {
    const view = job.stages[stage];
    return view && view.state !== "skipped" ? [{ stage, view }] : [];
  });
  return (
    <ul className="stages">
      {stages.map(({ stage, view }) => {
        const share = view.state === "done" ? 1 : view.progress;
        const parts = view.state === "running" && view.parts > 1 && messages.jobs.parts(view.partsDone, view.parts);
        return (
          <li key={stage} className={`stage stage--${toneOfStage(view.state)}`}>
            <span className="stage__name">{messages.stage[stage]}</span>
            <span className="stage__state num">
              {view.state === "running" ? percent(share) : messages.stageState[view.state]}
              {parts && ` · ${parts}`}
            </span>
            <div className={`meter ${view.state === "waiting" ? "meter--waiting" : ""}`} aria-hidden="true">
              <div style={{ width: percent(share) }} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}
