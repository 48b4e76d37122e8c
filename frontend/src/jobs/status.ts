import type { JobStatus, StageState } from "../api/types";

export type Tone = "neutral" | "active" | "good" | "bad" | "muted";

/** Fail to compile where a value is possible that the caller did not handle. */
function unhandled(value: never): never {
  throw new Error(`This page does not know ${String(value)}; regenerate src/api/schema.ts`);
}

/** Return how a job's status is drawn. A status that the API adds is a compile error here. */
export function toneOf(status: JobStatus): Tone {
  switch (status) {
    case "CREATED":
      return "neutral";
    case "DOWNLOADED":
    case "TRANSCRIBED":
      return "active";
    case "DONE":
      return "good";
    case "ERROR":
      return "bad";
    case "CANCELED":
      return "muted";
    default:
      return unhandled(status);
  }
}

/** Return how a stage's state is drawn. A state that the API adds is a compile error here. */
export function toneOfStage(state: StageState): Tone {
  switch (state) {
    case "waiting":
      return "neutral";
    case "running":
      return "active";
    case "done":
      return "good";
    case "failed":
      return "bad";
    case "skipped":
    case "canceled":
      return "muted";
    default:
      return unhandled(state);
  }
}

/** Return whether no work on the job will follow unless a client asks for it. */
export function isFinal(status: JobStatus): boolean {
  switch (status) {
    case "DONE":
    case "ERROR":
    case "CANCELED":
      return true;
    case "CREATED":
    case "DOWNLOADED":
    case "TRANSCRIBED":
      return false;
    default:
      return unhandled(status);
  }
}
