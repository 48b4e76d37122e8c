import { useEffect } from "react";
import type { MediaClock } from "./MediaClock";

const STEP_SEC = 5;
const JUMP_SEC = 10;
const TYPING = "input, textarea, select, [contenteditable], [role=slider], [role=tab]";

/** Play, pause and step from anywhere on the page; keys mean nothing special where the reader types. */
export function useKeys(clock: MediaClock): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (target.closest(TYPING) || target.closest("media-controller, [role=alertdialog]")) return;
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
  }, [clock]);
}
