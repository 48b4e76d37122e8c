import { createParser } from "eventsource-parser";
import { fetchPath } from "./client";
import { ApiError } from "./problem";
import type { Schemas } from "./types";

export type JobEvent = Schemas["EventView"];

export interface EventHandlers {
  onEvent: (event: JobEvent) => void;
  /** More of the transcript can be read. */
  onText: () => void;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Follow a job's events until it has ended or the signal aborts.
 *
 * The stream is read by fetch and not by EventSource, which cannot send a token. After a break it goes on behind the
 * last event that arrived.
 */
export async function followJob(jobId: string, handlers: EventHandlers, signal: AbortSignal): Promise<void> {
  let lastId = "";
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const answer = await fetchPath(`/jobs/${encodeURIComponent(jobId)}/events`, {
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
        signal,
      });
      if (answer.status === 204 || answer.body === null) return;
      const before = lastId;
      lastId = await readEvents(answer.body, lastId, handlers);
      if (lastId !== before) pause = FIRST_PAUSE_MS;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) return;
    }
    await rest(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, lastId: string, handlers: EventHandlers): Promise<string> {
  let last = lastId;
  const parser = createParser({
    onEvent(message) {
      if (message.id) last = message.id;
      const data: unknown = JSON.parse(message.data);
      if (!isJobEvent(data)) return;
      handlers.onEvent(data);
      if (message.event === "transcript" && data.words) handlers.onText();
    },
  });
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return last;
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

function isJobEvent(data: unknown): data is JobEvent {
  return typeof data === "object" && data !== null && "status" in data && "progress" in data;
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
