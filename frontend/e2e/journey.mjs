/**
 * Use the page as a reader without a mouse does, against a running stack: upload over a reload, watch, read, correct,
 * search, cancel, retry, delete. Every page is checked with axe in both themes. One step has the mouse.
 *
 * Usage: node journey.mjs '{"page": …, "api": …, "chromium": …, "recording": …, "screenshot": …}'
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { brokenRules, launch, setTheme } from "./browser.mjs";

const given = JSON.parse(process.argv[2]);
const PATIENCE_MS = 120_000;
const JOB_PATIENCE_MS = 300_000;
const SEEK_TOLERANCE_SEC = 0.1;
const MAX_TABS = 150;

const browser = await launch(given.chromium);
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
await context.addInitScript(() => {
  addEventListener("pointerdown", () => sessionStorage.setItem("pointer", "used"), true);
});
const page = await context.newPage();
page.setDefaultTimeout(PATIENCE_MS);
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));

const steps = [
  uploadsOverAReload,
  watches,
  reads,
  looks,
  corrects,
  mergesWithAnotherEditor,
  importsAndRestores,
  searches,
  cancelsAndRetries,
  operates,
  neededNoMouse,
  clicksAWord,
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

/** Ask until the answer is not falsy, and return it. `waitForFunction` takes a promise for the answer itself. */
async function until(ask) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await page.waitForTimeout(200)) {
    const answer = await ask();
    if (answer) return answer;
  }
  throw new Error(`Not so after ${PATIENCE_MS / 1000} s: ${ask}`);
}

/** Read a JSON answer of the API. */
async function read(path) {
  return (await fetch(given.api + path)).json();
}

