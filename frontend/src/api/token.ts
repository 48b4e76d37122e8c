import { useSyncExternalStore } from "react";

/** The bearer token of this tab. It is kept for the tab only, so that closing it signs the reader out. */
const KEY = "rostrum.token";
const listeners = new Set<() => void>();
let refused = false;

/** Return the token that requests carry, or null where none was given. */
export function readToken(): string | null {
  return sessionStorage.getItem(KEY);
}

/** Keep the token for this tab, or remove it with null, and tell everyone who listens. */
export function saveToken(token: string | null): void {
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
  noteRefusal(false);
}

/** Note whether the API asked for another token, so that the page can ask the reader for one. */
export function noteRefusal(isRefused: boolean): void {
  refused = isRefused;
  for (const listener of listeners) listener();
}

/** Return the headers that prove who asks. */
export function authHeaders(): Record<string, string> {
  const token = readToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return whether the API refused the last request for want of a valid token. */
export function useTokenRefused(): boolean {
  return useSyncExternalStore(subscribe, () => refused);
}

/** Return the token, and render again when it changes. */
export function useToken(): string | null {
  return useSyncExternalStore(subscribe, readToken);
}
