import { api, bodyOf, fetchPath, orNull } from "../api/client";
import { ApiError, unreachable } from "../api/problem";
import type { Schemas, Transcript } from "../api/types";
import { DOUBTFUL_BELOW } from "../session/words";
import type { Segment } from "./document";
import type { Operation } from "./operations";
import type { Changed } from "./saved";

export type ReviewState = Schemas["ReviewState"];
export type Version = Schemas["TranscriptVersionView"];

/** A text with the tag that an edit of it needs. */
export interface Read {
  segments: Segment[];
  /** Words with a lower confidence are doubtful. */
  doubtfulBelow: number;
  etag: string;
}

export interface Saved {
  changed: Changed;
  etag: string;
}

/** The status of a write whose `If-Match` names another version. */
export const PRECONDITION_FAILED = 412;

/** What the editor asks of the server; a test makes up its own. */
export interface Gateway {
  read(): Promise<Read>;
  save(operations: Operation[], etag: string): Promise<Saved>;
}

/** Return the gateway to a recording's transcript. */
export function gatewayTo(sessionId: string): Gateway {
  const path = `/sessions/${sessionId}/results/transcript`;
  return {
    async read() {
      const answer = await fetchPath(path, { headers: { Accept: "application/json" } });
      const transcript = (await answer.json()) as Transcript;
      const { segments, doubtfulBelow } = transcript;
      return { segments, doubtfulBelow: doubtfulBelow ?? DOUBTFUL_BELOW, etag: answer.headers.get("ETag") ?? "" };
    },
    async save(operations, etag) {
      const { data, response } = await api().PATCH("/sessions/{sessionId}/results/transcript", {
        params: { path: { sessionId }, header: { "If-Match": etag } },
        body: { operations },
      });
      if (!data) throw unreachable();
      return { changed: data, etag: response.headers.get("ETag") ?? "" };
    },
  };
}

/** Return the versions of the transcript, newest first. */
export async function listVersions(sessionId: string): Promise<Version[]> {
  const params = { path: { sessionId } };
  return bodyOf(api().GET("/sessions/{sessionId}/results/transcript/versions", { params }));
}

/** Make an earlier version the newest one. */
export async function restoreVersion(sessionId: string, version: number): Promise<void> {
  const params = { path: { sessionId } };
  await api().POST("/sessions/{sessionId}/results/transcript/restore", { params, body: { version } });
}

/** Say how far the transcript is corrected. */
export async function review(sessionId: string, state: ReviewState): Promise<Schemas["ReviewView"]> {
  const params = { path: { sessionId } };
  return bodyOf(api().PUT("/sessions/{sessionId}/results/transcript/review", { params, body: { state } }));
}

const TYPES: Record<string, string> = { vtt: "text/vtt", srt: "application/x-subrip", txt: "text/plain" };

/** Take a corrected file as the newest version. */
export async function importFile(sessionId: string, file: File): Promise<Version> {
  const type = TYPES[file.name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "text/plain";
  const init = { method: "POST", body: await file.text(), headers: { "Content-Type": type } };
  return (await fetchPath(`/sessions/${sessionId}/results/transcript/import`, init)).json() as Promise<Version>;
}

const MAX_TRIES = 8;

/** Add a term to a vocabulary, which is made if there is none; where another editor was faster, to theirs. */
export async function remember(vocabulary: string, term: string): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await addTerm(vocabulary, term);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === PRECONDITION_FAILED) || tried === MAX_TRIES) throw error;
    }
  }
}

async function addTerm(vocabulary: string, term: string): Promise<void> {
  const path = { vocabulary };
  const known = await orNull(api().GET("/vocabularies/{vocabulary}", { params: { path } }));
  const terms = known?.data?.terms ?? [];
  if (terms.includes(term)) return;
  const tag = known?.response.headers.get("ETag");
  const header = tag ? { "If-Match": tag } : known ? {} : { "If-None-Match": "*" };
  await api().PUT("/vocabularies/{vocabulary}", { params: { path, header }, body: { terms: [...terms, term] } });
}
