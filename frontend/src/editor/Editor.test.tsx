import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, it, vi } from "vitest";
import type { SessionDetail } from "../api/types";
import { messages } from "../messages";
import { MediaClock } from "../session/MediaClock";
import { server } from "../testing/server";
import { Editor } from "./Editor";

const text = messages.editor;
const TRANSCRIPT = "*/api/sessions/s1/results/transcript";
const SESSION = { sessionId: "s1", jobs: [], transcriptReview: null } as unknown as SessionDetail;
const VERSION = { version: 0, createdAt: "2026-01-01T10:00:00Z", by: null, state: "auto", changedWords: 0 };
const FULL = { code: "internal_error", title: "Failed", detail: "The disk is full.", retryable: false };

const words = ["one", "two"].map((word, at) => ({ id: `w${at}`, word, start: at, end: at + 1, confidence: 0.9 }));
const segment = { id: 0, start: 0, end: 2, text: "one two", confidence: 0.9, words };

let failing = true;
let sent: string[] = [];

beforeEach(() => {
  failing = true;
  sent = [];
  const noted = (what: string) => () => {
    sent.push(what);
    return HttpResponse.json({});
  };
  server.use(
    http.get(TRANSCRIPT, () => HttpResponse.json({ segments: [segment] }, { headers: { ETag: '"0"' } })),
    http.patch(TRANSCRIPT, () => {
      if (failing) return HttpResponse.json(FULL, { status: 500 });
      const saved = { ...segment, words: words.map((word) => (word.id === "w1" ? { ...word, word: "too" } : word)) };
      return HttpResponse.json({ segments: [saved], removedSegmentIds: [] }, { headers: { ETag: '"1"' } });
    }),
    http.get(`${TRANSCRIPT}/versions`, () =>
      HttpResponse.json([
        { ...VERSION, version: 1, kind: "edit" },
        { ...VERSION, kind: "machine" },
      ]),
    ),
    http.put(`${TRANSCRIPT}/review`, noted("review")),
    http.post(`${TRANSCRIPT}/restore`, noted("restore")),
  );
});

/** Open the editor and replace a word. */
async function edited() {
  const onDone = vi.fn();
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <Editor session={SESSION} clock={new MediaClock()} language="en" onDone={onDone} />
    </QueryClientProvider>,
  );
  await userEvent.click(await screen.findByRole("button", { name: text.panels.find }));
  await userEvent.type(screen.getByLabelText(text.find), "two");
  await userEvent.type(screen.getByLabelText(text.replaceBy), "too");
  await userEvent.click(screen.getByRole("button", { name: text.replaceAll(1) }));
  return onDone;
}

it("stays open while the text cannot be saved, and says why", async () => {
  const onDone = await edited();
  await userEvent.click(screen.getByRole("button", { name: text.done }));
  await screen.findByText("The disk is full.");
  expect(screen.getByText(text.states.failed)).toBeTruthy();
  expect(onDone).not.toHaveBeenCalled();
  failing = false;
  await userEvent.click(screen.getByRole("button", { name: text.done }));
  await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
});

it("neither restores a version nor says that the text is reviewed while it cannot be saved", async () => {
  await edited();
  await userEvent.selectOptions(screen.getByLabelText(text.review), "reviewed");
  await waitFor(() => expect(screen.getAllByText("The disk is full.")).toHaveLength(2));
  await userEvent.click(screen.getByRole("button", { name: text.panels.versions }));
  await userEvent.click(await screen.findByRole("button", { name: text.original }));
  await userEvent.click(screen.getByRole("button", { name: text.restoreYes }));
  await waitFor(() => expect(screen.getAllByText("The disk is full.")).toHaveLength(3));
  expect(sent).toEqual([]);
  failing = false;
  await userEvent.selectOptions(screen.getByLabelText(text.review), "reviewed");
  await waitFor(() => expect(sent).toEqual(["review"]));
});

it("stays open while a sentence that both changed is undecided", async () => {
  failing = false;
  const theirs = { ...segment, words: words.map((word) => ({ ...word, word: word.word.toUpperCase() })) };
  server.use(
    http.patch(TRANSCRIPT, () => HttpResponse.json({}, { status: 412 }), { once: true }),
    http.get(TRANSCRIPT, () => HttpResponse.json({ segments: [segment] }, { headers: { ETag: '"0"' } }), {
      once: true,
    }),
    http.get(TRANSCRIPT, () => HttpResponse.json({ segments: [theirs] }, { headers: { ETag: '"9"' } })),
  );
  const onDone = await edited();
  await userEvent.click(screen.getByRole("button", { name: text.done }));
  await screen.findByText(text.undecided);
  await userEvent.click(screen.getByRole("button", { name: text.done }));
  expect(onDone).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("button", { name: text.keepTheirs }));
  await userEvent.click(screen.getByRole("button", { name: text.done }));
  await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
});
