import { messages } from "../messages";
import { Icon } from "./Icon";

/** Buttons that go to the previous and the next place of a search; `onStep` takes -1 or 1. */
export function HitButtons({ onStep }: { onStep: (by: 1 | -1) => void }) {
  return (
    <>
      <button
        type="button"
        className="button button--quiet button--icon button--small"
        aria-label={messages.session.previousHit}
        onClick={() => onStep(-1)}
      >
        <Icon name="up" />
      </button>
      <button
        type="button"
        className="button button--quiet button--icon button--small"
        aria-label={messages.session.nextHit}
        onClick={() => onStep(1)}
      >
        <Icon name="down" />
      </button>
    </>
  );
}
