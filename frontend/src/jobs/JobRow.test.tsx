import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { messages } from "../messages";
import { aJob } from "../testing/samples";
import { server } from "../testing/server";
import { JobRow } from "./JobRow";

const stream = (text: string) => new HttpResponse(text, { headers: { "Content-Type": "text/event-stream" } });

function show(job: Parameters<typeof JobRow>[0]["listed"]) {
  const root = createRootRoute({
    component: () => (
      <ul>
        <JobRow listed={job} />
      </ul>
    ),
  });
  const router = createRouter({ routeTree: root, history: createMemoryHistory() });
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      {/* The router of this test has other routes than the application's. */}
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
}

describe("a job's row", () => {
  it("follows the events of a running job and shows the first lines of its transcript", async () => {
    let asked = 0;
    server.use(
      http.get("*/api/sessions/s1", () => HttpResponse.json({ sessionName: "Water", media: null })),
      http.get("*/api/sessions/s1/results/transcript", ({ request }) =>
        new URL(request.url).searchParams.get("partial") === "true"
          ? HttpResponse.json({ complete: false, segments: [{ text: "Good morning" }] })
          : HttpResponse.json({}, { status: 404 }),
      ),
      http.get("*/api/jobs/j1", () => HttpResponse.json(aJob({ progress: 0.7, updatedAt: "2026-01-01T10:00:20Z" }))),
      http.get("*/api/jobs/j1/events", () => {
        asked += 1;
        if (asked > 1) return new HttpResponse(null, { status: 204 });
        const progress = JSON.stringify({ jobId: "j1", sequence: 1, status: "DOWNLOADED", progress: 0.7 });
        const words = JSON.stringify({
          jobId: "j1",
          sequence: 2,
          status: "DOWNLOADED",
          progress: 0.7,
          start: 0,
          end: 3,
          words: 2,
        });
        return stream(`id: 1\nevent: progress\ndata: ${progress}\n\nid: 2\nevent: transcript\ndata: ${words}\n\n`);
      }),
    );
    show(aJob());
    expect(await screen.findByText("Good morning")).toBeTruthy();
    await waitFor(() => expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("70"));
    expect(screen.getByText("50% · 1 of 3 parts")).toBeTruthy();
    expect(screen.getByText(messages.stageState.waiting)).toBeTruthy();
    expect(screen.queryByText(messages.stage.rendition)).toBeNull();
  });

  it("asks before it cancels, and cancels once", async () => {
    const canceled: string[] = [];
    server.use(
      http.get("*/api/sessions/s1", () => HttpResponse.json({ sessionName: "Water", media: null })),
      http.get("*/api/jobs/j1/events", () => new HttpResponse(null, { status: 204 })),
      http.delete("*/api/jobs/:id", ({ params }) => {
        canceled.push(String(params.id));
        return HttpResponse.json(aJob({ cancelRequested: true }), { status: 202 });
      }),
    );
    show(aJob());
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: messages.jobs.cancel }));
    expect(canceled).toEqual([]);
    await user.click(screen.getByRole("button", { name: messages.jobs.cancelYes }));
    await waitFor(() => expect(canceled).toEqual(["j1"]));
  });

  it("says what went wrong and what to do", async () => {
    server.use(http.get("*/api/sessions/s1", () => HttpResponse.json({ sessionName: "Water", media: null })));
    const error = { code: "x", title: "No such server", detail: "Check the address.", stage: null, retryable: false };
    show(aJob({ status: "ERROR", error, finishedAt: "2026-01-01T10:00:20Z" }));
    expect(await screen.findByText("Check the address.")).toBeTruthy();
    expect(screen.getByText(messages.jobs.errorHelp.permanent)).toBeTruthy();
    expect(screen.getByRole("button", { name: messages.jobs.retry })).toBeTruthy();
  });
});
