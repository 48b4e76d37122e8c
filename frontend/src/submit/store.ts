/** An upload that is not finished, as it is kept over a reload: what arrived, and where the rest goes. */
export interface PendingUpload {
  uploadId: string;
  uploadUrl: string;
  expiresAt: string;
  name: string;
  sizeBytes: number;
  lastModified: number;
  blockBytes: number;
  /** Numbers of the blocks that storage has. */
  done: number[];
  /** The file itself, where the browser can keep a handle of it. */
  handle?: FileSystemFileHandle;
}

const NAME = "rostrum";
const STORE = "uploads";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "uploadId" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    database.close();
  }
}

export async function keepUpload(upload: PendingUpload): Promise<void> {
  await run("readwrite", (store) => store.put(upload));
}

export async function forgetUpload(uploadId: string): Promise<void> {
  await run("readwrite", (store) => store.delete(uploadId));
}

/** Return the uploads that can still be continued; those whose address has expired are forgotten. */
export async function pendingUploads(now: number = Date.now()): Promise<PendingUpload[]> {
  const all = await run<PendingUpload[]>("readonly", (store) => store.getAll());
  const expired = all.filter((upload) => Date.parse(upload.expiresAt) <= now);
  await Promise.all(expired.map((upload) => forgetUpload(upload.uploadId)));
  return all.filter((upload) => !expired.includes(upload));
}
