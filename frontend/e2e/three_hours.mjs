/**
 * Measure the session page with a made-up recording of three hours: 30,000 words, 21,600 points of the track, 120 slides.
 *
 * Usage: node three_hours.mjs '{"page": …, "chromium": …}', with the page served by `dev.py up`. Prints the time to the
 * transcript's first words with the bundle cached, the longest task while scrolling, the script's heap and the memory of
 * the tab's whole process (its proportional share, on Linux), and in the editor the longest answer to a key and the
 * longest task while what was typed is saved. Times are in ms.
 */
import { readFileSync } from "node:fs";
import { launch } from "./browser.mjs";

const given = JSON.parse(process.argv[2]);
const HOURS_SEC = 3 * 3600;
const WORDS = 30_000;
const POINTS = HOURS_SEC * 2;
const SLIDES = 120;
const SCROLLS = 60;
const TYPED = " and these are some more words for it";

const browser = await launch(given.chromium);
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
const session = recording();
const picture = await slidePicture();
await page.route(/\/api\/sessions\/long(\/.*|\?.*)?$/, (route) => {
  const path = new URL(route.request().url()).pathname.replace("/api/sessions/long", "");
  if (route.request().method() === "PATCH") return route.fulfill(saved(route.request().postDataJSON().operations));
  if (path.endsWith(".jpg")) return route.fulfill({ body: picture, contentType: "image/jpeg" });
  const body = session[path];
  return body === undefined
    ? route.fulfill({ status: 404, json: { code: "not_found", detail: "none", title: "none", status: 404 } })
    : route.fulfill(
        typeof body === "string" ? { body, contentType: "text/vtt" } : { json: body, headers: { etag: "1" } },
      );
});
await page.goto(`${given.page}/jobs`);
await page.goto(`${given.page}/sessions/long`);
await page.locator("[data-word]").first().waitFor();

await page.addInitScript(() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
  }).observe({ type: "longtask", buffered: true });
});
const began = Date.now();
await page.goto(`${given.page}/sessions/long`);
await page.locator("[data-word]").first().waitFor();
const paint = Date.now() - began;
await page.waitForTimeout(1500);
const loading = await page.evaluate(() => {
  const found = window.longest;
  window.longest = 0;
  return found;
});
await page.locator(".transcript__pane").hover();
for (let at = 0; at < SCROLLS; at += 1) {
  await page.mouse.wheel(0, 900);
  await page.waitForTimeout(30);
}
const scrolling = await page.evaluate(() => window.longest);
await page.getByRole("tab", { name: "Lecturer" }).click();
await page.waitForTimeout(500);
await page.getByRole("tab", { name: "Slides" }).click();
await page.evaluate(() => {
  window.longest = 0;
});
for (let at = 0; at < SCROLLS; at += 1) {
  await page.mouse.move(300, 600);
  await page.mouse.wheel(0, 400);
  await page.waitForTimeout(30);
}
const slidesScrolling = await page.evaluate(() => window.longest);
const slides = await page.locator(".slide img").count();
const rows = await page.locator(".transcript__row").count();
const client = await context.newCDPSession(page);
const { usedSize } = await client.send("Runtime.getHeapUsage");
const heapMb = Math.round(usedSize / 1e6);
const tabMb = await tabMemoryMb();
const typing = await typed();
const editorTabMb = await tabMemoryMb();
console.log(
  JSON.stringify({ paint, loading, scrolling, slidesScrolling, rows, slides, heapMb, tabMb, ...typing, editorTabMb }),
);
await browser.close();

/**
 * Return the memory of the largest tab's process: its own pages, and its share of those that it has in common. What the
 * page before it left is collected first: a browser with enough memory waits with that.
 */
