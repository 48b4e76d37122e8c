import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { messages } from "../messages";
import { HitButtons } from "../ui/HitButtons";
import { type Rows, textOf } from "./document";
import { type Found, findAll, replaceAll } from "./find";
import type { Caret } from "./Row";

const text = messages.editor;

interface FindReplaceProps {
  rows: Rows;
  onChange: (rows: Rows) => void;
  onGo: (caret: Caret) => void;
  onClose: () => void;
}

/** Find a text in the whole talk and replace it, once or everywhere, with a count of the places. */
export function FindReplace({ rows, onChange, onGo, onClose }: FindReplaceProps) {
  const [wanted, setWanted] = useState("");
  const [by, setBy] = useState("");
  const [matchCase, setMatchCase] = useState(false);
  const [wholeWords, setWholeWords] = useState(true);
  const [at, setAt] = useState(-1);
  const [told, setTold] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const wish = useMemo(() => ({ text: wanted, matchCase, wholeWords }), [wanted, matchCase, wholeWords]);
  const found = useMemo(() => findAll(rows, wish), [rows, wish]);
  const current = found[at];

  useEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);

  function step(places: number) {
    if (found.length === 0) return;
    const next = at < 0 && places < 0 ? found.length - 1 : (at + places + found.length) % found.length;
    setAt(next);
    setTold("");
  }

  function replaceOne(event: FormEvent) {
    event.preventDefault();
    if (!current) return step(1);
    onChange(replaceAll(rows, wish, by, current));
    setTold("");
    if (at >= found.length - 1) setAt(-1);
  }

  function replaceEverywhere() {
    const count = found.length;
    onChange(replaceAll(rows, wish, by));
    setAt(-1);
    setTold(text.replaced(count));
  }

  return (
    <form
      className="epanel"
      aria-label={text.panels.find}
      onSubmit={replaceOne}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <div className="epanel__row">
        <input
          ref={input}
          className="input"
          aria-label={text.find}
          placeholder={text.find}
          value={wanted}
          onChange={(event) => {
            setWanted(event.target.value);
            setAt(-1);
            setTold("");
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            step(event.shiftKey ? -1 : 1);
          }}
        />
        <HitButtons onStep={step} />
      </div>
      <div className="epanel__row">
        <input
          className="input"
          aria-label={text.replaceBy}
          placeholder={text.replaceBy}
          value={by}
          onChange={(event) => setBy(event.target.value)}
        />
        <button type="submit" className="button button--small" disabled={found.length === 0}>
          {text.replace}
        </button>
        <button
          type="button"
          className="button button--small"
          disabled={found.length === 0}
          onClick={replaceEverywhere}
        >
          {text.replaceAll(found.length)}
        </button>
      </div>
      <div className="epanel__row epanel__row--small">
        <label className="check">
          <input type="checkbox" checked={matchCase} onChange={(event) => setMatchCase(event.target.checked)} />
          {text.matchCase}
        </label>
        <label className="check">
          <input type="checkbox" checked={wholeWords} onChange={(event) => setWholeWords(event.target.checked)} />
          {text.wholeWords}
        </label>
        <span className="num epanel__count" role="status">
          {told || (wanted && text.found(at + 1, found.length))}
        </span>
        {current && (
          <button
            type="button"
            className="button button--small button--quiet"
            onClick={() => onGo({ rowKey: current.rowKey, from: current.at, to: current.at + current.length })}
          >
            {text.goThere}
          </button>
        )}
      </div>
      {current && <Context rows={rows} place={current} />}
    </form>
  );
}

function Context({ rows, place }: { rows: Rows; place: Found }) {
  const row = rows.find((each) => each.key === place.rowKey);
  if (!row) return null;
  const whole = textOf(row);
  const [from, to] = [place.at, place.at + place.length];
  const begin = Math.max(0, from - 40);
  return (
    <p className="epanel__context">
      {begin > 0 && "…"}
      {whole.slice(begin, from)}
      <mark>{whole.slice(from, to)}</mark>
      {whole.slice(to, to + 60)}
    </p>
  );
}