/** Press Tab until the element has the focus. What waits for an answer is disabled, and Tab passes it by. */
async function tabTo(target, key = "Tab") {
  await target.waitFor({ state: "attached" });
  await until(() => target.isEnabled());
  for (let pressed = 0; pressed < MAX_TABS; pressed += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${MAX_TABS} times Tab do not lead to ${target}`);
}

/** Go to the element and press a key there, even if a dialog that closes late has taken the focus back. */
async function press(target, key = "Enter") {
  await tabTo(target);
  await target.press(key);
}

/** Close what a button has opened, and wait until the button has the focus again. */
async function escapeTo(opener) {
  await page.keyboard.press("Escape");
  await hasFocus(opener);
}

async function hasFocus(target) {
  await page.waitForFunction((element) => element === document.activeElement, await target.elementHandle());
}

/** Choose a file with the dialog that a key opens. */
async function choose(target, files) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), press(target)]);
  await chooser.setFiles(files);
}

function button(label, within = page) {
  return within.getByRole("button", { name: label, exact: true });
}

async function isAccessible() {
  for (const theme of ["light", "dark"]) {
    await setTheme(page, theme);
    assert.deepEqual(await brokenRules(page), [], `${page.url()} in the ${theme} theme`);
  }
}

/** The recording has four blocks. The second half is held back until the page was loaded again. */
async function uploadsOverAReload() {
  const blocks = [];
  let isHeld = true;
  await page.route(/comp=block&/, async (route) => {
    const block = new URL(route.request().url()).searchParams.get("blockid");
    if (isHeld && blocks.length > 1) return;
    blocks.push(block);
    await route.continue();
  });
  await page.goto(`${given.page}/submit`);
  await isAccessible();
  await choose(button("Choose a file"), given.recording);
  await page.getByRole("progressbar").waitFor();
  await until(() => page.evaluate(areTwoBlocksKept));
  await press(button("Pause"));
  await page.getByRole("heading", { name: `${basename(given.recording)} is paused` }).waitFor();
  await isAccessible();
  await press(button("Resume"));
  await page.getByRole("heading", { name: `Uploading ${basename(given.recording)}` }).waitFor();
  await page.reload();
  await page.getByText(`${basename(given.recording)} was not finished`).waitFor();
  isHeld = false; // the resumed upload of the page before has ended, and counts no block
  await page.getByText(/^5\d% has arrived/).waitFor();
  await isAccessible();
  await choose(button("Continue"), given.recording);
  await page.getByRole("heading", { name: "What it is" }).waitFor();
  assert.equal(new Set(blocks).size, blocks.length, "a block that had arrived was sent again");
  assert.equal(blocks.length, 4);
  await isAccessible();
  await tabTo(page.getByRole("textbox", { name: "Name How" }));
  await page.keyboard.press("Control+A");
  await page.keyboard.type(name);
}

/** Run in the page: tell whether the upload remembers two blocks as sent. */
function areTwoBlocksKept() {
  return new Promise((resolve) => {
    const opening = indexedDB.open("rostrum");
    opening.onsuccess = () => {
      const kept = opening.result.transaction("uploads").objectStore("uploads").getAll();
      kept.onsuccess = () => resolve(kept.result[0]?.done.length === 2);
    };
  });
}

/**
 * Begin the job and see what a row shows while it runs. The job may be faster than the page: until all of that was seen,
 * the list tells its end as the status before it, and the job itself is not told.
 */
async function watches() {
  const row = page.locator("li.job", { has: page.getByRole("heading", { name }) });
  const transcript = row.locator(".stage__name", { hasText: "Transcript" });
  const running = [row.getByRole("progressbar"), transcript, row.locator(".job__lines")];
  const seen = Promise.all(running.map((each) => each.waitFor({ timeout: JOB_PATIENCE_MS })));
  let isSeen = false;
  let job;
  const rereads = /\/api\/jobs(\/[^/?]+)?(\?.*)?$/;
  await page.route(rereads, async (route) => {
    const answer = await route.fetch({ timeout: JOB_PATIENCE_MS });
    const body = await answer.json();
    const isEnded = (each) => each.jobId === job && each.status === "DONE" && !isSeen;
    if (isEnded(body)) await seen;
    const items = body.items?.map((each) => (isEnded(each) ? { ...each, status: "TRANSCRIBED" } : each));
    await route.fulfill(body.items?.some(isEnded) ? { json: { ...body, items } } : { response: answer });
  });
  const begun = page.waitForResponse((answer) => answer.url().endsWith("/api/ingest/commit"));
  await press(button("Process this recording"));
  job = (await (await begun).json()).jobId;
  await seen;
  isSeen = true;
  await page.locator(`li[data-job="${job}"][data-status="DONE"]`).waitFor({ timeout: JOB_PATIENCE_MS });
  await page.unroute(rereads);
  await isAccessible();
  session = (await row.getByRole("link", { name }).getAttribute("href")).split("/").at(-1);
  await press(row.getByRole("link", { name }));
  await page.waitForURL(`**/sessions/${session}`);
}

async function reads() {
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  const words = await spoken();
  const number = Math.min(5, words.length - 1);
  const wanted = words[number];

  await tabTo(page.locator(".paragraph__time").first());
  for (let moved = 0; moved <= number; moved += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await isAt(wanted.start);
  await page.locator('[aria-current="true"][data-word]').waitFor();

  await page.waitForFunction(() => document.querySelector("video").textTracks.length === 1);
  await press(button("Captions"));
  await page.waitForFunction(() => document.querySelector("video").textTracks[0].cues?.length > 0);
  await press(button("Style of the captions"));
  await tabTo(page.getByRole("combobox", { name: "Size" }));
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.querySelector("video").style.getPropertyValue("--cue-size") === "1.5em");
  await isAccessible();
  await escapeTo(button("Style of the captions"));

  await page.keyboard.press("/");
  await hasFocus(page.locator(".find input"));
  await page.keyboard.type("k l/");
  assert.equal(await page.evaluate(() => document.querySelector("video").paused), true, "a key worked inside a field");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(wanted.word);
  await page.locator(".timeline__mark").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".word--current").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("k");
  await page.waitForFunction(() => !document.querySelector("video").paused);
  await page.keyboard.press("k");
  await page.waitForFunction(() => document.querySelector("video").paused);
}

/** Look at the track, the slides, the keys, and every file. */
async function looks() {
  const track = await read(`/sessions/${session}/results/instructor-tracking`);
  const seen = track.trackPoints[Math.floor(track.trackPoints.length / 2)].t;
  await page.goto(`${given.page}/sessions/${session}#t=${seen}`);
  await page.waitForFunction((at) => Math.abs(document.querySelector("video")?.currentTime - at) < 0.1, seen);
  await page.waitForFunction(() => {
    const canvas = document.querySelector("canvas.player__overlay");
    const drawn = canvas?.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return drawn ? drawn.some((value) => value > 0) : false;
  });
  await press(button("Follow lecturer"));
  await page.waitForFunction(() => document.querySelector("video").style.transform.startsWith("scale("));
  await press(button("Slide beside"));
  await page.locator(".beside img").waitFor();
  await press(button("Keys"));
  await isAccessible();
  await press(page.getByRole("checkbox"), "Space");
  await page.waitForFunction(() => localStorage.getItem("rostrum.letter-keys") === "off");
  await escapeTo(button("Keys"));

  await tabTo(page.getByRole("tab", { name: "Chapters" }));
  for (const tab of ["Chapters", "Slides", "Lecturer", "Details and files"]) {
    await page.locator('[role="tab"][data-state="active"]', { hasText: tab }).waitFor();
    await isAccessible();
    if (tab !== "Details and files") await page.keyboard.press("ArrowRight");
  }
  await page.locator("a.file").first().waitFor();
  const broken = await page.locator("a.file").evaluateAll(async (links) => {
    const answers = await Promise.all(links.map((link) => fetch(link.href, { method: "HEAD" })));
    return answers.filter((answer) => !answer.ok).map((answer) => `${answer.status} ${answer.url}`);
  });
  assert.deepEqual(broken, []);
  assert.equal((await page.locator('script[type="application/ld+json"]').textContent()).includes("VideoObject"), true);
}

/** Correct the text, from the reading view and back; it survives a reload. */
async function corrects() {
  await page.goto(`${given.page}/sessions/${session}`);
  await press(button("Correct"));
  await rowsOf(page).first().waitFor();
  await isAccessible();
  const before = await textsOf(page);
  await tabTo(rowsOf(page).first());
  await page.keyboard.press("F8");
  await page.locator(".epanel").waitFor();
  await isAccessible();
  await press(page.getByRole("button", { name: /^Doubtful words/ }));
  await page.locator(".epanel").waitFor({ state: "detached" });
  await tabTo(rowsOf(page).first());

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
  await showsTexts(split);

  await page.reload();
  await showsTexts(split);
  assert.equal(await page.getByLabel("Speaker").first().inputValue(), "Ada");
  await tabTo(rowsOf(page).nth(1));
  await page.keyboard.press("Home");
  await page.keyboard.press("Backspace");
  await isSaved(page);
  await showsTexts([`${before[0]} indeed`, ...before.slice(1)]);
  await page.keyboard.press("Control+z");
  await isSaved(page);
  await showsTexts(split);
  await page.keyboard.press("Control+f");
  await hasFocus(page.getByRole("textbox", { name: "Find", exact: true }));
  await page.keyboard.type("indeed");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type("certainly");
  await isAccessible();
  await press(button("Replace all 1"));
  await isSaved(page);
  await press(button("Done"));
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
  await press(button("Done"));
  await page.getByText("Decide first").waitFor();
  await press(button("Take yours"));
  await isSaved(page);
  await showsTexts([`${before[0]} mine`, `${before[1]} theirs`, `${before[2]} mine`, ...before.slice(3)]);
  await other.close();
}

/** Import a corrected file, say that the text is reviewed, and go back to what the machine wrote. */
async function importsAndRestores() {
  const captions = await captionsSay("mine", "theirs");
  const corrected = {
    name: "corrected.vtt",
    mimeType: "text/vtt",
    buffer: Buffer.from(captions.replace("mine", "ours")),
  };
  await press(button("Versions"));
  await page.getByText("As the machine wrote it").waitFor();
  await isAccessible();
  await choose(page.locator('.epanel input[type="file"]'), corrected);
  await page.getByText(/^Imported; \d+ words? changed/).waitFor();
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".erow__area")].some((area) => area.value.includes("ours")),
  );
  await tabTo(page.getByRole("combobox", { name: "State of the transcript" }));
  await page.keyboard.press("ArrowDown");
  await until(async () => (await read(`/sessions/${session}`)).transcriptReview?.state === "reviewed");
  await press(button("Back to this"));
  await press(button("Restore it"));
  await page.getByText("Restored.").waitFor();
  const { segments } = await read(`/sessions/${session}/results/transcript?version=0`);
  await showsTexts(segments.map((segment) => segment.text));
  await press(button("Done"));
  await page.locator(".transcript .word").first().waitFor();
}

