import { HttpResponse, http } from "msw";
import { beforeEach, expect, it } from "vitest";
import { server } from "../testing/server";
import { config, loadConfig } from "./config";
import { beginSignIn, finishSignIn } from "./oidc";
import { readToken } from "./token";

const ISSUER = "https://id.example.com/tenant";
const OIDC = { issuer: `${ISSUER}/`, clientId: "page", scope: "openid jobs", audience: "rostrum" };
const asked: URLSearchParams[] = [];

beforeEach(async () => {
  asked.length = 0;
  server.use(
    http.get("*/config.json", () => HttpResponse.json({ apiBase: "/api", oidc: OIDC })),
    http.get(`${ISSUER}/.well-known/openid-configuration`, () =>
      HttpResponse.json({ authorization_endpoint: `${ISSUER}/authorize`, token_endpoint: `${ISSUER}/token` }),
    ),
    http.post(`${ISSUER}/token`, async ({ request }) => {
      asked.push(new URLSearchParams(await request.text()));
      return HttpResponse.json({ access_token: "a-token" });
    }),
  );
  await loadConfig();
});

async function begun(): Promise<URL> {
  history.replaceState(null, "", "/sessions/s1?edit=true");
  let address = "";
  await beginSignIn(OIDC, (to) => {
    address = to;
  });
  return new URL(address);
}

it("signs in: to the provider with a challenge, and back to the page with a token", async () => {
  const address = await begun();
  expect(address.origin + address.pathname).toBe(`${ISSUER}/authorize`);
  const query = Object.fromEntries(address.searchParams);
  expect(query).toMatchObject({ client_id: "page", response_type: "code", audience: "rostrum", scope: "openid jobs" });

  history.replaceState(null, "", `/?code=c1&state=${query.state}`);
  await finishSignIn();
  expect([readToken(), location.pathname + location.search]).toEqual(["a-token", "/sessions/s1?edit=true"]);
  const [sent] = asked;
  expect([sent?.get("code"), sent?.get("grant_type")]).toEqual(["c1", "authorization_code"]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sent?.get("code_verifier") ?? ""));
  const challenge = btoa(String.fromCharCode(...new Uint8Array(digest)));
  expect(query.code_challenge).toBe(challenge.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
});

it("takes no code that another page asked for", async () => {
  await begun();
  history.replaceState(null, "", "/?code=c1&state=other");
  await finishSignIn();
  expect([readToken(), asked]).toEqual([null, []]);
});

it("has no provider unless the settings name one whole", async () => {
  server.use(http.get("*/config.json", () => HttpResponse.json({ apiBase: "/api", oidc: { issuer: ISSUER } })));
  await loadConfig();
  expect(config().oidc).toBeNull();
});
