import { useState } from "react";
import type { SessionDetail } from "../api/types";
import { dateTime } from "../format";
import { messages } from "../messages";
import { type ReviewState, review } from "./gateway";

const text = messages.editor;
const STATES: ReviewState[] = ["auto", "inCorrection", "reviewed"];

interface ReviewControlProps {
  session: SessionDetail;
  onBefore: () => Promise<void>;
  onAfter: () => void;
}

/** Show and say how far the transcript is corrected. Captions are labelled as auto-generated until then. */
export function ReviewControl({ session, onBefore, onAfter }: ReviewControlProps) {
  const known = session.transcriptReview;
  const [failed, setFailed] = useState("");

  async function set(state: ReviewState) {
    setFailed("");
    try {
      await onBefore();
      await review(session.sessionId, state);
      onAfter();
    } catch (error) {
      setFailed(error instanceof Error ? error.message : String(error));
    }
  }

  const who = known?.at ? [known.by, dateTime(known.at)].filter(Boolean).join(" · ") : "";
  return (
    <span className="review" title={who}>
      <label>
        <span className="visually-hidden">{text.review}</span>
        <select
          className="input review__select"
          value={known?.state ?? "auto"}
          onChange={(event) => void set(event.target.value as ReviewState)}
        >
          {STATES.map((state) => (
            <option key={state} value={state}>
              {text.reviewStates[state]}
            </option>
          ))}
        </select>
      </label>
      {failed && <span role="alert">{failed}</span>}
    </span>
  );
}