function rowsOf(shown) {
  return shown.locator(".erow__area");
}

function textsOf(shown) {
  return rowsOf(shown).evaluateAll((areas) => areas.map((area) => area.value));
}

/** Wait until the editor's rows are these. */
async function showsTexts(wanted) {
  const areSame = (texts) => {
    const areas = [...document.querySelectorAll(".erow__area")];
    return areas.length === texts.length && areas.every((area, at) => area.value === texts[at]);
  };
  await page.waitForFunction(areSame, wanted).catch(async () => assert.deepEqual(await textsOf(page), wanted));
}

/** Append a word in one go: the editor saves by itself, and might do so in the middle of a word that is typed. */
async function appendTo(shown, row, word) {
  await rowsOf(shown).nth(row).focus();
  await shown.keyboard.press("Control+End");
  await shown.keyboard.insertText(` ${word}`);
}

/** Wait until everything that was typed is in a version. */
async function isSaved(shown) {
  await shown.keyboard.press("Control+s");
  await shown.waitForFunction(() => document.querySelector(".editor__state--saved") !== null);
}

/** Wait until the captions have these texts, and return them: a worker writes them after each version. */
async function captionsSay(...texts) {
  return until(async () => {
    const captions = await (await fetch(`${given.api}/sessions/${session}/results/transcript?format=vtt`)).text();
    const areThere = texts.every((each) => captions.includes(each)) && !captions.includes("auto-generated");
    return areThere && captions;
  });
}

