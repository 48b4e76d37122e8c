import { describe, expect, it } from "vitest";
import type { PendingUpload } from "./store";
import { blockBytesFor, blockId, doneBytes, isSameFile } from "./upload";

const MIB = 1024 * 1024;
const upload: PendingUpload = {
  uploadId: "u1",
  uploadUrl: "https://storage.example/u1?sig=1",
  expiresAt: "2999-01-01T00:00:00Z",
  name: "talk.mp4",
  sizeBytes: 10,
  lastModified: 5,
  blockBytes: 4,
  done: [],
};

describe("an upload", () => {
  it("is cut into blocks that storage takes: at most 50,000, none larger than allowed", () => {
    expect(blockBytesFor(10, 100 * MIB)).toBe(4 * MIB);
    expect(blockBytesFor(400_000 * MIB, 100 * MIB)).toBe(8 * MIB);
    expect(blockBytesFor(400_000 * MIB, 2 * MIB)).toBe(2 * MIB);
    expect(blockId(7)).toHaveLength(blockId(49_999).length);
  });

  it("knows how much arrived, with its shorter last block", () => {
    expect(doneBytes({ ...upload, done: [0, 2] })).toBe(6);
    expect(doneBytes({ ...upload, done: [0, 1, 2] })).toBe(10);
  });

  it("goes on only with the file it began with", () => {
    const file = new File(["0123456789"], "talk.mp4", { lastModified: 5 });
    expect(isSameFile(upload, file)).toBe(true);
    expect(isSameFile(upload, new File(["0123456789"], "talk.mp4", { lastModified: 6 }))).toBe(false);
    expect(isSameFile(upload, new File(["01"], "talk.mp4", { lastModified: 5 }))).toBe(false);
  });
});
