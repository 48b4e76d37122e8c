import type { Job } from "../api/types";

/** Return a running job with these fields changed. */
export function aJob(change: Partial<Job> = {}): Job {
  const stage = { progress: 0, partsDone: 0, parts: 1, attempts: 1, startedAt: null, finishedAt: null, reason: null };
  return {
    jobId: "j1",
    sessionId: "s1",
    orgId: "local",
    status: "DOWNLOADED",
    stage: "transcription",
    progress: 0.4,
    stages: {
      download: { ...stage, state: "done", progress: 1, partsDone: 1 },
      transcription: { ...stage, state: "running", progress: 0.5, partsDone: 1, parts: 3 },
      tracking: { ...stage, state: "waiting" },
      rendition: { ...stage, state: "skipped" },
    },
    cancelRequested: false,
    attempt: 1,
    error: null,
    failures: [],
    warnings: [],
    options: {},
    callbackUrl: null,
    startAt: null,
    estimate: null,
    createdAt: "2026-01-01T10:00:00Z",
    updatedAt: "2026-01-01T10:00:10Z",
    startedAt: "2026-01-01T10:00:00Z",
    finishedAt: null,
    links: { self: "", events: "", session: "" },
    ...change,
  };
}
