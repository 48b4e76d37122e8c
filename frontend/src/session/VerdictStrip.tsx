import type { Schemas } from "../api/types";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";
import { linkTo } from "./address";
import type { MediaClock } from "./MediaClock";

const text = messages.session.verdict;

interface VerdictStripProps {
  /** The verdict, once the job is done. */
  quality: Schemas["Quality"] | null;
  /** What is known before that. */
  warnings: readonly Schemas["WarningView"][];
  clock: MediaClock;
}

/** Say what is wrong with the recording, each reason with a link to its time; say nothing about a healthy one. */
export function VerdictStrip({ quality, warnings, clock }: VerdictStripProps) {
  const reasons = quality ? quality.reasons : warnings;
  if (reasons.length === 0) return null;
  const isUnusable = quality?.verdict === "unusable";
  return (
    <section className={`notice verdict ${isUnusable ? "notice--bad" : "notice--warn"}`} aria-label={text.label}>
      <Icon name="alert" />
      <div className="notice__body">
        <p className="verdict__title">{isUnusable ? text.unusable : text.check}</p>
        <ul className="verdict__reasons">
          {reasons.map((reason) => (
            <li key={`${reason.code}-${reason.start}`}>
              {reason.text}{" "}
              <a
                className="num"
                href={linkTo(reason.start)}
                aria-label={messages.session.goToTime(`${asClock(reason.start)}–${asClock(reason.end)}`)}
                onClick={(event) => {
                  event.preventDefault();
                  clock.seek(reason.start);
                }}
              >
                {asClock(reason.start)}–{asClock(reason.end)}
              </a>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
