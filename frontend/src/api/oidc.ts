import { config, type OidcSettings } from "./config";
import { saveToken } from "./token";

/**
 * Sign in with an OpenID provider: the authorization code flow with PKCE, which needs no secret in the page.
 *
 * https://www.rfc-editor.org/rfc/rfc7636 and https://www.rfc-editor.org/rfc/rfc9700#name-authorization-code-grant
 */
const KEY = "rostrum.sign-in";

interface Begun {
  verifier: string;
  state: string;
  returnTo: string;
}

interface Provider {
  authorization_endpoint: string;
  token_endpoint: string;
}

/** Go to the provider's page; it leads back to this one with a code. */
export async function beginSignIn(settings: OidcSettings, go = (address: string) => location.assign(address)) {
  const { authorization_endpoint } = await discover(settings);
  const begun: Begun = { verifier: random(), state: random(), returnTo: location.pathname + location.search };
  sessionStorage.setItem(KEY, JSON.stringify(begun));
  const address = new URL(authorization_endpoint);
  const query = {
    response_type: "code",
    client_id: settings.clientId,
    redirect_uri: `${location.origin}/`,
    scope: settings.scope,
    state: begun.state,
    code_challenge: await challengeOf(begun.verifier),
    code_challenge_method: "S256",
    ...(settings.audience ? { audience: settings.audience } : {}),
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  go(address.href);
}

/** Turn the code that the provider sent back with into a token, if the page was opened with one. */
export async function finishSignIn(): Promise<void> {
  const { oidc } = config();
  const given = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(KEY);
  const code = given.get("code");
  if (!oidc || !kept || !code) return;
  sessionStorage.removeItem(KEY);
  const begun = JSON.parse(kept) as Begun;
  if (given.get("state") !== begun.state) return;
  history.replaceState(null, "", begun.returnTo);
  const { token_endpoint } = await discover(oidc);
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: oidc.clientId,
    code,
    code_verifier: begun.verifier,
    redirect_uri: `${location.origin}/`,
  });
  const answer = await fetch(token_endpoint, { method: "POST", body });
  const made: unknown = answer.ok ? await answer.json() : null;
  if (typeof made === "object" && made !== null && "access_token" in made && typeof made.access_token === "string") {
    saveToken(made.access_token);
  }
}

async function discover({ issuer }: OidcSettings): Promise<Provider> {
  const answer = await fetch(`${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error(`${issuer} answered with status ${answer.status}.`);
  return (await answer.json()) as Provider;
}

function random(): string {
  return encoded(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier: string): Promise<string> {
  return encoded(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function encoded(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
