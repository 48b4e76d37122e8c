/**
 * Use the page as a reader does, against a running stack: upload over a reload, watch, read, search, cancel, retry,
 * delete. Every page is checked with axe in both themes.
 *
 * Usage: node journey.mjs '{"page": …, "api": …, "chromium": …, "recording": …, "screenshot": …}'
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { brokenRules, launch, setTheme } from "./browser.mjs";

const given = JSON.parse(process.argv[2]);
const PATIENCE_MS = 60_000;
const JOB_PATIENCE_MS = 240_000;
const SEEK_TOLERANCE_SEC = 0.1;

const browser = await launch(given.chromium);
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
page.setDefaultTimeout(PATIENCE_MS);
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));

const steps = [
  uploadsOverAReload,
  watches,
  reads,
  corrects,
  mergesWithAnotherEditor,
  searches,
  cancelsAndRetries,
  operates,
  deletes,
];
const name = `Water on its way ${Date.now() % 1_000_000}`;
let session = "";

try {
  for (const step of steps) {
    const began = Date.now();
    await step();
    console.log(`${step.name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  assert.deepEqual(complaints, []);
} catch (error) {
  await page.screenshot({ path: given.screenshot });
  console.error(`at ${page.url()}, seen in ${given.screenshot}`);
  throw error;
} finally {
  await browser.close();
}

async function isAccessible() {
  for (const theme of ["light", "dark"]) {
    await setTheme(page, theme);
    assert.deepEqual(await brokenRules(page), [], `${page.url()} in the ${theme} theme`);
  }
}

/** The recording has several blocks. All but the first are held back until the page was loaded again. */
async function uploadsOverAReload() {
  const blocks = [];
  let isHeld = true;
  await page.route(/comp=block&/, async (route) => {
    const block = new URL(route.request().url()).searchParams.get("blockid");
    if (isHeld && blocks.length > 0) return;
    blocks.push(block);
    await route.continue();
  });
  await page.goto(`${given.page}/submit`);
  await isAccessible();
  await page.locator(".drop input[type=file]").setInputFiles(given.recording);
  await page.getByRole("progressbar").waitFor();
  await page.waitForFunction(
    () =>
      new Promise((resolve) => {
        const opening = indexedDB.open("rostrum");
        opening.onsuccess = () => {
          const kept = opening.result.transaction("uploads").objectStore("uploads").getAll();
          kept.onsuccess = () => resolve(kept.result[0]?.done.length === 1);
        };
      }),
  );
  isHeld = false;
  await page.reload();
  await page.getByText(`${basename(given.recording)} was not finished`).waitFor();
  await page.locator(".upload input[type=file]").setInputFiles(given.recording);
  await page.getByRole("heading", { name: "What it is" }).waitFor();
  assert.equal(new Set(blocks).size, blocks.length, "a block that had arrived was sent again");
  assert.ok(blocks.length >= 3, `${blocks.length} blocks`);
  await isAccessible();
  await page.getByLabel("Name", { exact: false }).first().fill(name);
  await page.getByRole("button", { name: "Process this recording" }).click();
}

async function watches() {
  const row = page.locator("li.job", { has: page.getByRole("heading", { name }) });
  await row.waitFor();
  await row.getByRole("progressbar").waitFor();
  await row.getByText("Transcript").waitFor();
  const job = await row.getAttribute("data-job");
  await page.locator(`li[data-job="${job}"][data-status="DONE"]`).waitFor({ timeout: JOB_PATIENCE_MS });
  await isAccessible();
  session = (await row.getByRole("link", { name }).getAttribute("href")).split("/").at(-1);
}

