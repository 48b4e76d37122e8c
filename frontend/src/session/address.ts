const RESUME_KEY = "rostrum.resume";
const MAX_REMEMBERED = 50;
const MIN_RESUME_SEC = 5;

/** Return the time that an address asks for with `#t=`, in seconds or as a clock, or null without one. */
export function timeInHash(hash: string): number | null {
  const value = /[#&]?t=([\d:.]+)/.exec(hash)?.[1];
  if (value === undefined) return null;
  const seconds = value.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return Number.isFinite(seconds) ? seconds : null;
}

/** Return the address of this page at a time, to be shared. */
export function linkTo(time: number): string {
  const address = new URL(window.location.href);
  address.hash = `t=${time.toFixed(1)}`;
  return address.href;
}

/** Return where the reader left a recording, or null at its beginning and near its end. */
export function resumeTime(sessionId: string, durationSec: number | null): number | null {
  const time = remembered()[sessionId];
  if (time === undefined || time < MIN_RESUME_SEC) return null;
  return durationSec !== null && time > durationSec - MIN_RESUME_SEC ? null : time;
}

/** Remember where the reader is, for the recordings that were opened last. */
export function remember(sessionId: string, time: number): void {
  const { [sessionId]: _, ...others } = remembered();
  const kept = Object.entries(others).slice(-MAX_REMEMBERED + 1);
  localStorage.setItem(RESUME_KEY, JSON.stringify({ ...Object.fromEntries(kept), [sessionId]: time }));
}

function remembered(): Record<string, number> {
  try {
    return JSON.parse(localStorage.getItem(RESUME_KEY) ?? "{}") as Record<string, number>;
  } catch {
    return {};
  }
}
