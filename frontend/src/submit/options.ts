import type { Schemas } from "../api/types";

export type JobOptions = Schemas["JobOptions"];

/** What the form holds, as texts and ticks. */
export interface Wishes {
  name: string;
  language: string;
  terms: string;
  followCam: boolean;
  overlay: boolean;
  keepDays: string;
  /** Names of vocabularies. */
  vocabularies: readonly string[];
  rendition: Rendition;
}

export type Rendition = "auto" | "always" | "never";

export const NO_WISHES: Wishes = {
  name: "",
  language: "",
  terms: "",
  followCam: false,
  overlay: false,
  keepDays: "",
  vocabularies: [],
  rendition: "auto",
};

/** Return the job's options: what the form says. */
export function optionsOf(wishes: Wishes): JobOptions {
  const hotwords = wishes.terms
    .split(",")
    .map((term) => term.trim())
    .filter(Boolean);
  const days = Number.parseInt(wishes.keepDays, 10);
  return {
    ...(wishes.language.trim() ? { language: wishes.language.trim() } : {}),
    ...(hotwords.length > 0 ? { hotwords } : {}),
    ...(wishes.followCam ? { followCam: true } : {}),
    ...(wishes.overlay ? { overlay: true } : {}),
    ...(wishes.vocabularies.length > 0 ? { vocabularies: [...wishes.vocabularies] } : {}),
    ...(wishes.rendition === "auto" ? {} : { rendition: wishes.rendition }),
    ...(days > 0 ? { retentionDays: days } : {}),
  };
}

/** Return a name to begin with: the file's, without its ending and underscores. */
export function nameOf(fileName: string): string {
  return fileName
    .replace(/\.[^.]+$/, "")
    .replace(/[_]+/g, " ")
    .trim();
}
