import { messages } from "../messages";
import { keepUpload, type PendingUpload } from "./store";

const MAX_BLOCKS = 50_000;
const MIN_BLOCK_BYTES = 4 * 1024 * 1024;
const LANES = 3;
const MAX_TRIES = 5;
const FIRST_PAUSE_MS = 500;
const SPEED_WINDOW_MS = 5000;

export interface Progress {
  sentBytes: number;
  /** Of the last seconds; null while it is unknown. */
  bytesPerSec: number | null;
}

/** Storage refused a block or did not answer. What arrived is kept, and the upload can be resumed. */
export class UploadFailed extends Error {}

/** Return the size of a block: small enough to show progress, large enough for storage's limit of 50,000 blocks. */
export function blockBytesFor(sizeBytes: number, maxBytes: number): number {
  return Math.min(maxBytes, Math.max(MIN_BLOCK_BYTES, Math.ceil(sizeBytes / MAX_BLOCKS)));
}

/** Return a block's id: all ids of a blob must have the same length. */
export function blockId(number: number): string {
  return btoa(String(number).padStart(6, "0"));
}

export function blockCount(upload: Pick<PendingUpload, "sizeBytes" | "blockBytes">): number {
  return Math.max(1, Math.ceil(upload.sizeBytes / upload.blockBytes));
}

/** Return the number of bytes of the blocks that storage has. */
export function doneBytes(upload: PendingUpload): number {
  const last = blockCount(upload) - 1;
  const tail = upload.sizeBytes - last * upload.blockBytes;
  return upload.done.reduce((sum, number) => sum + (number === last ? tail : upload.blockBytes), 0);
}

/** Return whether a file is the one that an upload began with. */
export function isSameFile(upload: PendingUpload, file: File): boolean {
  return file.name === upload.name && file.size === upload.sizeBytes && file.lastModified === upload.lastModified;
}

/**
 * Send the blocks that are missing and then the list of all, straight to storage.
 *
 * Each block that arrived is noted before the next begins, so that a reload loses at most the blocks on their way.
 * Raises UploadFailed when storage refuses; the signal pauses.
 */
export async function sendFile(
  file: File,
  upload: PendingUpload,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const have = new Set(upload.done);
  const missing = Array.from({ length: blockCount(upload) }, (_, number) => number).filter((each) => !have.has(each));
  const onTheWay = new Map<number, number>();
  const seen: [number, number][] = [];
  const report = () => {
    const sentBytes = doneBytes(upload) + [...onTheWay.values()].reduce((sum, each) => sum + each, 0);
    const now = performance.now();
    seen.push([now, sentBytes]);
    while (seen[0] && now - seen[0][0] > SPEED_WINDOW_MS) seen.shift();
    const [first] = seen;
    const seconds = first ? (now - first[0]) / 1000 : 0;
    onProgress({ sentBytes, bytesPerSec: first && seconds > 0.5 ? (sentBytes - first[1]) / seconds : null });
  };
  report();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
        const block = number;
        const bytes = file.slice(block * upload.blockBytes, (block + 1) * upload.blockBytes);
        await put(
          `${upload.uploadUrl}&comp=block&blockid=${encodeURIComponent(blockId(block))}`,
          bytes,
          {},
          signal,
          (n) => {
            onTheWay.set(block, n);
            report();
          },
        );
        onTheWay.delete(block);
        upload.done.push(block);
        await keepUpload(upload);
        report();
      }
    }),
  );
  const ids = Array.from({ length: blockCount(upload) }, (_, number) => `<Latest>${blockId(number)}</Latest>`);
  const list = new Blob([`<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.join("")}</BlockList>`]);
  const headers = { "x-ms-blob-content-type": file.type || "application/octet-stream" };
  await put(`${upload.uploadUrl}&comp=blocklist`, list, headers, signal, () => undefined);
}

/** PUT bytes, trying again after a broken connection or an answer that may pass. */
async function put(
  address: string,
  body: Blob,
  headers: Record<string, string>,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const status = await putOnce(address, body, headers, signal, onSent);
    if (status >= 200 && status < 300) return;
    onSent(0);
    if (status === 403) throw new UploadFailed(messages.submit.expired);
    const mayPass = status === 0 || status === 408 || status === 429 || status >= 500;
    if (!mayPass || attempt === MAX_TRIES) {
      throw new UploadFailed(
        status === 0 ? `${messages.submit.lost} ${messages.submit.lostHelp}` : messages.submit.refused(status),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    signal.throwIfAborted();
  }
}

/** PUT bytes by XMLHttpRequest, since fetch does not tell how much was sent; return the status, 0 without an answer. */
function putOnce(
  address: string,
  body: Blob,
  headers: Record<string, string>,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("PUT", address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => resolve(request.status);
    request.onerror = () => resolve(0);
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    request.send(body);
  });
}