async function reads() {
  await page.goto(`${given.page}/sessions/${session}`);
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  const transcript = await (await fetch(`${given.api}/sessions/${session}/results/transcript`)).json();
  const words = transcript.segments.flatMap((segment) => segment.words);
  const wanted = words[Math.min(5, words.length - 1)];

  await page.locator(`[data-word="${words.indexOf(wanted)}"]`).click();
  await page.waitForFunction(() => !document.querySelector("video").seeking);
  const time = await page.evaluate(() => document.querySelector("video").currentTime);
  assert.ok(Math.abs(time - wanted.start) <= SEEK_TOLERANCE_SEC, `${time} instead of ${wanted.start}`);
  await page.locator('[aria-current="true"][data-word]').waitFor();

  await page.waitForFunction(() => document.querySelector("video").textTracks.length === 1);
  await page.evaluate(() => {
    document.querySelector("video").textTracks[0].mode = "showing";
  });
  await page.waitForFunction(() => document.querySelector("video").textTracks[0].cues?.length > 0);

  const drawn = () =>
    page.evaluate(() => {
      const canvas = document.querySelector("canvas.player__overlay");
      return canvas
        .getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height)
        .data.some((value) => value > 0);
    });
  const track = await (await fetch(`${given.api}/sessions/${session}/results/instructor-tracking`)).json();
  const seen = track.trackPoints[Math.floor(track.trackPoints.length / 2)].t;
  await page.evaluate((hash) => {
    window.location.hash = hash;
  }, `t=${seen}`);
  await page.waitForFunction((at) => Math.abs(document.querySelector("video").currentTime - at) < 0.1, seen);
  assert.ok(await drawn(), "the lecturer's box is not drawn");
  await page.getByRole("button", { name: "Follow lecturer" }).click();
  await page.waitForFunction(() => document.querySelector("video").style.transform.startsWith("scale("));

  await page.getByRole("heading", { name }).click();
  await page.keyboard.press("/");
  await page.keyboard.type(wanted.word);
  await page.locator(".timeline__mark").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".word--current").waitFor();
  await page.getByRole("heading", { name }).click();
  await page.keyboard.press("k");
  await page.waitForFunction(() => !document.querySelector("video").paused);
  await page.keyboard.press("k");
  await page.waitForFunction(() => document.querySelector("video").paused);

  await page.keyboard.press("Escape");
  for (const tab of ["Chapters", "Lecturer", "Details and files"]) {
    await page.getByRole("tab", { name: tab }).click();
    await isAccessible();
  }
  assert.equal((await page.locator('script[type="application/ld+json"]').textContent()).includes("VideoObject"), true);
}

/** Correct the text with the keyboard alone, from the reading view and back; the text survives a reload. */
async function corrects() {
  await page.goto(`${given.page}/sessions/${session}`);
  await page.getByRole("button", { name: "Correct", exact: true }).focus();
  await page.keyboard.press("Enter");
  await rowsOf(page).first().waitFor();
  await isAccessible();
  const before = await textsOf(page);
  await page.getByRole("button", { name: "Keys" }).focus();
  for (let tabs = 0; tabs < 10 && !(await isInText(page)); tabs += 1) await page.keyboard.press("Tab");
  assert.ok(await isInText(page), "no key leads into the text");

  await page.keyboard.press("End");
  await page.keyboard.type(" indeed");
  await page.keyboard.press("Control+ArrowLeft");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("video").paused);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("video").paused);
  await isSaved(page);
  const split = [before[0], "indeed", ...before.slice(1)];
  assert.deepEqual(await textsOf(page), split);

  await page.reload();
  await rowsOf(page).first().waitFor();
  assert.deepEqual(await textsOf(page), split);
  assert.equal(await page.getByLabel("Speaker").first().inputValue(), "Ada");
  await rowsOf(page).nth(1).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Backspace");
  await isSaved(page);
  assert.equal((await textsOf(page))[0], `${before[0]} indeed`);
  await page.keyboard.press("Control+z");
  await isSaved(page);
  assert.deepEqual(await textsOf(page), split);
  await page.keyboard.press("Control+f");
  await page.keyboard.type("indeed");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type("certainly");
  await page.getByRole("button", { name: "Replace all 1" }).press("Enter");
  await isSaved(page);
  await page.getByRole("button", { name: "Versions" }).press("Enter");
  await page.getByText("As the machine wrote it").waitFor();
  await isAccessible();
  await page.getByRole("button", { name: "Done" }).press("Enter");
  await page.locator(".transcript .word", { hasText: "certainly" }).waitFor();
  await captionsSay("<v Ada>certainly");
}

