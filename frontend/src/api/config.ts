/** Where the API answers; a file beside the page says so, so that one build serves every installation. */
export interface Config {
  apiBase: string;
}

const DEFAULTS: Config = { apiBase: "/api" };
let current = DEFAULTS;

/** Read `/config.json`; keep the defaults where it is missing or unreadable. */
export async function loadConfig(): Promise<void> {
  try {
    const answer = await fetch("/config.json", { cache: "no-cache" });
    const read: unknown = answer.ok ? await answer.json() : {};
    if (typeof read === "object" && read !== null && "apiBase" in read && typeof read.apiBase === "string") {
      current = { apiBase: read.apiBase.replace(/\/+$/, "") };
    }
  } catch {
    current = DEFAULTS;
  }
}

/** Return the address of a path of the API, such as `/jobs`. */
export function apiUrl(path: string): string {
  return new URL(current.apiBase + path, window.location.origin).href;
}
