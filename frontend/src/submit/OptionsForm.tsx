import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { messages } from "../messages";
import type { Rendition, Wishes } from "./options";

const text = messages.submit;
const LANGUAGE_PATTERN = "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*";
const MAX_DAYS = 3650;
const MAX_VOCABULARIES = 10;
const RENDITIONS: Rendition[] = ["auto", "always", "never"];

interface OptionsFormProps {
  wishes: Wishes;
  onChange: (wishes: Wishes) => void;
}

/** Ask for what a job may do differently; everything may stay as it is. */
export function OptionsForm({ wishes, onChange }: OptionsFormProps) {
  const set = (change: Partial<Wishes>) => onChange({ ...wishes, ...change });
  return (
    <fieldset className="options">
      <legend>
        <h2>{text.options}</h2>
      </legend>
      <label className="field options__wide">
        <span className="field__label">{text.name}</span>
        <input
          className="input"
          value={wishes.name}
          maxLength={200}
          onChange={(event) => set({ name: event.target.value })}
        />
        <span className="field__help">{text.nameHelp}</span>
      </label>
      <label className="field">
        <span className="field__label">{text.language}</span>
        <input
          className="input"
          value={wishes.language}
          placeholder="en"
          pattern={LANGUAGE_PATTERN}
          onChange={(event) => set({ language: event.target.value })}
        />
        <span className="field__help">{text.languageHelp}</span>
      </label>
      <label className="field">
        <span className="field__label">{text.keep}</span>
        <input
          className="input"
          type="number"
          min={1}
          max={MAX_DAYS}
          value={wishes.keepDays}
          onChange={(event) => set({ keepDays: event.target.value })}
        />
        <span className="field__help">{text.keepHelp}</span>
      </label>
      <label className="field options__wide">
        <span className="field__label">{text.terms}</span>
        <input className="input" value={wishes.terms} onChange={(event) => set({ terms: event.target.value })} />
        <span className="field__help">{text.termsHelp}</span>
      </label>
      <Vocabularies chosen={wishes.vocabularies} onChange={(vocabularies) => set({ vocabularies })} />
      <label className="field options__wide">
        <span className="field__label">{text.rendition}</span>
        <select
          className="input"
          value={wishes.rendition}
          onChange={(event) => set({ rendition: event.target.value as Rendition })}
        >
          {RENDITIONS.map((each) => (
            <option key={each} value={each}>
              {text.renditions[each]}
            </option>
          ))}
        </select>
        <span className="field__help">{text.renditionHelp}</span>
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={wishes.followCam}
          onChange={(event) => set({ followCam: event.target.checked })}
        />
        <span className="field">
          <span className="field__label">{text.followCam}</span>
          <span className="field__help">{text.followCamHelp}</span>
        </span>
      </label>
      <label className="check">
        <input type="checkbox" checked={wishes.overlay} onChange={(event) => set({ overlay: event.target.checked })} />
        <span className="field">
          <span className="field__label">{text.overlay}</span>
          <span className="field__help">{text.overlayHelp}</span>
        </span>
      </label>
    </fieldset>
  );
}

/** Offer the organisation's vocabularies; nothing where it has none. */
function Vocabularies({
  chosen,
  onChange,
}: {
  chosen: readonly string[];
  onChange: (names: readonly string[]) => void;
}) {
  const known = useQuery({
    queryKey: ["vocabularies"],
    queryFn: ({ signal }) => bodyOf(api().GET("/vocabularies", { signal })),
  });
  const items = known.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <fieldset className="field options__wide options__list">
      <legend className="field__label">{text.vocabularies}</legend>
      <div className="options__ticks">
        {items.map(({ name, termCount }) => (
          <label key={name} className="check">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              disabled={!chosen.includes(name) && chosen.length >= MAX_VOCABULARIES}
              onChange={(event) =>
                onChange(event.target.checked ? [...chosen, name] : chosen.filter((each) => each !== name))
              }
            />
            <span>
              {name} <span className="muted num">{text.termCount(termCount)}</span>
            </span>
          </label>
        ))}
      </div>
      <span className="field__help">{text.vocabulariesHelp}</span>
    </fieldset>
  );
}
