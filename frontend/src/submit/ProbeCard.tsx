import type { Schemas, Stage } from "../api/types";
import { clock as asClock, bytes } from "../format";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";

const text = messages.submit;
const STAGES: Stage[] = ["download", "transcription", "tracking", "rendition"];

/** Say what the recording is and what a job would do with it, before anything is queued. */
export function ProbeCard({ probe }: { probe: Schemas["ProbeView"] }) {
  const { plan } = probe;
  const video = probe.streams.find((stream) => "width" in stream);
  const sounds = probe.streams.filter((stream) => "channels" in stream);
  const [sound] = sounds;
  return (
    <section className="card probe" aria-label={text.found}>
      <h2>{text.found}</h2>
      <p className="probe__facts num">
        <strong>{probe.durationSec === null ? text.unknownLength : asClock(probe.durationSec)}</strong>
        {[
          video && "width" in video ? `${video.width}×${video.height}` : text.noPicture,
          sound && "channels" in sound
            ? messages.session.channels(sound.channels, sound.sampleRate, sound.codec)
            : text.noSound,
          probe.sizeBytes !== null && bytes(probe.sizeBytes),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {sounds.length > 1 && <p className="muted">{text.tracks(sounds.length)}</p>}
      {plan.problem && (
        <div className="notice notice--bad" role="alert">
          <Icon name="alert" />
          <div className="notice__body">
            <p>
              <strong>{plan.problem.title}</strong>
            </p>
            <p>{plan.problem.detail}</p>
          </div>
        </div>
      )}
      {probe.warnings.map((warning) => (
        <p key={warning} className="notice notice--warn">
          {warning}
        </p>
      ))}
      <h3>{text.plan}</h3>
      <ul className="probe__plan">
        {STAGES.map((stage) => {
          const expected = plan.stages[stage];
          if (!expected || (stage === "rendition" && expected.reason)) return null;
          const { reason, parts } = expected;
          return (
            <li key={stage}>
              <Icon name={reason ? "close" : "check"} />
              <span>
                {stage === "transcription"
                  ? text.planStage.transcription(plan.engine ? `${plan.engine.name} ${plan.engine.model}` : "–")
                  : text.planStage[stage]}
                <span className="muted">
                  {reason ? ` · ${text.notDone(reason)}` : parts ? ` · ${text.parts(parts)}` : ""}
                </span>
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
