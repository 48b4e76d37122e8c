import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import type { MediaClock } from "../session/MediaClock";
import { Icon } from "../ui/Icon";
import { confirmed, type Rows } from "./document";
import { type Doubt, sameEverywhere } from "./doubts";
import { remember } from "./gateway";

const text = messages.editor;
const LEAD_SEC = 1;
const VOCABULARY = "corrections";

interface DoubtQueueProps {
  doubts: readonly Doubt[];
  rows: Rows;
  clock: MediaClock;
  onChange: (rows: Rows) => void;
  onShow: (rowKey: number) => void;
  onClose: () => void;
}

/** Go through the words that the engine was not sure of: listen, correct or accept with one key, and on to the next. */
export function DoubtQueue({ doubts, rows, clock, onChange, onShow, onClose }: DoubtQueueProps) {
  const [skipped, setSkipped] = useState<ReadonlySet<number>>(new Set());
  const open = doubts.filter((each) => !skipped.has(each.word.key));
  const doubt = open[0];
  const [draft, setDraft] = useState("");
  const [told, setTold] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const key = doubt?.word.key;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new doubt begins a new draft; the rest may change meanwhile
  useEffect(() => {
    if (!doubt) return;
    setDraft(doubt.word.text);
    onShow(doubt.rowKey);
    if (!clock.isPlaying) clock.seek(Math.max(0, doubt.word.start - LEAD_SEC));
    requestAnimationFrame(() => input.current?.select());
  }, [key]);

  if (!doubt) {
    return (
      <div className="epanel">
        <p role="status">{doubts.length > 0 ? text.doubtsSkipped(doubts.length) : text.noDoubts}</p>
        <div className="epanel__row">
          {doubts.length > 0 && (
            <button type="button" className="button button--small" onClick={() => setSkipped(new Set())}>
              {text.beginAgain}
            </button>
          )}
          <button type="button" className="button button--small" onClick={onClose}>
            {text.close}
          </button>
        </div>
      </div>
    );
  }

  const { word } = doubt;
  const everywhere = sameEverywhere(rows, word);
  const spelling = draft.trim() && draft.trim() !== word.text ? draft : null;

  function accept(keys: ReadonlySet<number>) {
    setTold("");
    onChange(confirmed(rows, keys, spelling));
  }

  function skip() {
    setSkipped(new Set([...skipped, word.key]));
  }

  function play() {
    clock.playFrom(Math.max(0, word.start - LEAD_SEC));
  }

  function keep() {
    const term = (spelling ?? word.text).trim().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
    if (!term) return;
    remember(VOCABULARY, term).then(
      () => setTold(text.remembered(term, VOCABULARY)),
      (error: Error) => setTold(error.message),
    );
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Enter") {
      event.preventDefault();
      accept(event.shiftKey ? everywhere : new Set([word.key]));
    } else if (event.key === "Escape") {
      onClose();
    } else if (event.key === "F8") {
      event.preventDefault();
      skip();
    } else if ((event.ctrlKey || event.metaKey) && event.key === " ") {
      event.preventDefault();
      play();
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "d") {
      event.preventDefault();
      keep();
    }
  }

  return (
    <div className="epanel" role="group" aria-label={text.panels.doubts}>
      <p className="epanel__context">
        <button type="button" className="button button--small button--quiet" onClick={play}>
          <Icon name="play" />
          <span className="num">{asClock(word.start)}</span>
        </button>{" "}
        {doubt.before} <mark>{word.text}</mark> {doubt.after}
      </p>
      {word.original !== null && <p className="epanel__heard">{text.heard(word.original, word.slide)}</p>}
      <div className="epanel__row">
        <input
          ref={input}
          className="input"
          aria-label={text.doubtLabel}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button
          type="button"
          className="button button--primary button--small"
          onClick={() => accept(new Set([word.key]))}
        >
          {spelling === null ? text.accept : text.correct}
        </button>
        {everywhere.size > 1 && (
          <button type="button" className="button button--small" onClick={() => accept(everywhere)}>
            {text.everywhere(everywhere.size)}
          </button>
        )}
      </div>
      <div className="epanel__row epanel__row--small">
        <button type="button" className="button button--small button--quiet" onClick={skip}>
          {text.skip}
        </button>
        <button type="button" className="button button--small button--quiet" onClick={keep}>
          {text.remember}
        </button>
        <span className="epanel__count num" role="status">
          {told || text.doubtsLeft(open.length)}
        </span>
      </div>
    </div>
  );
}
