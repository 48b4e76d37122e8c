import type { Ref } from "react";
import { messages } from "../messages";
import type { EditingStore, Shown } from "./EditingStore";

const text = messages.editor;

interface ClashListProps {
  ref: Ref<HTMLDivElement>;
  store: EditingStore;
  shown: Shown;
  /** Whether the editor was to be closed with a clash undecided. */
  reminds: boolean;
  onGo: (key: number) => void;
}

/** Tell what another editor changed: what was taken in, and the sentences that both changed. */
export function ClashList({ ref, store, shown, reminds, onGo }: ClashListProps) {
  if (shown.taken === 0 && shown.clashes.length === 0) return null;
  return (
    <div ref={ref} tabIndex={-1} className="notice notice--warn editor__clashes" role="status">
      <div className="notice__body">
        <p>
          <strong>{text.merged(shown.taken)}</strong> {shown.clashes.length > 0 && text.clashes(shown.clashes.length)}
        </p>
        {reminds && shown.clashes.length > 0 && <p>{text.undecided}</p>}
        <ul>
          {shown.clashes.map((clash) => (
            <li key={`${clash.rowKey}-${clash.mine}`} className="clash">
              <dl>
                <dt>{text.theirs}</dt>
                <dd>{clash.theirs || text.removed}</dd>
                <dt>{text.mine}</dt>
                <dd>{clash.mine || text.removed}</dd>
              </dl>
              <div className="clash__buttons">
                <button type="button" className="button button--small" onClick={() => store.decide(clash, false)}>
                  {text.keepTheirs}
                </button>
                <button type="button" className="button button--small" onClick={() => store.decide(clash, true)}>
                  {text.takeMine}
                </button>
                {clash.rowKey !== null && (
                  <button
                    type="button"
                    className="button button--small button--quiet"
                    onClick={() => onGo(clash.rowKey ?? -1)}
                  >
                    {text.goThere}
                  </button>
                )}
              </div>
            </li>
          ))}
        </ul>
        {shown.clashes.length === 0 && (
          <button type="button" className="button button--small" onClick={() => store.forgetTaken()}>
            {text.understood}
          </button>
        )}
      </div>
    </div>
  );
}
