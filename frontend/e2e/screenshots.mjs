/**
 * Make the pictures of the documentation from a running stack that has processed the example.
 *
 * Usage, with `dev.py up` running and `examples/lecture.mp4` processed:
 * node e2e/screenshots.mjs '{"page": "http://localhost:8080", "chromium": "/usr/bin/chromium", "out": "../docs"}'
 */
import { launch } from "./browser.mjs";

const given = JSON.parse(process.argv[2]);
const WIDE = { width: 1360, height: 860 };
const PHONE = { width: 390, height: 844 };
const AT_SEC = 21;
const SETTLE_MS = 900;

const browser = await launch(given.chromium);
const { items } = await (await fetch(`${given.page}/api/sessions?limit=50`)).json();
const session = items.findLast((each) => each.hasSidecar);
if (!session) throw new Error("No recording is ready: process examples/lecture.mp4 first.");
const path = `/sessions/${session.sessionId}`;

await shoot("page", "light", WIDE, `${path}#t=${AT_SEC}`, withCaptions);
await shoot("page-dark", "dark", WIDE, `${path}#t=${AT_SEC}`, async (page) => {
  await withCaptions(page);
  await page.getByLabel("Find in this talk").fill("water");
  await page.getByLabel("Find in this talk").press("Enter");
});
await shoot("page-lecturer", "light", WIDE, `${path}#t=${AT_SEC}`, async (page) => {
  await page.getByRole("tab", { name: "Lecturer" }).click();
  await page.evaluate(() => document.querySelector(".session__tabs").scrollIntoView());
  await page.evaluate(() => document.activeElement.blur());
});
await shoot("page-editor", "light", WIDE, `${path}?edit=true#t=${AT_SEC}`, async (page) => {
  await page.locator(".erow").first().waitFor();
  await page.getByRole("button", { name: "Doubtful words" }).click();
});
await shoot("page-phone", "light", PHONE, `${path}#t=${AT_SEC}`, async () => {});
await shoot("page-search", "light", WIDE, "/search?q=water", async () => {});
await shoot("page-jobs", "light", WIDE, "/jobs", async (page) => {
  await fetch(`${given.page}/api${path}/process`, { method: "POST" });
  await page.locator(".job .meter").first().waitFor();
});
await browser.close();

async function shoot(name, colorScheme, viewport, address, prepare) {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  await page.goto(given.page + address);
  await page.waitForLoadState("networkidle").catch(() => undefined);
  await prepare(page);
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: `${given.out}/${name}.jpg`, type: "jpeg", quality: 88 });
  await context.close();
}

async function withCaptions(page) {
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  await page.getByRole("button", { name: "Captions", exact: true }).click();
  await page.waitForFunction(() => document.querySelector("video").textTracks[0]?.activeCues?.length > 0);
}
