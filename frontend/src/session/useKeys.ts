import { useEffect, useState } from "react";
import type { MediaClock } from "./MediaClock";

const STEP_SEC = 5;
const JUMP_SEC = 10;
const TYPING = "input, textarea, select, [contenteditable], [role=slider], [role=tab]";

const LETTERS_KEY = "rostrum.letter-keys";

/** Return whether keys of one character are on, and how to turn them off and on, for good. */
export function useLetterKeys(): [boolean, (on: boolean) => void] {
  const [on, setOn] = useState(() => localStorage.getItem(LETTERS_KEY) !== "off");
  return [
    on,
    (wanted) => {
      localStorage.setItem(LETTERS_KEY, wanted ? "on" : "off");
      setOn(wanted);
    },
  ];
}

/**
 * Play, pause and step from anywhere on the page; keys mean nothing special where the reader types.
 *
 * Keys of one character can be off: https://www.w3.org/WAI/WCAG22/Understanding/character-key-shortcuts
 */
export function useKeys(clock: MediaClock, hasLetters: boolean): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (!hasLetters && /^\S$/u.test(event.key)) return;
      if (target.closest(TYPING) || target.closest("[role=alertdialog], [role=dialog]")) return;
      if (target.closest("media-controller") && event.key !== "/") return; // it has the same keys itself
      const isButton = target.closest("button, a") !== null;
      const isWord = target.dataset.word !== undefined;
      const arrows: Record<string, number> = isWord ? {} : { ArrowLeft: -STEP_SEC, ArrowRight: STEP_SEC };
      const steps: Record<string, number> = { j: -JUMP_SEC, l: JUMP_SEC, ...arrows };
      const acts: Record<string, () => void> = {
        k: () => clock.toggle(),
        ...(isButton ? {} : { " ": () => clock.toggle() }),
        "/": () => document.querySelector<HTMLInputElement>(".find input")?.focus(),
      };
      const step = steps[event.key];
      if (step !== undefined) acts[event.key] = () => clock.seek(clock.time + step);
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [clock, hasLetters]);
}
