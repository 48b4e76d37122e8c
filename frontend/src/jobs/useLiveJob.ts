import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { followJob } from "../api/events";
import type { Job } from "../api/types";
import { jobQuery, latestLinesQuery } from "./queries";
import { isFinal } from "./status";

/** A browser opens at most six connections to a server; streams must leave some for everything else. */
const MAX_STREAMS = 3;
const MIN_REREAD_MS = 400;
let streams = 0;

/**
 * Return the job as it is now and the latest lines of its transcript, following its events while it runs.
 *
 * An event tells that something changed; the whole job is then read again, at most a few times a second. Jobs beyond
 * `MAX_STREAMS` are kept current by the list's own refresh.
 */
export function useLiveJob(listed: Job): { job: Job; lines: string } {
  const queries = useQueryClient();
  const [live, setLive] = useState<Job | null>(null);
  const [lines, setLines] = useState("");
  const running = !isFinal(listed.status);
  const { jobId, sessionId, attempt } = listed;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is followed by a new stream
  useEffect(() => {
    if (!running || streams >= MAX_STREAMS) return;
    streams += 1;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;

    async function reread() {
      timer = undefined;
      const job = await queries.fetchQuery({ ...jobQuery(jobId), staleTime: 0 }).catch(() => null);
      if (ended.signal.aborted || job === null) return;
      setLive(job);
      if (isFinal(job.status)) void queries.invalidateQueries({ queryKey: ["jobs"] });
    }
    const onEvent = () => {
      timer ??= setTimeout(() => void reread(), MIN_REREAD_MS);
    };
    async function readText() {
      const text = await queries.fetchQuery({ ...latestLinesQuery(sessionId, jobId), staleTime: 0 }).catch(() => null);
      if (!ended.signal.aborted && text) setLines(text);
    }
    const onText = () => void readText();

    void followJob(jobId, { onEvent, onText }, ended.signal);
    return () => {
      streams -= 1;
      ended.abort();
      clearTimeout(timer);
    };
  }, [jobId, sessionId, running, attempt, queries]);

  const newer = live !== null && live.attempt >= listed.attempt && live.updatedAt >= listed.updatedAt;
  return { job: newer ? live : listed, lines };
}