/** Two pages edit one text: what only one changed is taken, and what both changed is asked about. */
async function mergesWithAnotherEditor() {
  const other = await context.newPage();
  for (const each of [page, other]) {
    await each.goto(`${given.page}/sessions/${session}?edit=true`);
    await rowsOf(each).nth(2).waitFor();
  }
  const before = await textsOf(page);
  await appendTo(other, 1, "theirs");
  await appendTo(other, 2, "theirs");
  await isSaved(other);
  await appendTo(page, 2, "mine");
  await appendTo(page, 0, "mine");
  await page.getByText("was changed by both of you").waitFor();
  await isAccessible();
  await page.getByRole("button", { name: "Take yours" }).press("Enter");
  await isSaved(page);
  const merged = [`${before[0]} mine`, `${before[1]} theirs`, `${before[2]} mine`];
  assert.deepEqual((await textsOf(page)).slice(0, 3), merged);
  await captionsSay("mine", "theirs");
  await other.close();
}

function rowsOf(shown) {
  return shown.locator(".erow__area");
}

function textsOf(shown) {
  return rowsOf(shown).evaluateAll((areas) => areas.map((area) => area.value));
}

function isInText(shown) {
  return shown.evaluate(() => document.activeElement.classList.contains("erow__area"));
}

async function appendTo(shown, row, word) {
  await rowsOf(shown).nth(row).focus();
  await shown.keyboard.press("Control+End");
  await shown.keyboard.type(` ${word}`);
}

/** Wait until everything that was typed is in a version. */
async function isSaved(shown) {
  await shown.keyboard.press("Control+s");
  await shown.waitForFunction(() => document.querySelector(".editor__state--saved") !== null);
}

async function captionsSay(...texts) {
  const path = `/api/sessions/${session}/results/transcript?format=vtt`;
  await page.waitForFunction(
    async ([address, wanted]) => {
      const captions = await (await fetch(address)).text();
      return wanted.every((each) => captions.includes(each)) && !captions.includes("auto-generated");
    },
    [path, texts],
    { polling: 1000 },
  );
}

async function searches() {
  const transcript = await (await fetch(`${given.api}/sessions/${session}/results/transcript`)).json();
  const word = transcript.segments.flatMap((segment) => segment.words).find((each) => each.word.length > 4);
  await page.goto(`${given.page}/search`);
  await isAccessible();
  await page.getByRole("searchbox").fill(word.word.replace(/\W/g, ""));
  await page.keyboard.press("Enter");
  const moment = page.locator(".moment").first();
  await moment.waitFor();
  await isAccessible();
  await moment.click();
  await page.waitForURL(/\/sessions\/.*#t=/);
  const wanted = Number(new URL(page.url()).hash.slice(3));
  await page.waitForFunction((at) => Math.abs((document.querySelector("video")?.currentTime ?? -1) - at) < 0.1, wanted);
}

async function cancelsAndRetries() {
  const body = JSON.stringify({ sourceUrl: "https://rostrum.invalid/a.mp4", sessionName: "Later", delaySeconds: 3600 });
  const headers = { "Content-Type": "application/json" };
  const job = await (await fetch(`${given.api}/jobs`, { method: "POST", headers, body })).json();
  await page.goto(`${given.page}/jobs`);
  const row = page.locator(`li[data-job="${job.jobId}"]`);
  await row.getByRole("button", { name: "Cancel" }).focus();
  await page.keyboard.press("Enter");
  await isAccessible();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(`li[data-job="${job.jobId}"][data-status="CANCELED"]`).waitFor();
  await row.getByRole("button", { name: "Try again" }).click();
  await page.locator(`li[data-job="${job.jobId}"]:not([data-status="CANCELED"])`).waitFor();
}

async function operates() {
  await page.getByRole("link", { name: "Operations" }).click();
  await page.getByRole("rowheader", { name: "downloads", exact: true }).waitFor();
  await isAccessible();
}

async function deletes() {
  await page.getByRole("link", { name: "Recordings", exact: true }).click();
  const row = page.locator("li.job", { has: page.getByRole("heading", { name }) });
  await row.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete for good" }).click();
  await row.waitFor({ state: "detached" });
  await page.waitForFunction(async (path) => (await fetch(path)).status === 404, `/api/sessions/${session}`);
  await page.goto(`${given.page}/sessions/${session}`);
  await page.getByText("There is no such recording").waitFor();
  await isAccessible();
}
