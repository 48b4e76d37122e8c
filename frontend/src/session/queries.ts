import { queryOptions } from "@tanstack/react-query";
import { api, bodyOf, fetchPath, orNull } from "../api/client";
import { apiUrl } from "../api/config";
import { readToken } from "../api/token";
import type { Schemas, Tracking, Transcript } from "../api/types";
import type { Slides } from "./slides";
import { tilesOf } from "./sprite";

const WHILE_RUNNING_MS = 4000;

/** The session with its jobs; asked for again while a job runs. */
export function sessionQuery(sessionId: string) {
  return queryOptions({
    queryKey: ["session", sessionId],
    queryFn: ({ signal }) => bodyOf(api().GET("/sessions/{sessionId}", { params: { path: { sessionId } }, signal })),
    refetchInterval: (query) =>
      query.state.data?.jobs.some((job) => job.finishedAt === null && job.status !== "CANCELED")
        ? WHILE_RUNNING_MS
        : false,
  });
}

const KEEP = { staleTime: Number.POSITIVE_INFINITY };

/** Return a result of the session, or null where its job has not made one. */
function readResult<T>(path: string, signal: AbortSignal): Promise<T | null> {
  return orNull(
    fetchPath(path, { signal, headers: { Accept: "application/json" } }).then((answer) => answer.json() as Promise<T>),
  );
}

/** The query of a result that does not change while its version stays. */
function resultQuery<T>(name: string, sessionId: string, version: string, path: string, isThere = true) {
  return queryOptions({
    queryKey: [name, sessionId, version],
    queryFn: ({ signal }) => readResult<T>(`/sessions/${sessionId}/${path}`, signal),
    enabled: isThere,
    ...KEEP,
  });
}

/** The transcript; while its job runs, the parts that are done. */
export function transcriptQuery(sessionId: string, version: string, isRunning: boolean) {
  const path = `/sessions/${sessionId}/results/transcript`;
  return queryOptions({
    queryKey: ["transcript", sessionId, version, isRunning],
    queryFn: ({ signal }) => readResult<Transcript>(isRunning ? `${path}?partial=true` : path, signal),
    ...KEEP,
    refetchInterval: isRunning ? WHILE_RUNNING_MS : false,
  });
}

/** The captions as an address that a `<track>` can read: a token cannot be sent with it, so the text is held here. */
export function captionsQuery(sessionId: string, version: string) {
  return queryOptions({
    queryKey: ["captions", sessionId, version],
    queryFn: async ({ signal }) => {
      const answer = await orNull(fetchPath(`/sessions/${sessionId}/results/transcript?format=vtt`, { signal }));
      return answer && URL.createObjectURL(new Blob([await answer.text()], { type: "text/vtt" }));
    },
    ...KEEP,
    gcTime: Number.POSITIVE_INFINITY,
  });
}

export function trackingQuery(sessionId: string, version: string) {
  return resultQuery<Tracking>("tracking", sessionId, version, "results/instructor-tracking");
}

export function plotQuery(sessionId: string, version: string) {
  return resultQuery<Schemas["TrackPlot"]>("plot", sessionId, version, "results/track-plot");
}

export function chaptersQuery(sessionId: string, version: string) {
  return resultQuery<Schemas["Chapters"]>("chapters", sessionId, version, "results/chapters");
}

export function sidecarQuery(sessionId: string, version: string) {
  return resultQuery<Schemas["SidecarPayload"]>("sidecar", sessionId, version, "sidecar");
}

/** The verdict, where the sidecar says that the job wrote one. */
export function qualityQuery(sessionId: string, version: string, isThere: boolean) {
  return resultQuery<Schemas["Quality"]>("quality", sessionId, version, "results/quality", isThere);
}

/** The stills for scrubbing, where the sidecar says that the job made them. */
export function tilesQuery(sessionId: string, version: string, isThere: boolean) {
  return queryOptions({
    queryKey: ["tiles", sessionId, version],
    queryFn: async ({ signal }) => {
      const answer = await orNull(fetchPath(`/sessions/${sessionId}/sprites/sprite.vtt`, { signal }));
      return answer && tilesOf(await answer.text());
    },
    enabled: isThere,
    ...KEEP,
  });
}

/** The peaks of the sound, where the sidecar says that the job wrote them. */
export function peaksQuery(sessionId: string, version: string, isThere: boolean) {
  return resultQuery<Schemas["Peaks"]>("peaks", sessionId, version, "results/peaks", isThere);
}

/** The slides, where the sidecar says that the job wrote them. */
export function slidesQuery(sessionId: string, version: string, isThere: boolean) {
  return resultQuery<Slides>("slides", sessionId, version, "results/slides", isThere);
}

/**
 * The address that the video plays: the rendition for browsers where the API made one, else the recording.
 *
 * A `<video>` cannot send a token. With one, the redirect is followed by fetch, and the signed address behind it is
 * played; that needs CORS on the storage.
 */
export function mediaQuery(sessionId: string, rendition: string | null) {
  const path = `/sessions/${sessionId}/media${rendition ? `?rendition=${rendition}` : ""}`;
  return queryOptions({
    queryKey: ["media", path, readToken()],
    queryFn: async ({ signal }) => {
      if (readToken() === null) return apiUrl(path);
      return (await fetchPath(path, { headers: { Range: "bytes=0-0" }, signal })).url;
    },
    ...KEEP,
  });
}
