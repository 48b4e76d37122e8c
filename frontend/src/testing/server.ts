import { setupServer } from "msw/node";

/** The API that a test makes up; each test adds what it needs. */
export const server = setupServer();
