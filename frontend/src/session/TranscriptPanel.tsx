import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, memo, useEffect, useMemo, useRef, useState } from "react";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { HitButtons } from "../ui/HitButtons";
import { Icon } from "../ui/Icon";
import { type MediaClock, useClock } from "./MediaClock";
import { type Hit, type Row, rowOf, type Script, type Word, wordAt } from "./words";

interface TranscriptPanelProps {
  script: Script;
  clock: MediaClock;
  language: string;
  query: string;
  onQuery: (text: string) => void;
  hits: readonly Hit[];
  hit: number;
  onHit: (number: number) => void;
  /** Begin to correct the text; null while it cannot be corrected yet. */
  onEdit: (() => void) | null;
}

const ROW_PX = 110;
const OVERSCAN = 6;
const SCROLL_KEYS = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

/**
 * Show the transcript beside the video: it follows what is said until the reader scrolls, and goes to a word that is
 * clicked. Rows outside the window are not in the page, so that hours of speech stay smooth.
 */
export function TranscriptPanel(props: TranscriptPanelProps) {
  const { script, clock, hits, hit } = props;
  const pane = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const said = useClock(clock, (time) => wordAt(script.words, time));
  const row = useMemo(() => rowOf(script.rows, said), [script, said]);
  const rows = useVirtualizer({
    count: script.rows.length,
    getScrollElement: () => pane.current,
    estimateSize: (index) => (script.rows[index]?.kind === "heading" ? 48 : ROW_PX),
    overscan: OVERSCAN,
  });

  useEffect(() => {
    if (follows && row >= 0) rows.scrollToIndex(row, { align: "center" });
  }, [follows, row, rows]);

  const found = hits[hit];
  useEffect(() => {
    if (!found) return;
    setFollows(false);
    rows.scrollToIndex(rowOf(script.rows, found.from), { align: "center" });
  }, [found, script, rows]);

  function onClick(event: MouseEvent) {
    const place = (event.target as HTMLElement).closest<HTMLElement>("[data-word]");
    const word = place && script.words[Number(place.dataset.word)];
    if (!word || window.getSelection()?.toString()) return;
    clock.seek(word.start);
    setFollows(true);
  }

  function onKey(event: KeyboardEvent) {
    if (SCROLL_KEYS.has(event.key) && event.target === pane.current) setFollows(false);
    const number = Number((event.target as HTMLElement).dataset.word ?? Number.NaN);
    if (Number.isNaN(number)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      clock.seek(script.words[number]?.start ?? 0);
      setFollows(true);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      focusWord(pane.current, number + (event.key === "ArrowRight" ? 1 : -1));
    }
  }

  return (
    <section className="transcript" aria-label={messages.session.transcript}>
      <div className="transcript__head">
        <h2>{messages.session.transcript}</h2>
        <FindBox {...props} />
        {props.onEdit && (
          <button type="button" className="button button--small transcript__edit" onClick={props.onEdit}>
            <Icon name="pen" />
            {messages.editor.open}
          </button>
        )}
      </div>
      <div
        ref={pane}
        className="transcript__pane"
        role="group"
        aria-label={messages.session.transcriptHelp}
        tabIndex={0}
        lang={props.language}
        onClick={onClick}
        onKeyDown={onKey}
        onWheel={() => setFollows(false)}
        onTouchMove={() => setFollows(false)}
      >
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((item) => {
            const shown = script.rows[item.index];
            return shown ? (
              <div
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                className="transcript__row"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <RowView
                  row={shown}
                  words={script.words}
                  said={item.index === row ? said : -1}
                  isPast={item.index < row}
                  hits={hits}
                  current={hit}
                  clock={clock}
                />
              </div>
            ) : null;
          })}
        </div>
      </div>
      {!follows && (
        <button type="button" className="button button--primary transcript__now" onClick={() => setFollows(true)}>
          <Icon name={rows.range && row < rows.range.startIndex ? "up" : "down"} />
          {messages.session.backToNow}
        </button>
      )}
    </section>
  );
}

function focusWord(pane: HTMLElement | null, number: number): void {
  pane?.querySelector<HTMLElement>(`[data-word="${number}"]`)?.focus();
}

interface RowViewProps {
  row: Row;
  words: readonly Word[];
  said: number;
  isPast: boolean;
  hits: readonly Hit[];
  current: number;
  clock: MediaClock;
}

const RowView = memo(function RowView({ row, words, said, isPast, hits, current, clock }: RowViewProps) {
  if (row.kind === "heading") return <h3 className="transcript__chapter">{row.title}</h3>;
  const own = hits.flatMap((hit, number) => (hit.from < row.to && hit.to > row.from ? [{ ...hit, number }] : []));
  const shown = words.slice(row.from, row.to);
  return (
    <div className={`paragraph ${said >= 0 ? "paragraph--now" : ""} ${isPast ? "paragraph--past" : ""}`}>
      <button
        type="button"
        className="paragraph__time num"
        aria-label={messages.session.playFrom(asClock(row.start))}
        onClick={() => clock.playFrom(row.start)}
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") focusWord(event.currentTarget.closest(".transcript__pane"), row.from);
        }}
      >
        {asClock(row.start)}
      </button>
      <p>
        {shown.map((word, offset) => {
          const number = row.from + offset;
          const hit = own.find((each) => each.from <= number && number < each.to);
          const names = ["word"];
          if (word.isDoubtful) names.push("word--doubtful");
          if (hit) names.push(hit.number === current ? "word--hit word--current" : "word--hit");
          return (
            <span key={number}>
              <span
                className={names.join(" ")}
                data-word={number}
                tabIndex={-1}
                aria-current={number === said ? "true" : undefined}
              >
                {word.text}
              </span>{" "}
            </span>
          );
        })}
      </p>
    </div>
  );
});

function FindBox({ query, onQuery, hits, hit, onHit, clock }: TranscriptPanelProps) {
  const step = (by: number) => {
    if (hits.length === 0) return;
    const next = (hit + by + hits.length) % hits.length;
    onHit(next);
    const target = hits[next];
    if (target) clock.seek(target.start);
  };
  return (
    <search className="find">
      <Icon name="search" />
      <input
        className="input"
        type="search"
        aria-label={messages.session.find}
        placeholder={messages.session.find}
        value={query}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") step(hit < 0 ? 1 : event.shiftKey ? -1 : 1);
        }}
      />
      <span className="find__count num" role="status">
        {query && messages.session.findCount(hits.length === 0 ? 0 : Math.max(hit, 0) + 1, hits.length)}
      </span>
      {hits.length > 0 && <HitButtons onStep={step} />}
    </search>
  );
}
