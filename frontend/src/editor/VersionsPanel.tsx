import { useQuery } from "@tanstack/react-query";
import { type ChangeEvent, useState } from "react";
import { dateTime } from "../format";
import { messages } from "../messages";
import { Ask } from "../ui/Ask";
import { ErrorNotice, Skeleton } from "../ui/states";
import { importFile, listVersions, restoreVersion, type Version } from "./gateway";

const text = messages.editor;
const SHOWN = 30;

interface VersionsPanelProps {
  sessionId: string;
  saves: number;
  onBefore: () => Promise<void>;
  onAfter: () => Promise<void>;
}

/** List the versions, go back to one of them, and take in a corrected file. */
export function VersionsPanel({ sessionId, saves, onBefore, onAfter }: VersionsPanelProps) {
  const versions = useQuery({
    queryKey: ["versions", sessionId, saves],
    queryFn: () => listVersions(sessionId),
    placeholderData: (before) => before,
  });
  const [asked, setAsked] = useState<Version | null>(null);
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState("");
  const [error, setError] = useState<unknown>(null);

  async function act(work: () => Promise<string>) {
    setBusy(true);
    setError(null);
    try {
      await onBefore();
      const done = await work();
      await onAfter();
      setTold(done);
      await versions.refetch();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
      setAsked(null);
    }
  }

  function onFile(event: ChangeEvent<HTMLInputElement>) {
    const file = event.target.files?.[0];
    event.target.value = "";
    if (file) void act(async () => text.imported((await importFile(sessionId, file)).changedWords));
  }

  const newest = versions.data?.[0];
  return (
    <div className="epanel" role="group" aria-label={text.panels.versions}>
      <div className="epanel__row">
        <label className={`button button--small ${busy ? "button--busy" : ""}`}>
          {text.importFile}
          <input type="file" className="visually-hidden" accept=".vtt,.srt,.txt" disabled={busy} onChange={onFile} />
        </label>
        <span className="muted">{text.importHelp}</span>
      </div>
      {error !== null && <ErrorNotice error={error} />}
      <p role="status">{told}</p>
      {versions.isPending && <Skeleton height="2rem" count={2} />}
      <ul className="versions">
        {versions.data
          ?.filter((each, at) => at < SHOWN || each.version === 0)
          .map((each) => (
            <li key={each.version} className="versions__row">
              <span>
                <strong>{text.kinds[each.kind]}</strong>{" "}
                <span className="muted num">
                  {[dateTime(each.createdAt), each.by, each.version > 0 && text.changed(each.changedWords)]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </span>
              {each === newest ? (
                <span className="chip">{text.present}</span>
              ) : (
                <button type="button" className="button button--small" disabled={busy} onClick={() => setAsked(each)}>
                  {each.version === 0 ? text.original : text.restore}
                </button>
              )}
            </li>
          ))}
      </ul>
      <Ask
        open={asked !== null}
        title={text.restoreTitle}
        yes={text.restoreYes}
        no={text.restoreNo}
        busy={busy}
        onYes={() => {
          const version = asked?.version ?? 0;
          void act(async () => {
            await restoreVersion(sessionId, version);
            return text.restored;
          });
        }}
        onClose={() => setAsked(null)}
      >
        {text.restoreBody}
      </Ask>
    </div>
  );
}
