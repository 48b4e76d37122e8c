import { HttpResponse, http } from "msw";
import { beforeEach, expect, it } from "vitest";
import { server } from "../testing/server";
import { gatewayTo, remember } from "./gateway";

const ADDRESS = "*/api/vocabularies/corrections";
let put: unknown[] = [];

beforeEach(() => {
  put = [];
  server.use(
    http.put(ADDRESS, async ({ request }) => {
      put.push(await request.json());
      return HttpResponse.json({});
    }),
  );
});

it("adds a term to those that the vocabulary has", async () => {
  server.use(http.get(ADDRESS, () => HttpResponse.json({ terms: ["Delaunay", "Voronoi"] })));
  await remember("corrections", "Voronoi");
  await remember("corrections", "simplex");
  expect(put).toEqual([{ terms: ["Delaunay", "Voronoi", "simplex"] }]);
});

it("makes a vocabulary that is missing", async () => {
  server.use(http.get(ADDRESS, () => HttpResponse.json({}, { status: 404 })));
  await remember("corrections", "Voronoi");
  expect(put).toEqual([{ terms: ["Voronoi"] }]);
});

it("adds its term to those of an editor who was faster", async () => {
  const stored = { terms: ["Delaunay"], version: 1 };
  server.use(
    http.get(ADDRESS, () => HttpResponse.json({ terms: stored.terms }, { headers: { ETag: `"${stored.version}"` } })),
    http.put(ADDRESS, async ({ request }) => {
      const { terms } = (await request.json()) as { terms: string[] };
      if (request.headers.get("If-Match") !== `"${stored.version}"`) return HttpResponse.json({}, { status: 412 });
      stored.terms = terms;
      stored.version += 1;
      return HttpResponse.json({});
    }),
  );
  await Promise.all(["Voronoi", "simplex", "Noether"].map((term) => remember("corrections", term)));
  expect(stored.terms.toSorted()).toEqual(["Delaunay", "Noether", "Voronoi", "simplex"]);
});

it.each([429, 500, 503])("does not write a vocabulary that cannot be read (%i)", async (status) => {
  server.use(http.get(ADDRESS, () => HttpResponse.json({}, { status })));
  await expect(remember("corrections", "Voronoi")).rejects.toMatchObject({ status });
  server.use(http.get(ADDRESS, () => HttpResponse.error()));
  await expect(remember("corrections", "Voronoi")).rejects.toMatchObject({ status: 0 });
  expect(put).toEqual([]);
});

it("reads the threshold of doubtful words, which transcripts of earlier versions lack", async () => {
  const bodies = [{ segments: [], doubtfulBelow: 0.6 }, { segments: [] }];
  server.use(http.get("*/api/sessions/s1/results/transcript", () => HttpResponse.json(bodies.shift() ?? null)));
  const read = gatewayTo("s1").read;
  expect([(await read()).doubtfulBelow, (await read()).doubtfulBelow]).toEqual([0.6, 0.5]);
});
