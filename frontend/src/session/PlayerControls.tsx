import { type RefObject, useEffect, useState } from "react";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { type MediaClock, useClock } from "./MediaClock";

const RATES = [1, 1.25, 1.5, 1.75, 2, 0.75];

/** Show the time and the length. media-chrome's own display has a name that its text does not contain. */
export function PlayerTime({ clock, durationSec }: { clock: MediaClock; durationSec: number }) {
  const second = useClock(clock, Math.floor);
  return (
    <span className="player__text num">
      {asClock(second)} / {asClock(durationSec)}
    </span>
  );
}

/** Go through the speeds; the button's text is the speed. */
export function PlayerRate({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const [rate, setRate] = useState(1);
  return (
    <button
      type="button"
      className="player__button num"
      title={messages.session.speed}
      onClick={() => {
        const next = RATES[(RATES.indexOf(rate) + 1) % RATES.length] ?? 1;
        if (video.current) video.current.playbackRate = next;
        setRate(next);
      }}
    >
      {rate}×<span className="visually-hidden"> {messages.session.speed}</span>
    </button>
  );
}

/** Show and hide the captions, as the browser's own control does. */
export function PlayerCaptions({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const tracks = video.current?.textTracks;
    const read = () => setShown(tracks?.[0]?.mode === "showing");
    tracks?.addEventListener("change", read);
    return () => tracks?.removeEventListener("change", read);
  }, [video]);
  return (
    <button
      type="button"
      className="player__button player__button--captions"
      aria-pressed={shown}
      title={messages.session.captions}
      onClick={() => {
        const track = video.current?.textTracks[0];
        if (track) track.mode = shown ? "disabled" : "showing";
        setShown(!shown);
      }}
    >
      <span aria-hidden="true">CC</span>
      <span className="visually-hidden">{messages.session.captions}</span>
    </button>
  );
}
