import createClient from "openapi-fetch";
import { apiUrl } from "./config";
import { ApiError, errorOf, unreachable } from "./problem";
import type { paths } from "./schema";
import { authHeaders, noteRefusal } from "./token";

/** Send a request with the reader's token; turn a refusal and a lost connection into `ApiError`. */
export async function send(input: Request): Promise<Response> {
  const request = new Request(input);
  for (const [name, value] of Object.entries(authHeaders())) request.headers.set(name, value);
  let answer: Response;
  try {
    answer = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw unreachable();
  }
  const isPresent = request.headers.get("Authorization") === (authHeaders().Authorization ?? null);
  if (answer.status === 401 && isPresent) noteRefusal(true); // a token that was replaced meanwhile is not asked for again
  if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => null));
  return answer;
}

/** The typed client: paths, parameters and answers are those of docs/openapi.json. */
export function api() {
  return createClient<paths>({ baseUrl: apiUrl("").replace(/\/$/, ""), fetch: send });
}

/** Return a path's answer as text or bytes, for what is shown or saved as it is. */
export async function fetchPath(path: string, init: RequestInit = {}): Promise<Response> {
  return send(new Request(apiUrl(path), init));
}

/** Return an answer's body; `send` has thrown already where there is none. */
export async function bodyOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw unreachable();
  return data;
}

/** Return the answer, or null where the result does not exist. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.isMissing) return null;
    throw error;
  }
}
