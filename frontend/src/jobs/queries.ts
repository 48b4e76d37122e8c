import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, bodyOf, fetchPath, orNull } from "../api/client";
import type { Job, JobStatus, Schemas } from "../api/types";

export const FILTERS = ["all", "active", "done", "error", "canceled"] as const;
export type Filter = (typeof FILTERS)[number];

const PAGE_SIZE = 30;
const REFRESH_MS = 5000;
const STATUS_OF: Partial<Record<Filter, JobStatus>> = { done: "DONE", error: "ERROR", canceled: "CANCELED" };

/** The list of jobs, newest first, by pages. It is asked for again every few seconds, for jobs of other clients. */
export function jobsQuery(filter: Filter) {
  return infiniteQueryOptions({
    queryKey: ["jobs", filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const status = STATUS_OF[filter];
      const query = {
        limit: PAGE_SIZE,
        ...(filter === "active" ? { active: true } : {}),
        ...(status ? { status } : {}),
        ...(pageParam ? { cursor: pageParam } : {}),
      };
      return bodyOf(api().GET("/jobs", { params: { query }, signal }));
    },
    getNextPageParam: (page) =>
      page.nextLink ? new URL(page.nextLink, window.location.origin).searchParams.get("cursor") : null,
    refetchInterval: REFRESH_MS,
  });
}

export function jobQuery(jobId: string) {
  return queryOptions({
    queryKey: ["job", jobId],
    queryFn: ({ signal }) => bodyOf(api().GET("/jobs/{jobId}", { params: { path: { jobId } }, signal })),
  });
}

/** The session's name for a job, which the job itself does not carry; null once the session was deleted. */
export function sessionNameQuery(sessionId: string) {
  return queryOptions({
    queryKey: ["session-name", sessionId],
    queryFn: async ({ signal }) => {
      const session = await orNull(
        bodyOf(api().GET("/sessions/{sessionId}", { params: { path: { sessionId } }, signal })),
      );
      return (
        session && {
          name: session.sessionName,
          durationSec: session.media?.durationSec ?? null,
          hasPicture: session.hasSidecar,
        }
      );
    },
    staleTime: 60_000,
  });
}

/** The verdict on a finished job's recording, or null where it has none. */
export function verdictQuery(sessionId: string, jobId: string, isDone: boolean) {
  return queryOptions({
    queryKey: ["verdict", jobId],
    queryFn: ({ signal }) =>
      orNull(
        fetchPath(`/sessions/${sessionId}/results/quality?jobId=${jobId}`, { signal }).then(
          (answer) => answer.json() as Promise<Schemas["Quality"]>,
        ),
      ),
    enabled: isDone,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const LATEST_CHARS = 260;

/** The end of what is transcribed so far, from the beginning of a sentence; empty before the first part is done. */
export function latestLinesQuery(sessionId: string, jobId: string) {
  return queryOptions({
    queryKey: ["latest-lines", jobId],
    queryFn: async ({ signal }) => {
      const query = { jobId, partial: true } as const;
      const path = { sessionId };
      const known = await orNull(
        bodyOf(api().GET("/sessions/{sessionId}/results/transcript", { params: { path, query }, signal })),
      );
      return known === null || typeof known === "string" ? "" : latestLines(known.segments.map((each) => each.text));
    },
  });
}

/** Return the last sentences that fit into some lines. */
export function latestLines(sentences: readonly string[]): string {
  let text = "";
  for (const sentence of [...sentences].reverse()) {
    if (text && text.length + sentence.length > LATEST_CHARS) break;
    text = text ? `${sentence} ${text}` : sentence;
  }
  return text;
}

export async function cancelJob(jobId: string): Promise<Job> {
  return bodyOf(api().DELETE("/jobs/{jobId}", { params: { path: { jobId } } }));
}

export async function retryJob(jobId: string): Promise<Job> {
  return bodyOf(
    api().POST("/jobs/{jobId}/retry", {
      params: { path: { jobId }, header: { "Idempotency-Key": crypto.randomUUID() } },
    }),
  );
}

export async function deleteSession(sessionId: string): Promise<void> {
  await api().DELETE("/sessions/{sessionId}", { params: { path: { sessionId } } });
}
