import { useQueryClient } from "@tanstack/react-query";
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { SessionDetail } from "../api/types";
import { messages } from "../messages";
import type { MediaClock } from "../session/MediaClock";
import { Icon } from "../ui/Icon";
import { KeyList } from "../ui/KeyList";
import { ErrorNotice, Skeleton } from "../ui/states";
import { ClashList } from "./ClashList";
import { DoubtQueue } from "./DoubtQueue";
import { joinRow, respell, splitRow, textOf, withRow } from "./document";
import { doubtsOf } from "./doubts";
import { EditingStore } from "./EditingStore";
import { FindReplace } from "./FindReplace";
import { gatewayTo } from "./gateway";
import { limitsOf } from "./limits";
import { ReviewControl } from "./ReviewControl";
import { type Caret, Row, type RowActions } from "./Row";
import { VersionsPanel } from "./VersionsPanel";
import "../styles/editor.css";

const text = messages.editor;
const ROW_PX = 64;
const BACK_SEC = 3;
const CAPTIONS_FOLLOW_MS = 8000;

type Panel = "find" | "doubts" | "versions" | "keys" | null;

interface EditorProps {
  session: SessionDetail;
  clock: MediaClock;
  language: string;
  onDone: () => void;
}

/** Correct the transcript: text first, while every word keeps its times. It saves itself. */
export function Editor({ session, clock, language, onDone }: EditorProps) {
  const { sessionId } = session;
  const [store] = useState(() => new EditingStore(gatewayTo(sessionId)));
  const shown = useSyncExternalStore(store.subscribe, store.snapshot);
  const [loaded, setLoaded] = useState<"no" | "yes" | Error>("no");
  const [panel, setPanel] = useState<Panel>(null);
  const [caret, setCaret] = useState<Caret | null>(null);
  const [reminded, setReminded] = useState(false);
  const clashes = useRef<HTMLDivElement>(null);
  const active = useRef<number | null>(null);
  const pane = useRef<HTMLDivElement>(null);
  const client = useQueryClient();
  const { rows } = shown;
  const indexOf = useMemo(() => new Map(rows.map((row, at) => [row.key, at])), [rows]);
  const limits = useMemo(() => limitsOf(session.jobs[0]?.options), [session.jobs]);
  const doubts = useMemo(() => doubtsOf(rows, shown.doubtfulBelow), [rows, shown.doubtfulBelow]);
  const speakers = useMemo(() => [...new Set(rows.flatMap((row) => row.speaker ?? []))], [rows]);

  const load = useCallback(() => {
    store.load().then(
      () => setLoaded("yes"),
      (error) => setLoaded(error instanceof Error ? error : new Error(String(error))),
    );
  }, [store]);

  useEffect(() => {
    load();
    const onLeave = (event: BeforeUnloadEvent) => {
      if (store.isSettled()) return;
      void store.flush();
      event.preventDefault();
    };
    window.addEventListener("beforeunload", onLeave);
    return () => {
      window.removeEventListener("beforeunload", onLeave);
      void store.flush().finally(() => store.close());
    };
  }, [store, load]);

  const refresh = useCallback(
    (...keys: string[]) => {
      for (const key of keys) void client.invalidateQueries({ queryKey: [key, sessionId] });
    },
    [client, sessionId],
  );

  useEffect(() => {
    if (shown.saves === 0) return;
    refresh("session");
    const timer = setTimeout(() => refresh("captions"), CAPTIONS_FOLLOW_MS);
    return () => clearTimeout(timer);
  }, [shown.saves, refresh]);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => pane.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 6,
    rangeExtractor: (range) => {
      const held = active.current === null ? undefined : indexOf.get(active.current);
      const found = defaultRangeExtractor(range);
      return held === undefined || found.includes(held) ? found : [...found, held].sort((one, other) => one - other);
    },
  });

  const goTo = useCallback(
    (wanted: Caret) => {
      const index = store.snapshot().rows.findIndex((row) => row.key === wanted.rowKey);
      if (index < 0) return;
      active.current = wanted.rowKey;
      virtual.scrollToIndex(index, { align: "auto" });
      setCaret({ ...wanted });
    },
    [store, virtual],
  );

  const actions = useMemo<RowActions>(() => {
    const neighbour = (key: number, by: number) => {
      const now = store.snapshot().rows;
      return now[now.findIndex((row) => row.key === key) + by];
    };
    return {
      type: (key, value) => store.type(key, value),
      split: (key, value, word) => {
        const row = neighbour(key, 0);
        if (!row) return;
        const typed = value.trim() ? withRow(store.snapshot().rows, key, respell(row, value)) : store.snapshot().rows;
        const split = splitRow(typed, key, word);
        store.change(split);
        const next = split[split.findIndex((each) => each.key === key) + 1];
        if (split !== typed && next) goTo({ rowKey: next.key, from: 0, to: 0 });
      },
      join: (key, value, withNext) => {
        store.type(key, value);
        const second = neighbour(key, withNext ? 1 : 0);
        const first = second && neighbour(second.key, -1);
        if (!first || !second) return;
        const at = textOf(first).length;
        store.change(joinRow(store.snapshot().rows, second.key));
        goTo({ rowKey: first.key, from: at, to: at });
      },
      speak: (key, speaker) => {
        const row = neighbour(key, 0);
        if (row && row.speaker !== speaker) {
          store.change(withRow(store.snapshot().rows, key, { ...row, speaker }));
        }
      },
      leave: (key, down) => {
        const next = neighbour(key, down ? 1 : -1);
        const at = next && !down ? textOf(next).length : 0;
        if (next) goTo({ rowKey: next.key, from: at, to: at });
      },
      focus: (key) => {
        active.current = key;
      },
      onKey,
    };

    function onKey(event: KeyboardEvent, key: number): boolean {
      const command = event.ctrlKey || event.metaKey;
      const name = event.key.toLowerCase();
      if (event.key === "Escape") clock.toggle();
      else if (command && name === ",") clock.seek(clock.time - BACK_SEC);
      else if (command && name === ".") clock.seek(clock.time + BACK_SEC);
      else if (command && name === "enter") goTo({ rowKey: key, from: 0, to: 0, isSpeaker: true });
      else if (command && name === "z") event.shiftKey ? store.redo() : store.undo();
      else if (command && name === "y") store.redo();
      else if (command && name === "s") void store.flush();
      else if (command && (name === "f" || name === "h")) setPanel("find");
      else if (event.key === "F8") setPanel("doubts");
      else return false;
      return true;
    }
  }, [store, clock, goTo]);

  function toggle(which: Panel) {
    setPanel(panel === which ? null : which);
  }

  async function finish() {
    await store.flush();
    if (store.snapshot().clashes.length > 0) {
      setReminded(true);
      clashes.current?.focus();
    }
    if (!store.isSettled()) return;
    refresh("transcript", "captions", "chapters", "sidecar", "session");
    setTimeout(() => refresh("captions", "chapters"), CAPTIONS_FOLLOW_MS);
    onDone();
  }

  if (loaded === "no") return <Skeleton height="60vh" />;
  if (loaded instanceof Error) return <ErrorNotice error={loaded} onRetry={load} />;
  const isBusy = shown.state === "waiting" || shown.state === "saving";
  return (
    <section className="transcript editor" aria-label={text.title}>
      <div className="editor__head">
        <h2>{text.title}</h2>
        <p className={`editor__state editor__state--${shown.state}`} role="status">
          <Icon name={shown.state === "failed" ? "alert" : isBusy ? "retry" : "check"} />
          {text.states[shown.state]}
        </p>
        <button type="button" className="button button--primary button--small" onClick={() => void finish()}>
          {text.done}
        </button>
      </div>
      <div className="editor__tools" role="toolbar" aria-label={text.tools}>
        <button
          type="button"
          className="button button--small button--quiet button--icon"
          aria-label={text.undo}
          title={`${text.undo} (Ctrl+Z)`}
          disabled={!shown.canUndo}
          onClick={() => store.undo()}
        >
          <Icon name="undo" />
        </button>
        <button
          type="button"
          className="button button--small button--quiet button--icon"
          aria-label={text.redo}
          title={`${text.redo} (Ctrl+Shift+Z)`}
          disabled={!shown.canRedo}
          onClick={() => store.redo()}
        >
          <Icon name="redo" />
        </button>
        <PanelButton name="find" panel={panel} onToggle={toggle} />
        <PanelButton name="doubts" panel={panel} onToggle={toggle} count={doubts.length} />
        <PanelButton name="versions" panel={panel} onToggle={toggle} />
        <PanelButton name="keys" panel={panel} onToggle={toggle} />
        <ReviewControl session={session} onBefore={store.saveAll} onAfter={() => refresh("session", "captions")} />
      </div>
      {shown.error && <ErrorNotice error={shown.error} onRetry={() => void store.flush()} />}
      <ClashList
        ref={clashes}
        store={store}
        shown={shown}
        reminds={reminded}
        onGo={(key) => goTo({ rowKey: key, from: 0, to: 0 })}
      />
      {panel === "find" && (
        <FindReplace rows={rows} onChange={(made) => store.change(made)} onGo={goTo} onClose={() => setPanel(null)} />
      )}
      {panel === "doubts" && (
        <DoubtQueue
          doubts={doubts}
          rows={rows}
          clock={clock}
          onChange={(made) => store.change(made)}
          onShow={(key) => virtual.scrollToIndex(indexOf.get(key) ?? 0, { align: "center" })}
          onClose={() => setPanel(null)}
        />
      )}
      {panel === "versions" && (
        <VersionsPanel
          sessionId={sessionId}
          saves={shown.saves}
          onBefore={store.saveAll}
          onAfter={() => store.load()}
        />
      )}
      {panel === "keys" && <KeyList keys={text.keys} className="epanel" />}
      <div ref={pane} className="transcript__pane editor__pane">
        <datalist id="speakers">
          {speakers.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row ? (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className="transcript__row"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Row
                  row={row}
                  caret={caret?.rowKey === row.key ? caret : null}
                  language={language}
                  limits={limits}
                  doubtfulBelow={shown.doubtfulBelow}
                  clock={clock}
                  speakers={speakers}
                  showsSpeaker={row.speaker !== null && row.speaker !== rows[item.index - 1]?.speaker}
                  actions={actions}
                />
              </div>
            ) : null;
          })}
        </div>
      </div>
    </section>
  );
}

function PanelButton({
  name,
  panel,
  onToggle,
  count,
}: {
  name: "find" | "doubts" | "versions" | "keys";
  panel: Panel;
  onToggle: (name: Panel) => void;
  count?: number;
}) {
  return (
    <button
      type="button"
      className="button button--small button--quiet"
      aria-expanded={panel === name}
      onClick={() => onToggle(name)}
    >
      {text.panels[name]}
      {count !== undefined && count > 0 && <span className="editor__count num">{count}</span>}
    </button>
  );
}