async function spoken() {
  const transcript = await read(`/sessions/${session}/results/transcript`);
  return transcript.segments.flatMap((segment) => segment.words);
}

async function isAt(time) {
  await page.waitForFunction(
    ([at, tolerance]) => {
      const video = document.querySelector("video");
      return video && !video.seeking && Math.abs(video.currentTime - at) <= tolerance;
    },
    [time, SEEK_TOLERANCE_SEC],
  );
}

/** Find a word that was said, and a title that was shown. */
async function searches() {
  const said = (await spoken()).find((each) => each.word.length > 4).word.replace(/\W/g, "");
  const { slides } = await read(`/sessions/${session}/results/slides`);
  const { title } = slides.find((slide) => slide.title);
  for (const [phrase, isSlide] of [
    [said, false],
    [`"${title}"`, true],
  ]) {
    await isIndexed(phrase, isSlide ? "slide" : "speech");
    await page.goto(`${given.page}/search`);
    await isAccessible();
    await tabTo(page.getByRole("searchbox"));
    await page.keyboard.type(phrase);
    await page.keyboard.press("Enter");
    const moments = page.locator(`.found:has([href*="${session}"]) .moment`);
    const moment = (isSlide ? moments.filter({ has: page.locator(".moment__source") }) : moments).first();
    await moment.waitFor();
    await isAccessible();
    await press(moment);
    await page.waitForURL(/\/sessions\/.*#t=/);
    await isAt(Number(new URL(page.url()).hash.slice(3)));
  }
}

/** Wait until the index has the newest text: a task of the worker writes it, and the page asks once. */
async function isIndexed(phrase, source) {
  await until(async () => {
    const { items } = await read(`/search?q=${encodeURIComponent(phrase)}`);
    return items.some((each) => each.sessionId === session && each.source === source);
  });
}

async function cancelsAndRetries() {
  const body = JSON.stringify({ sourceUrl: "https://rostrum.invalid/a.mp4", sessionName: "Later", delaySeconds: 3600 });
  const headers = { "Content-Type": "application/json" };
  const job = await (await fetch(`${given.api}/jobs`, { method: "POST", headers, body })).json();
  await page.goto(`${given.page}/jobs`);
  const row = page.locator(`li[data-job="${job.jobId}"]`);
  await press(row.getByRole("button", { name: "Cancel" }));
  await button("Cancel the job").waitFor();
  await isAccessible();
  await press(button("Cancel the job"));
  await page.locator(`li[data-job="${job.jobId}"][data-status="CANCELED"]`).waitFor();
  await press(row.getByRole("button", { name: "Try again" }));
  await page.locator(`li[data-job="${job.jobId}"]:not([data-status="CANCELED"])`).waitFor();
}

async function operates() {
  await press(page.getByRole("link", { name: "Operations" }));
  await page.getByRole("rowheader", { name: "downloads", exact: true }).waitFor();
  await isAccessible();
  await page.goto(`${given.page}/nowhere`);
  await page.getByText("There is no such page").waitFor();
  await isAccessible();
}

async function neededNoMouse() {
  assert.equal(await page.evaluate(() => sessionStorage.getItem("pointer")), null);
}

async function clicksAWord() {
  const words = await spoken();
  const number = Math.min(7, words.length - 1);
  await page.goto(`${given.page}/sessions/${session}`);
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  await page.locator(`[data-word="${number}"]`).click();
  await isAt(words[number].start);
}

async function deletes() {
  await press(page.getByRole("link", { name: "Recordings", exact: true }));
  const row = page.locator("li.job", { has: page.getByRole("heading", { name }) });
  await press(row.getByRole("button", { name: "Delete" }));
  await press(button("Delete for good"));
  await row.waitFor({ state: "detached" });
  await until(async () => (await fetch(`${given.api}/sessions/${session}`)).status === 404);
  await until(async () => (await read(`/jobs?sessionId=${session}`)).items.length === 0);
  await page.goto(`${given.page}/sessions/${session}`);
  await page.getByText("There is no such recording").waitFor();
  await isAccessible();
}