async function tabMemoryMb() {
  await client.send("HeapProfiler.collectGarbage");
  const system = await browser.newBrowserCDPSession();
  const { processInfo } = await system.send("SystemInfo.getProcessInfo");
  const shares = processInfo
    .filter((each) => each.type === "renderer")
    .map(({ id }) => Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf-8"))?.[1]));
  return Math.round((Math.max(...shares) * 1024) / 1e6);
}

/** Return a picture as large as slides are stored. */
async function slidePicture() {
  const stage = await context.newPage();
  await stage.setViewportSize({ width: 1280, height: 720 });
  await stage.setContent(`<h1 style="font: 60px sans-serif; padding: 3em">${"Water on its way. ".repeat(9)}</h1>`);
  const bytes = await stage.screenshot({ type: "jpeg" });
  await stage.close();
  return bytes;
}

/** Type into the middle of the talk, and let it be saved. */
async function typed() {
  await page.goto(`${given.page}/sessions/long?edit=true`);
  const row = page.locator(".erow__area").nth(4);
  await row.waitFor();
  await page.locator(".editor__pane").evaluate((pane) => pane.scrollTo(0, pane.scrollHeight / 2));
  await page.waitForTimeout(1500);
  await row.focus();
  await page.keyboard.press("Control+End");
  await page.evaluate(() => {
    window.longest = 0;
    window.slowestKey = 0;
    new PerformanceObserver((list) => {
      for (const { name, processingStart, processingEnd } of list.getEntries()) {
        if (/key|input/.test(name)) window.slowestKey = Math.max(window.slowestKey, processingEnd - processingStart);
      }
    }).observe({ type: "event", durationThreshold: 16 });
  });
  await page.keyboard.type(TYPED, { delay: 60 });
  const typingTask = await page.evaluate(() => window.longest);
  await page.locator(".editor__state--waiting").waitFor();
  await page.locator(".editor__state--saved").waitFor();
  const [slowestKey, savingTask] = await page.evaluate(() => [window.slowestKey, window.longest]);
  return { slowestKey, typingTask, savingTask };
}

/** Answer as the server does: the changed segment, with ids for new words. */
function saved(operations) {
  const segments = session["/results/transcript"].segments;
  const changed = new Map();
  for (const { op, wordIds, after, text } of operations) {
    const id = op === "insert" ? after : wordIds[0];
    const at = segments.findIndex((each) => each.words.some((word) => word.id === id));
    const [first, ...more] = op === "insert" ? ["", ...text.split(" ")] : text.split(" ");
    const words = segments[at].words.flatMap((word) =>
      word.id !== id
        ? [word]
        : [
            { ...word, word: first || word.word, confidence: 1 },
            ...more.map((each, number) => ({ ...word, id: `${id}.${number}`, word: each, start: word.end })),
          ],
    );
    segments[at] = { ...segments[at], words };
    changed.set(segments[at].id, segments[at]);
  }
  return { json: { version: 1, segments: [...changed.values()], removedSegmentIds: [] }, headers: { etag: "2" } };
}

function recording() {
  const gap = HOURS_SEC / WORDS;
  const segments = Array.from({ length: WORDS / 10 }, (_, id) => {
    const words = Array.from({ length: 10 }, (_, at) => {
      const start = (id * 10 + at) * gap;
      return {
        id: `w${id * 10 + at}`,
        word: `word${(id * 7 + at) % 997}${at === 9 ? "." : ""}`,
        start,
        end: start + gap * 0.9,
        confidence: 0.9,
      };
    });
    const text = words.map((word) => word.word).join(" ");
    return { id, start: words[0].start, end: words[9].end, text, confidence: 0.9, words };
  });
  const x = (t) => 0.5 + 0.4 * Math.sin(t / 40);
  const box = (t) => [x(t) - 0.05, 0.3, 0.1, 0.5];
  const times = Array.from({ length: POINTS }, (_, at) => at / 2);
  const bins = Array.from({ length: 2000 }, (_, at) => ({ t: at * 5.4, x: x(at * 5.4), minX: 0, maxX: 1 }));
  const chapters = Array.from({ length: 20 }, (_, at) => ({
    start: at * 540,
    end: (at + 1) * 540,
    title: `Chapter ${at + 1}`,
    reasons: [],
  }));
  const slides = Array.from({ length: SLIDES }, (_, at) => ({
    id: at + 1,
    title: `Slide ${at + 1}`,
    picture: `slide-${String(at + 1).padStart(4, "0")}.jpg`,
    lines: Array.from({ length: 8 }, (_, line) => ({ text: `line ${line} of the slide`, role: "body" })),
    visits: [[(at * HOURS_SEC) / SLIDES, ((at + 1) * HOURS_SEC) / SLIDES]],
    unspoken: ["term"],
  }));
  const ids = { version: "v1", sessionId: "long", jobId: "j" };
  const video = { index: 0, codec: "h264", width: 1920, height: 1080, rotation: 0, fps: 25 };
  const clock = (t) => new Date(t * 1000).toISOString().slice(11, 23);
  const cues = segments.map((each) => `${clock(each.start)} --> ${clock(each.end)}\n${each.text}`);
  return {
    "": {
      ...ids,
      sessionName: "Three hours",
      metadata: {},
      media: { streams: [video], durationSec: HOURS_SEC, sizeBytes: 1, container: "mp4", warnings: [] },
      hasTranscript: true,
      hasInstructorTrackingResult: true,
      jobs: [{ jobId: "j", status: "DONE", finishedAt: "2026-01-01T00:00:00Z" }],
      createdAt: "2026-01-01T00:00:00Z",
    },
    "/results/transcript": { ...ids, language: "en", durationSec: HOURS_SEC, engine: {}, segments, warnings: [] },
    "/results/instructor-tracking": {
      ...ids,
      frameDetections: times.map((t) => ({ t, detections: [{ box: box(t), score: 1, source: "plate" }] })),
      trackPoints: times.map((t) => ({ t, x: x(t), y: 0.5, box: box(t), confidence: 1, state: "observed" })),
      presence: [[0, HOURS_SEC]],
      gaps: [],
      derivedMetrics: { coveragePercent: 100, gapsCount: 0, longestGapSec: 0, totalDistance: 1, jitter: 0 },
      warnings: [],
    },
    "/results/track-plot": {
      ...ids,
      durationSec: HOURS_SEC,
      binSec: 5.4,
      positions: bins,
      presence: [],
      gaps: [],
      heatMap: { columns: 2, rows: 1, seconds: [[1, 2]] },
    },
    "/results/chapters": { ...ids, chapters },
    "/sidecar": { ...ids, artefacts: [{ name: "slides.json" }], scenes: [], thumbnails: [], renditions: [] },
    "/results/slides": { ...ids, slides, warnings: [] },
    "/captions": `WEBVTT\n\n${cues.join("\n\n")}\n`,
  };
}
