import type { components } from "./schema";

/** The values of the API, named as the page uses them. */
export type Schemas = components["schemas"];
export type Job = Schemas["JobView"];
export type JobStatus = Schemas["JobStatus"];
export type Stage = Schemas["Stage"];
export type StageState = Schemas["StageState"];
export type Session = Schemas["SessionView"];
export type SessionDetail = Schemas["SessionDetail"];
export type Transcript = Schemas["Transcript"];
export type Tracking = Schemas["InstructorTracking"];
