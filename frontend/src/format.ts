const MINUTE_SEC = 60;
const HOUR_SEC = 3600;

/** Return a media time as a clock, such as 1:02:03 or 2:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const h = Math.floor(whole / HOUR_SEC);
  const m = Math.floor((whole % HOUR_SEC) / MINUTE_SEC);
  const s = String(whole % MINUTE_SEC).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** Return a length of time in words, such as 3 min. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1).replace(/\.0$/, "")} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * MINUTE_SEC) return `${Math.round(seconds / MINUTE_SEC)} min`;
  const hours = Math.floor(seconds / HOUR_SEC);
  return `${hours} h ${Math.round((seconds % HOUR_SEC) / MINUTE_SEC)} min`;
}

/** Return a size in the unit that keeps it readable. */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", HOUR_SEC],
  ["minute", MINUTE_SEC],
];

/** Return how long ago or ahead a time is, such as “2 hours ago”; dates beyond a week as a date. */
export function relative(time: string, now: number = Date.now()): string {
  const seconds = (Date.parse(time) - now) / 1000;
  if (Math.abs(seconds) > 7 * 86_400) {
    return new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" }).format(new Date(time));
  }
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

/** Return a time as date and time of day. */
export function dateTime(time: string): string {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}
