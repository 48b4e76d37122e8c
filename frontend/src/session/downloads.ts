import type { Schemas } from "../api/client";

type Artefact = Schemas["ArtefactPayload"];

/** Return the path in the API that serves an artefact, or null where no route does. */
export function pathOf(sessionId: string, jobId: string, name: string): string | null {
  const of = (path: string) => `/sessions/${sessionId}/${path}${path.includes("?") ? "&" : "?"}jobId=${jobId}`;
  const transcript = /^transcript\.(json|vtt|srt|txt)$/.exec(name)?.[1];
  if (transcript) return of(`results/transcript?format=${transcript}`);
  const chapters = /^chapters\.(json|vtt)$/.exec(name)?.[1];
  if (chapters) return of(`results/chapters?format=${chapters}`);
  const picture = /^(thumbnails|slides|sprites)\/(.+)$/.exec(name);
  if (picture) return of(`${picture[1]}/${picture[2]}`);
  if (name.endsWith(".png")) return of(`pictures/${name}`);
  if (/\.(mp4|m4a)$/.test(name)) return of(`renditions/${name}`);
  if (name.endsWith(".json")) return of(`results/${name.replace(/\.json$/, "")}`);
  return null;
}

/** Return the files that a reader may want, without the single pictures of scenes and slides. */
export function wantedBy(artefacts: readonly Artefact[]): Artefact[] {
  return artefacts.filter((each) => !each.name.includes("/"));
}
