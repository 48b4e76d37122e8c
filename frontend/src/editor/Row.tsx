import { type KeyboardEvent, memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { type MediaClock, useClock } from "../session/MediaClock";
import { tokensOf } from "./align";
import { type EditedRow, textOf } from "./document";
import { breachOf, type CaptionLimits } from "./limits";

const text = messages.editor;
const COMMIT_MS = 600;

/** Where the caret is to go. */
export interface Caret {
  rowKey: number;
  from: number;
  to: number;
  isSpeaker?: boolean;
}

export interface RowActions {
  type: (key: number, value: string) => void;
  split: (key: number, value: string, word: number) => void;
  join: (key: number, value: string, withNext: boolean) => void;
  speak: (key: number, speaker: string | null) => void;
  leave: (key: number, down: boolean) => void;
  focus: (key: number) => void;
  /** Whether the key means something to the whole editor. */
  onKey: (event: KeyboardEvent, key: number) => boolean;
}

interface RowProps {
  row: EditedRow;
  caret: Caret | null;
  language: string;
  limits: CaptionLimits;
  doubtfulBelow: number;
  clock: MediaClock;
  speakers: readonly string[];
  showsSpeaker: boolean;
  actions: RowActions;
}

/** Show one segment as text that is typed in; its words are drawn behind it, so that they can be marked. */
export const Row = memo(function Row(props: RowProps) {
  const { row, caret, language, limits, doubtfulBelow, clock, actions } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const speaker = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [draft, setDraft] = useState<{ value: string; over: string | null } | null>(null);
  const saved = textOf(row);
  const isOwn = draft !== null && (draft.over === saved || tokensOf(draft.value).join(" ") === saved);
  const value = isOwn ? draft.value : saved;
  const said = useClock(clock, (time) => {
    if (time < (row.words[0]?.start ?? 0) || time > (row.words.at(-1)?.end ?? 0)) return -1;
    return row.words.findLastIndex((word) => word.start <= time + 0.02);
  });
  const breach = breachOf(row, limits);

  useLayoutEffect(() => {
    if (!caret) return;
    if (caret.isSpeaker) {
      speaker.current?.focus();
      speaker.current?.select();
    } else {
      area.current?.focus();
      const end = area.current?.value.length ?? 0;
      area.current?.setSelectionRange(Math.min(caret.from, end), Math.min(caret.to, end));
    }
  }, [caret]);

  useEffect(() => () => clearTimeout(timer.current), []);

  /** Hand the typed text on. From then on the draft only stands as long as the row says the same. */
  function commit(now: string) {
    clearTimeout(timer.current);
    setDraft((typed) => typed && { ...typed, over: null });
    actions.type(row.key, now);
  }

  function withoutDraft(act: () => void) {
    clearTimeout(timer.current);
    setDraft(null);
    act();
  }

  function onChange(now: string) {
    setDraft({ value: now, over: saved });
    clearTimeout(timer.current);
    if (now.trim()) timer.current = setTimeout(() => commit(now), COMMIT_MS);
  }

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    const { selectionStart: from, selectionEnd: to } = event.currentTarget;
    const isBare = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    const atStart = from === 0 && to === 0;
    const atEnd = from === value.length && to === value.length;
    if (event.nativeEvent.isComposing) return;
    if (isBare && event.key === "Enter") {
      event.preventDefault();
      withoutDraft(() => actions.split(row.key, value, tokensOf(value.slice(0, from)).length));
    } else if (isBare && event.key === "Backspace" && atStart) {
      event.preventDefault();
      withoutDraft(() => actions.join(row.key, value, false));
    } else if (isBare && event.key === "Delete" && atEnd) {
      event.preventDefault();
      withoutDraft(() => actions.join(row.key, value, true));
    } else if (isBare && atStart && (event.key === "ArrowUp" || event.key === "ArrowLeft")) {
      event.preventDefault();
      actions.leave(row.key, false);
    } else if (isBare && atEnd && (event.key === "ArrowDown" || event.key === "ArrowRight")) {
      event.preventDefault();
      actions.leave(row.key, true);
    } else {
      const readsDraft = (event.ctrlKey || event.metaKey) && ["z", "y", "s"].includes(event.key.toLowerCase());
      if (readsDraft) commit(value);
      if (actions.onKey(event, row.key)) event.preventDefault();
    }
  }

  function onClick() {
    const at = area.current?.selectionStart ?? 0;
    if (area.current?.selectionEnd !== at || clock.isPlaying) return;
    const word =
      row.words[Math.max(0, tokensOf(value.slice(0, at)).length - (/\s$/u.test(value.slice(0, at)) ? 0 : 1))];
    if (word) clock.seek(word.start);
  }

  const start = row.words[0]?.start ?? 0;
  return (
    <div className={`erow ${said >= 0 ? "erow--now" : ""}`}>
      <button
        type="button"
        className="erow__time num"
        tabIndex={-1}
        aria-label={messages.session.playFrom(asClock(start))}
        onClick={() => clock.playFrom(start)}
      >
        {asClock(start)}
      </button>
      <div className="erow__body">
        {(props.showsSpeaker || caret?.isSpeaker) && (
          <input
            ref={speaker}
            className="erow__speaker"
            list="speakers"
            aria-label={text.speaker}
            placeholder={text.speaker}
            maxLength={100}
            defaultValue={row.speaker ?? ""}
            key={row.speaker ?? ""}
            onBlur={(event) => actions.speak(row.key, event.currentTarget.value.trim() || null)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" && event.key !== "Escape") return;
              event.preventDefault();
              if (event.key === "Escape") event.currentTarget.value = row.speaker ?? "";
              area.current?.focus();
            }}
          />
        )}
        <div className="erow__text">
          <div className="erow__under" aria-hidden="true" lang={language}>
            {value === saved
              ? row.words.map((word, at) => (
                  <span key={word.key}>
                    {at > 0 && " "}
                    <span
                      className={[
                        at === said ? "erow__said" : "",
                        word.confidence < doubtfulBelow ? "erow__doubt" : "",
                      ].join(" ")}
                    >
                      {word.text}
                    </span>
                  </span>
                ))
              : value}
            {"\u200b"}
          </div>
          <textarea
            ref={area}
            className="erow__area"
            rows={1}
            spellCheck
            lang={language}
            aria-label={text.rowLabel(asClock(start))}
            value={value}
            data-row={row.key}
            onChange={(event) => onChange(event.target.value)}
            onKeyDown={onKeyDown}
            onFocus={() => actions.focus(row.key)}
            onBlur={() => commit(value)}
            onClick={onClick}
          />
        </div>
        {breach && (
          <p className="erow__breach">
            {breach.kind === "fast" ? text.tooFast(breach.charsPerSec, limits.charsPerSec) : text.tooLong(breach.word)}
          </p>
        )}
      </div>
    </div>
  );
});
