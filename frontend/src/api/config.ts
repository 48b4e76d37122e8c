/** The provider that signs readers in. */
export interface OidcSettings {
  /** The provider's issuer, below which its `.well-known/openid-configuration` is. */
  issuer: string;
  clientId: string;
  /** What is asked for, such as `openid api://rostrum/jobs:read api://rostrum/jobs:write`. */
  scope: string;
  /** Some providers need the API's name to make a token for it. */
  audience?: string;
}

/** Where the API answers, and who signs readers in; a file beside the page says so, so that one build serves every installation. */
interface Config {
  apiBase: string;
  /** Null where readers paste a token, or need none. */
  oidc: OidcSettings | null;
}

const DEFAULTS: Config = { apiBase: "/api", oidc: null };
let current = DEFAULTS;

/** Read `/config.json`; keep the defaults where it is missing or unreadable. */
export async function loadConfig(): Promise<void> {
  try {
    const answer = await fetch("/config.json", { cache: "no-cache" });
    const read: unknown = answer.ok ? await answer.json() : {};
    if (typeof read === "object" && read !== null && "apiBase" in read && typeof read.apiBase === "string") {
      current = { apiBase: read.apiBase.replace(/\/+$/, ""), oidc: "oidc" in read ? oidcOf(read.oidc) : null };
    }
  } catch {
    current = DEFAULTS;
  }
}

/** Return what `/config.json` says. */
export function config(): Config {
  return current;
}

function oidcOf(given: unknown): OidcSettings | null {
  if (typeof given !== "object" || given === null) return null;
  const { issuer, clientId, scope, audience } = given as Record<string, unknown>;
  if (typeof issuer !== "string" || typeof clientId !== "string" || typeof scope !== "string") return null;
  return { issuer, clientId, scope, ...(typeof audience === "string" ? { audience } : {}) };
}

/** Return the address of a path of the API, such as `/jobs`. */
export function apiUrl(path: string): string {
  return new URL(current.apiBase + path, window.location.origin).href;
}
