import type { Job } from "../api/types";

const MIN_SHARE = 0.08;
const MIN_SEC = 3;

/** Return the seconds a running job still needs, with a range, or null where the server knows none or it is over. */
export function remainingSec(job: Job, now: number = Date.now()): { sec: number; low: number; high: number } | null {
  const { estimate } = job;
  if (!estimate || job.finishedAt !== null) return null;
  const [sec, low, high] = [estimate.doneAt, estimate.low, estimate.high].map((at) =>
    Math.max(0, (Date.parse(at) - now) / 1000),
  ) as [number, number, number];
  return sec > 0 ? { sec, low, high } : null;
}

/** Return the seconds between a job's start and its end, or null while it runs. */
export function tookSec(job: Job): number | null {
  if (job.startedAt === null || job.finishedAt === null) return null;
  return Math.max(0, (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000);
}

/** Return how many times faster than it plays a recording is worked on, or null while that is unknown. */
export function speedOf(job: Job, durationSec: number | null, now: number = Date.now()): number | null {
  if (job.startedAt === null || job.attempt > 1 || durationSec === null || durationSec <= 0) return null;
  if (job.finishedAt !== null && job.status !== "DONE") return null;
  const spent = ((job.finishedAt === null ? now : Date.parse(job.finishedAt)) - Date.parse(job.startedAt)) / 1000;
  return job.progress < MIN_SHARE || spent < MIN_SEC ? null : (durationSec * job.progress) / spent;
}
