import { useCallback, useEffect, useRef, useState } from "react";
import { api, bodyOf } from "../api/client";
import type { Job, Schemas } from "../api/types";
import { optionsOf, type Wishes } from "./options";
import { forgetUpload, keepUpload, type PendingUpload } from "./store";
import { blockBytesFor, type Progress, sendFile } from "./upload";

/** Where a submission stands, from nothing to a recording that can be started. */
export type Step =
  | { name: "idle" }
  | { name: "uploading"; upload: PendingUpload; progress: Progress | null; paused: boolean }
  | { name: "probing" }
  | { name: "ready"; probe: Schemas["ProbeView"]; source: Source }
  | { name: "starting"; probe: Schemas["ProbeView"]; source: Source };

export type Source = { uploadId: string } | { sourceUrl: string };

/** Carry a recording from a file or an address to a job: upload, look, and start when the reader says so. */
export function useSubmission(wishes: Wishes, onStarted: (job: Job) => void) {
  const [step, setStep] = useState<Step>({ name: "idle" });
  const [error, setError] = useState<unknown>(null);
  const file = useRef<File | null>(null);
  const stop = useRef<AbortController | null>(null);
  const key = useRef("");

  useEffect(() => () => stop.current?.abort(), []);

  const probe = useCallback(
    async (source: Source) => {
      setError(null);
      setStep({ name: "probing" });
      try {
        const body = { ...source, options: optionsOf(wishes) };
        const found = await bodyOf(api().POST("/ingest/probe", { body }));
        key.current = crypto.randomUUID();
        setStep({ name: "ready", probe: found, source });
      } catch (failure) {
        setError(failure);
        setStep({ name: "idle" });
      }
    },
    [wishes],
  );

  const send = useCallback(
    async (chosen: File, upload: PendingUpload) => {
      file.current = chosen;
      stop.current = new AbortController();
      const { signal } = stop.current;
      setError(null);
      setStep({ name: "uploading", upload, progress: null, paused: false });
      try {
        const onProgress = (progress: Progress) => {
          if (!signal.aborted) setStep({ name: "uploading", upload, progress, paused: false });
        };
        await sendFile(chosen, upload, onProgress, signal);
      } catch (failure) {
        if (!signal.aborted) {
          stop.current.abort();
          setError(failure);
        }
        setStep((now) => (now.name === "uploading" ? { ...now, paused: true } : now));
        return;
      }
      await probe({ uploadId: upload.uploadId });
    },
    [probe],
  );

  const begin = useCallback(
    async (chosen: File, handle?: FileSystemFileHandle) => {
      setError(null);
      try {
        const body = {
          sourceName: chosen.name,
          contentLength: chosen.size,
          contentType: chosen.type || "application/octet-stream",
          options: optionsOf(wishes),
        };
        const made = await bodyOf(api().POST("/ingest/init", { body }));
        const upload: PendingUpload = {
          uploadId: made.uploadId,
          uploadUrl: made.uploadUrl,
          expiresAt: made.expiresAt,
          name: chosen.name,
          sizeBytes: chosen.size,
          lastModified: chosen.lastModified,
          blockBytes: blockBytesFor(chosen.size, made.blockSizeBytes),
          done: [],
          ...(handle ? { handle } : {}),
        };
        await keepUpload(upload);
        await send(chosen, upload);
      } catch (failure) {
        setError(failure);
        setStep({ name: "idle" });
      }
    },
    [send, wishes],
  );

  const pause = useCallback(() => stop.current?.abort(), []);

  const resume = useCallback(() => {
    if (step.name === "uploading" && file.current) void send(file.current, step.upload);
  }, [step, send]);

  const discard = useCallback(async () => {
    stop.current?.abort();
    if (step.name === "uploading") await forgetUpload(step.upload.uploadId);
    if ("source" in step && "uploadId" in step.source) await forgetUpload(step.source.uploadId);
    setError(null);
    setStep({ name: "idle" });
  }, [step]);

  const start = useCallback(async () => {
    if (step.name !== "ready") return;
    const { source } = step;
    setError(null);
    setStep({ ...step, name: "starting" });
    const common = { options: optionsOf(wishes), sessionName: wishes.name.trim() || null, metadata: {} };
    const params = { header: { "Idempotency-Key": key.current } };
    try {
      if ("uploadId" in source) {
        const job = await bodyOf(api().POST("/ingest/commit", { params, body: { ...common, ...source } }));
        await forgetUpload(source.uploadId);
        onStarted(job);
      } else {
        onStarted(await bodyOf(api().POST("/jobs", { params, body: { ...common, ...source } })));
      }
    } catch (failure) {
      key.current = crypto.randomUUID();
      setError(failure);
      setStep({ ...step, name: "ready" });
    }
  }, [step, wishes, onStarted]);

  return { step, error, begin, send, probe, pause, resume, discard, start };
}
