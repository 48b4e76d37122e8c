import { useEffect, useId, useRef, useState } from "react";
import { messages } from "../messages";
import { BACKGROUNDS, type CaptionStyle, COLORS, DEFAULT_STYLE, SIZES, variablesOf } from "./captionStyle";

const text = messages.session.captionStyle;

interface CaptionSettingsProps {
  style: CaptionStyle;
  onStyle: (style: CaptionStyle) => void;
}

/** Choose size, color and background of the captions, in the player's bar beside the button that shows them. */
export function CaptionSettings({ style, onStyle }: CaptionSettingsProps) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLSpanElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const onPress = (event: PointerEvent) => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      event.stopPropagation(); // the player, an element of its own, has a meaning for the arrows
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    const fields = panel.current;
    fields?.addEventListener("keydown", onKey);
    document.addEventListener("pointerdown", onPress);
    return () => {
      fields?.removeEventListener("keydown", onKey);
      document.removeEventListener("pointerdown", onPress);
    };
  }, [open]);

  return (
    <span ref={place} className="player__settings">
      <button
        ref={button}
        type="button"
        className="player__button"
        title={text.open}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <span aria-hidden="true">Aa</span>
        <span className="visually-hidden">{text.open}</span>
      </button>
      {open && (
        <div ref={panel} id={id} className="player__panel">
          <Choice
            label={text.size}
            names={text.sizes}
            values={SIZES}
            value={style.size}
            onChoice={(size) => onStyle({ ...style, size })}
          />
          <Choice
            label={text.color}
            names={text.colors}
            values={COLORS}
            value={style.color}
            onChoice={(color) => onStyle({ ...style, color })}
          />
          <Choice
            label={text.background}
            names={text.backgrounds}
            values={BACKGROUNDS}
            value={style.background}
            onChoice={(background) => onStyle({ ...style, background })}
          />
          <p className="player__sample" style={variablesOf(style)} aria-hidden="true">
            <span>{text.sample}</span>
          </p>
          <button type="button" className="player__reset" onClick={() => onStyle(DEFAULT_STYLE)}>
            {text.reset}
          </button>
        </div>
      )}
    </span>
  );
}

interface ChoiceProps<K extends string> {
  label: string;
  names: Record<K, string>;
  values: Record<K, unknown>;
  value: K;
  onChoice: (key: K) => void;
}

function Choice<K extends string>({ label, names, values, value, onChoice }: ChoiceProps<K>) {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoice(event.target.value as K)}>
        {(Object.keys(values) as K[]).map((key) => (
          <option key={key} value={key}>
            {names[key]}
          </option>
        ))}
      </select>
    </label>
  );
}
