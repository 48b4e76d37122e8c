import type { Schemas } from "../api/types";
import { messages } from "../messages";

type Artefact = Schemas["ArtefactPayload"];
type Named = keyof typeof messages.session.files;

/** A file to download. */
export interface Download {
  name: string;
  /** What it is; the name alone where the page does not know it. */
  label: string | null;
  path: string;
  sizeBytes: number | undefined;
}

const GROUPS = ["text", "media", "track", "data"] as const;
export type Group = (typeof GROUPS)[number];

const NAMES: Record<Group, readonly Named[]> = {
  text: [
    "transcript.txt",
    "transcript.html",
    "transcript.vtt",
    "transcript.srt",
    "transcript.json",
    "words.vtt",
    "chapters.vtt",
    "chapters.json",
    "podcast-chapters.json",
  ],
  media: ["rendition.mp4", "audio.m4a", "follow.mp4", "track-overlay.mp4"],
  track: [
    "instructor-tracking.json",
    "track-plot.json",
    "track-heatmap.png",
    "track-x.png",
    "instructor-by-segment.json",
  ],
  data: ["slides.json", "quality.json", "peaks.json"],
};

/** Return the path in the API that serves an artefact, or null where no route does. */
export function pathOf(sessionId: string, jobId: string, name: string): string | null {
  const of = (path: string) => `/sessions/${sessionId}/${path}${path.includes("?") ? "&" : "?"}jobId=${jobId}`;
  const transcript = /^transcript\.(json|vtt|srt|txt|html)$/.exec(name)?.[1];
  if (transcript) return of(`results/transcript?format=${transcript}`);
  if (name === "words.vtt") return of("results/transcript?format=words");
  const chapters = /^chapters\.(json|vtt)$/.exec(name)?.[1];
  if (chapters) return of(`results/chapters?format=${chapters}`);
  if (name === "podcast-chapters.json") return of("results/chapters?format=podcast");
  const picture = /^(thumbnails|slides|sprites)\/(.+)$/.exec(name);
  if (picture) return of(`${picture[1]}/${picture[2]}`);
  if (name.endsWith(".png")) return of(`pictures/${name}`);
  if (/\.(mp4|m4a)$/.test(name)) return of(`renditions/${name}`);
  if (name.endsWith(".json")) return of(`results/${name.replace(/\.json$/, "")}`);
  return null;
}

/** Return the files that a reader may want, in groups, without the single pictures of scenes and slides. */
export function downloadsOf(sessionId: string, jobId: string, artefacts: readonly Artefact[]): [Group, Download[]][] {
  const labels: Record<string, string> = messages.session.files;
  const order: readonly string[] = GROUPS.flatMap((group) => NAMES[group]);
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const groupOf = (name: string) =>
    GROUPS.find((group) => (NAMES[group] as readonly string[]).includes(name)) ?? "data";
  const wanted = artefacts
    .filter((each) => !each.name.includes("/"))
    .toSorted((one, other) => rank(one.name) - rank(other.name))
    .flatMap(({ name, sizeBytes }) => {
      const path = pathOf(sessionId, jobId, name);
      return path ? [{ name, label: labels[name] ?? null, path, sizeBytes }] : [];
    });
  return GROUPS.map((group) => [group, wanted.filter((each) => groupOf(each.name) === group)]);
}
