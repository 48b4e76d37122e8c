/**
 * Use the page of an installation that asks for tokens: paste a wrong and a right one, sign out, and sign in with a
 * provider.
 *
 * Usage: node tokens.mjs '{"pasted": …, "signedIn": …, "chromium": …, "token": …, "recording": …}', with the addresses of a
 * page without and one with `oidc` in its `config.json`, and the name of a recording that the token may see.
 */
import assert from "node:assert/strict";
import { brokenRules, launch, setTheme } from "./browser.mjs";

const given = JSON.parse(process.argv[2]);
const browser = await launch(given.chromium);

try {
  await pastes(await newPage());
  await signsIn(await newPage());
} finally {
  await browser.close();
}

async function newPage() {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(120_000);
  return page;
}

/** The dialog has the focus: its first field takes what is typed. */
async function pastes(page) {
  const dialog = page.getByRole("dialog", { name: "An access token is needed" });
  const row = page.getByRole("heading", { name: given.recording });
  await page.goto(`${given.pasted}/jobs`);
  await dialog.waitFor();
  for (const theme of ["light", "dark"]) {
    await setTheme(page, theme);
    assert.deepEqual(await brokenRules(page), [], `the dialog in the ${theme} theme`);
  }
  assert.equal(await dialog.getByRole("button", { name: "Sign in" }).count(), 0);
  const refused = page.waitForResponse((answer) => answer.status() === 401 && hasToken(answer, "wrong"));
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await refused;
  await dialog.waitFor();
  await dialog.getByLabel("Access token").fill(given.token);
  await dialog.getByLabel("Access token").press("Enter");
  await row.waitFor();
  await dialog.waitFor({ state: "detached" });
  await page.reload();
  await row.waitFor();
  assert.equal(await dialog.count(), 0, "a reload in the same tab asked again");
  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.reload();
  await dialog.waitFor();
}

function hasToken(answer, token) {
  return answer.request().headers().authorization === `Bearer ${token}`;
}

async function signsIn(page) {
  await page.goto(`${given.signedIn}/jobs?show=active`);
  await page.getByRole("button", { name: "Sign in" }).press("Enter");
  await page.getByRole("heading", { name: given.recording }).waitFor();
  assert.equal(page.url(), `${given.signedIn}/jobs?show=active`);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("rostrum.sign-in")), null);
}
